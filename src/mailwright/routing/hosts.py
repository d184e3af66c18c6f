"""The addresses of a host that somebody named: an external server, or the operator's route."""

from ipaddress import ip_address

from mailwright.dns import Asking, Found, Question
from mailwright.values import Domain


def host_addresses(name: str) -> Asking[tuple[str, ...]]:
    """Its addresses, IPv4 first (RFC 5321 §5.2 leaves the order open); empty where there are none or DNS did not answer."""
    host = Domain.parse(name)
    answers = yield (Question(host, "A"), Question(host, "AAAA"))
    return tuple(address for answer in answers if isinstance(answer, Found) for address in answer.names)


def reverse_confirmed(ip: str, name: str) -> Asking[bool]:
    """Whether the reverse name of an address is `name`, and that name leads back to the address (RFC 8601 §2.7.3, "iprev")."""
    address = ip_address(ip)
    reverse, forward = yield (Question(address.reverse_pointer, "PTR"), Question(name, "A" if address.version == 4 else "AAAA"))
    named = isinstance(reverse, Found) and name in reverse.names
    return named and isinstance(forward, Found) and str(address) in forward.names
