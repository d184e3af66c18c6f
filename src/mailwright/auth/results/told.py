"""Our own field: verdicts as one Authentication-Results (RFC 8601 §2.7): what was checked, of whom, and why it did not pass."""

from collections.abc import Sequence

from mailwright.auth.arc.verdict import ArcVerdict
from mailwright.auth.dkim.verdict import DkimVerdict
from mailwright.auth.dmarc.verdict import DmarcVerdict
from mailwright.auth.results.model import AuthResults, MethodResult, Property
from mailwright.auth.results.write import write_results
from mailwright.auth.spf.verdict import SpfVerdict

SHORTEST_SIGNATURE = 8  # characters of b= that tell signatures apart, RFC 6008 §4; more where they do not
_NO_REASON = frozenset({"pass", "none"})
_UNSIGNED = (MethodResult("dkim", "none"),)  # RFC 8601 §2.7.1: the mail was not signed


def told_field(
    authserv_id: str,
    *,
    spf: SpfVerdict,
    dkim: Sequence[DkimVerdict],
    dmarc: DmarcVerdict,
    arc: ArcVerdict,
    mail_from: str,
) -> str:
    """The whole field with its CRLF, to be put on top of the mail (RFC 8601 §4.1), after `remove_forged`.

    Whatever the values hold, it is one well-formed field: see `write_results`.
    """
    signed = _dkim(dkim) if dkim else _UNSIGNED
    return write_results(AuthResults(authserv_id, (_spf(spf, mail_from), *signed, _dmarc(dmarc), _arc(arc, spf.ip))))


def _spf(verdict: SpfVerdict, mail_from: str) -> MethodResult:
    """RFC 8601 §2.7.2: smtp.mailfrom is what MAIL FROM gave; for the null sender the HELO name was checked in its place."""
    checked = Property("smtp", "mailfrom", mail_from) if mail_from else Property("smtp", "helo", verdict.helo)
    return MethodResult("spf", verdict.result.value, _why(verdict), (checked,))


def _dkim(verdicts: Sequence[DkimVerdict]) -> list[MethodResult]:
    """One result a signature, from the top (RFC 8601 §2.7.1, RFC 6008)."""
    shown = _distinguishing([verdict.signature for verdict in verdicts])
    return [
        MethodResult("dkim", verdict.result.value, _why(verdict), _signature(verdict, shown), None, _caution(verdict))
        for verdict in verdicts
    ]


def _distinguishing(signatures: list[str]) -> int:
    """How many characters of b= are to be shown so that no two different signatures look the same (RFC 6008 §4)."""
    shown = SHORTEST_SIGNATURE
    if len(signatures) > 1:
        different = set(signatures)
        while len({signature[:shown] for signature in different}) < len(different):
            shown *= 2
    return shown


def _signature(verdict: DkimVerdict, shown: int) -> tuple[Property, ...]:
    """What is known of it; of a signature that could not be read, what it says of itself."""
    told = (
        Property("header", "d", verdict.domain),
        Property("header", "i", verdict.identity),
        Property("header", "s", verdict.selector),
        Property("header", "a", verdict.algorithm),
        Property("header", "b", verdict.signature[:shown]),
    )
    return told if verdict.domain and verdict.signature else tuple([one for one in told if one.value])


def _caution(verdict: DkimVerdict) -> str:
    if verdict.covers_all:
        return "the domain only tests DKIM" if verdict.testing else ""
    return "a part of the body is not signed"


def _dmarc(verdict: DmarcVerdict) -> MethodResult:
    """header.from is the author domain, policy.dmarc what its owner asks for, after sp=, np= and t= (RFC 9989 §9)."""
    asked = (Property("policy", "dmarc", verdict.policy),) if verdict.policy else ()
    author = (Property("header", "from", verdict.author),) if verdict.author else ()
    return MethodResult("dmarc", verdict.result.value, _why(verdict), author + asked)


def _arc(verdict: ArcVerdict, ip: str) -> MethodResult:
    """RFC 8617 §6: with the address that handed the mail over, and since which set the mail is unchanged."""
    if not verdict.instances:
        return MethodResult("arc", verdict.result.value, _why(verdict))
    told: tuple[Property, ...] = (Property("smtp", "remote-ip", ip),) if ip else ()
    if verdict.oldest_pass is not None:
        told += (Property("header", "oldest-pass", str(verdict.oldest_pass)),)
    return MethodResult("arc", verdict.result.value, _why(verdict), told)


def _why(verdict: SpfVerdict | DkimVerdict | DmarcVerdict | ArcVerdict) -> str:
    """What happened, in words, for what did not pass."""
    return "" if verdict.result in _NO_REASON else verdict.reason.what
