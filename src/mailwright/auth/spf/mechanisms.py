"""The mechanisms that ask for addresses (RFC 7208 §5.3 to §5.5, §5.7)."""

from mailwright.auth.spf.names import has_name_within, target_name
from mailwright.auth.spf.record import SpfKind, SpfTerm
from mailwright.auth.spf.state import MAX_HOSTS, MAX_VOIDS, Check
from mailwright.auth.spf.visit import SpfOutcome, SpfVisit
from mailwright.dns import Answer, Asking, Failed, Found, Missing, Question, askable


def matched(check: Check, visit: SpfVisit, term: SpfTerm) -> Asking[SpfOutcome | None]:
    """Evaluate a, mx, ptr or exists: MATCH, None for no match, else what ends the check.

    A target that is no name that can be asked does not match (RFC 7208 §4.8 leaves it open).
    """
    check.void_counted = False
    name = term.name
    if not name:
        name = visit.domain if term.macros is None else (yield from target_name(check, visit.domain, term.macros))
    outcome = (yield from _asked(check, visit, term, name)) if name else None
    return check.over() or outcome


def _asked(check: Check, visit: SpfVisit, term: SpfTerm, name: str) -> Asking[SpfOutcome | None]:
    match term.kind:
        case SpfKind.MX:
            return (yield from _mx(check, visit, term, name))
        case SpfKind.PTR:
            return SpfOutcome.MATCH if (yield from has_name_within(check, name)) else None
        case SpfKind.EXISTS:  # any A record, for a client of either family (RFC 7208 §5.7)
            (answer,) = yield from check.answers((Question(name, "A"),))
            return (SpfOutcome.MATCH if isinstance(answer, Found) else None) or _nothing(check, answer)
        case _:  # RFC 7208 §5.3
            (answer,) = yield from check.answers((Question(name, check.address_type),), visit)
            return _compared(check, term, answer)


def _mx(check: Check, visit: SpfVisit, term: SpfTerm, name: str) -> Asking[SpfOutcome | None]:
    """One of the addresses of the mail servers, by preference; never the implicit MX (RFC 7208 §5.4)."""
    (answer,) = yield from check.answers((Question(name, "MX"),), visit)
    if not isinstance(answer, Found):
        return _nothing(check, answer)
    hosts = [mx.host for mx in sorted(answer.exchangers, key=lambda mx: mx.preference)]
    names = [host for host in hosts[:MAX_HOSTS] if host and askable(host)]  # a null MX names none, RFC 7505 §3
    for told in (yield from check.answers([Question(host, check.address_type) for host in names])):
        outcome = _compared(check, term, told)
        if outcome or check.voids > MAX_VOIDS:
            return outcome
    return SpfOutcome.HOSTS if len(hosts) > MAX_HOSTS else None  # the eleventh would be asked for now, RFC 7208 §4.6.4


def _compared(check: Check, term: SpfTerm, answer: Answer) -> SpfOutcome | None:
    """Whether the client is among these addresses, by the high bits that the term names (RFC 7208 §5)."""
    if isinstance(answer, Found):
        return SpfOutcome.MATCH if check.client.among(answer.names, term.cidr4, term.cidr6) else None
    return _nothing(check, answer)


def _nothing(check: Check, answer: Answer) -> SpfOutcome | None:
    """NXDOMAIN counts as no records; no answer ends the check (RFC 7208 §5)."""
    if isinstance(answer, Missing):
        check.void()
    return SpfOutcome.NO_ANSWER if isinstance(answer, Failed) else None
