"""The addresses of a host that somebody named: an external server, or the operator's route."""

from mailwright.dns import Asking, Found, Question
from mailwright.values import Domain


def host_addresses(name: str) -> Asking[tuple[str, ...]]:
    """Its addresses, IPv4 first (RFC 5321 §5.2 leaves the order open); empty where there are none or DNS did not answer."""
    host = Domain.parse(name)
    answers = yield (Question(host, "A"), Question(host, "AAAA"))
    return tuple(address for answer in answers if isinstance(answer, Found) for address in answer.names)
