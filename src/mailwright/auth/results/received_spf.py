"""Received-SPF: the older field in which a server tells what SPF said (RFC 7208 §9.1)."""

import re
from typing import NamedTuple

from mailwright.auth.results.scan import Scanner, unfolded
from mailwright.auth.results.write import always_quoted, commented, folded, keyword
from mailwright.auth.spf.verdict import SpfVerdict
from mailwright.values import Malformed

_ATOM = r"0-9A-Za-z!#$%&'*+/=?^_`{|}~\-"  # RFC 5322 §3.2.3 atext
_DOT_ATOM = re.compile(rf"[{_ATOM}]{{1,250}}(?:\.[{_ATOM}]{{1,250}}){{0,30}}")
_ERRORS = frozenset({"temperror", "permerror"})
_SAYS = {
    "pass": "permits",
    "fail": "does not permit",
    "softfail": "probably does not permit",
    "neutral": "says nothing of",
    "none": "has no SPF record that could permit",
}
_REMEDY = "Nobody need act: the field is passed over. Who wrote it should follow RFC 7208 §9.1."


class ReceivedSpf(NamedTuple):
    """A field: the result in lower case, the comment beside it, and key=value pairs in their order, keys in lower case."""

    result: str
    comment: str = ""
    pairs: tuple[tuple[str, str], ...] = ()

    def value(self, key: str) -> str:
        """The value of the first such key (client-ip, envelope-from, helo, identity, mechanism, problem, receiver), else ""."""
        return next((value for name, value in self.pairs if name == key), "")


def write_received_spf(spf: ReceivedSpf) -> str:
    """The whole field, folded, with its CRLF; every value that is no dot-atom is quoted, and bounded like those of
    Authentication-Results (RFC 7208 §9.1: no invalid characters, not too long, nothing malicious of the sender's).

    Raises Malformed where the result or a key is no keyword.
    """
    parts = [keyword(spf.result)]
    if spf.comment:
        parts.append(commented(spf.comment))
    last = len(spf.pairs) - 1
    parts += [f"{keyword(key)}={_quoted(value)}{'' if n == last else ';'}" for n, (key, value) in enumerate(spf.pairs)]
    return folded("Received-SPF:", parts)


def told_received_spf(verdict: SpfVerdict, receiver: str) -> str:
    """The field for a verdict, with all from which it can be checked again; to be put above every other (RFC 7208 §9.1)."""
    pairs = [("client-ip", verdict.ip), ("helo", verdict.helo), ("identity", verdict.identity), ("receiver", receiver)]
    if verdict.identity == "mailfrom":
        pairs.insert(1, ("envelope-from", verdict.sender))
    pairs.append(("mechanism", verdict.term or "default"))
    if verdict.result in _ERRORS:
        pairs.append(("problem", verdict.reason.what))
    comment = f"{receiver}: {verdict.domain} {_SAYS.get(verdict.result, 'could not be judged for')} {verdict.ip}"
    return write_received_spf(ReceivedSpf(verdict.result.value, comment, tuple(pairs)))


def read_received_spf(field: bytes | str) -> ReceivedSpf:
    """Read a Received-SPF field or its value, tolerantly: semicolons may be missing, values unquoted, comments anywhere.

    Raises Malformed: no result, a key without "=", a quote or comment that does not end, a control character.
    """
    scan = Scanner(unfolded(field, "received-spf"))
    result = scan.word().lower()
    if not result:
        raise Malformed(f"There is no result: {scan.seen!r}.", _REMEDY)
    scan.gap()
    pairs: list[tuple[str, str]] = []
    while not scan.ended():
        if not scan.accept(";") and not scan.ended():
            pairs.append(_pair(scan))
            scan.gap()
    return ReceivedSpf(result, scan.comment(), tuple(pairs))


def _pair(scan: Scanner) -> tuple[str, str]:
    key = scan.word().lower()
    if not key or not scan.accept("="):
        raise Malformed(f"{(key or scan.seen)[:40]!r} is not key=value.", _REMEDY)
    return key, scan.value()


def _quoted(value: str) -> str:
    return value if _DOT_ATOM.fullmatch(value) and len(value) <= 255 else always_quoted(value)
