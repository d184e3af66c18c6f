"""The reader: tolerant, for fields of others come in many spellings; what cannot be understood is said (RFC 8601 §2.2)."""

import re

from mailwright.auth.results.model import AuthResults, MethodResult, Property
from mailwright.auth.results.scan import Scanner, unfolded
from mailwright.values import Malformed

_REMEDY = "Nobody need act: the field is passed over. Who wrote it should follow RFC 8601 §2.2."
_IDENTITY = re.compile(r'[^ \t;()"=]++')


def read_results(field: bytes | str) -> AuthResults:
    """Read an Authentication-Results field or its value, folded or not.

    Comments may stand anywhere, names are given in lower case, unknown methods, results and properties are kept. Also
    read: a missing authserv-id, properties without ptype, values that should be quoted, semicolons too many. Raises
    Malformed: no "=" after a name, a quote or comment that does not end, a control character, nothing at all.
    """
    scan = Scanner(unfolded(field, "authentication-results"))
    identity, version = _identity(scan)
    comment = scan.comment()
    results: list[MethodResult] = []
    while not scan.ended():
        if scan.accept(";"):
            continue
        comment = _joined(comment, scan.comment())
        if scan.ended():
            break
        result = _result(scan)
        if result is None:  # "none": nothing was checked
            comment = _joined(comment, scan.comment())
        else:
            results.append(result)
    return AuthResults(identity, tuple(results), version, comment)


def _identity(scan: Scanner) -> tuple[str, int | None]:
    """Who checked, and the version of the format. Some leave their name out and begin with a result: that is read too."""
    scan.gap()
    if scan.ended():
        raise Malformed("The field is empty.", _REMEDY)
    identity = scan.value(_IDENTITY)
    if scan.accept("="):
        scan.position = 0
        scan.comments.clear()
        return "", None
    version = scan.number()
    scan.gap()
    if not scan.ended() and not scan.text.startswith(";", scan.position):
        raise Malformed(f"There is text between the server's name and the first result: {scan.seen!r}.", _REMEDY)
    return identity, version


def _result(scan: Scanner) -> MethodResult | None:
    """One method=result with all that belongs to it; None for "none"."""
    method = scan.word().lower()
    version = scan.number() if scan.accept("/") else None
    if not scan.accept("="):
        if method == "none" and (scan.ended() or scan.text[scan.position] == ";"):
            return None
        raise Malformed(f"There is no result: {(method or scan.seen)[:40]!r} is not method=result.", _REMEDY)
    result = scan.word().lower()
    if not method or not result:
        raise Malformed(f"A method or a result has no name before {scan.seen!r}.", _REMEDY)
    scan.gap()
    comment = scan.comment()
    reason = ""
    properties: list[Property] = []
    while not scan.ended() and scan.text[scan.position] != ";":
        one = _property(scan)
        if (one.ptype, one.name) == ("", "reason"):
            reason = reason or one.value
            comment = _joined(comment, one.comment)
        else:
            properties.append(one)
    return MethodResult(method, result, reason, tuple(properties), version, comment)


def _property(scan: Scanner) -> Property:
    """ptype.name=value with the comments in it and behind it (RFC 8601 §2.2 propspec)."""
    ptype, name = "", scan.word().lower()
    while name and scan.accept("."):
        ptype, name = (f"{ptype}.{name}" if ptype else name), scan.word().lower()
    if not name or not scan.accept("="):
        raise Malformed(f"{(name or scan.seen)[:40]!r} is not property=value.", _REMEDY)
    value = scan.value()
    scan.gap()
    return Property(ptype, name, value, scan.comment())


def _joined(one: str, other: str) -> str:
    return f"{one} {other}" if one and other else one or other
