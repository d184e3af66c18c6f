"""The tags of a signature, read as strictly as RFC 6376 §6.1.1 wants; ARC has nearly the same (RFC 8617 §4.1.2)."""

import binascii
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from mailwright.auth.dkim.canonical import Form
from mailwright.auth.dkim.fault import Fault
from mailwright.auth.dkim.forms import BodyForm, body_limit, canonical_forms
from mailwright.auth.dkim.keys import Algorithm
from mailwright.auth.tags import without_space
from mailwright.message.headers import FTEXT
from mailwright.values import Domain, Malformed
from mailwright.values.address import is_dot_atom

MAX_NAMES = 2_000  # in h=: twice the fields that a mail may have (message.headers.MAX_FIELDS), each once more against additions
MAX_TIME_DIGITS = 12  # RFC 6376 §3.5 t=, x=
MIN_LABELS = 2  # RFC 6376 §3.5 d=: domain-name = sub-domain 1*("." sub-domain)
REQUIRED = ("a", "b", "bh", "d", "h", "s")  # RFC 6376 §6.1.1; v= is checked before them, and ARC has none
DNS_TXT = "dns/txt"  # the one way to ask for a key, RFC 6376 §3.5 q=
_KNOWN_TERMS = 256  # signers kept: their tags are checked once; each holds at most a few hundred KB, mostly 2
_HEX = frozenset("0123456789abcdefABCDEF")


class Terms(NamedTuple):
    """What a signer writes alike into all of its signatures. Names are lower-case A-labels; `names` are h= in lower case."""

    algorithm: Algorithm
    domain: str
    selector: str
    form: Form
    body: Form
    names: tuple[bytes, ...]


class Signature(NamedTuple):
    """One signature field, each of its values checked. `identity` is i= decoded, `identity_domain` its right-hand side."""

    terms: Terms
    identity: str
    identity_domain: str
    body: BodyForm
    body_hash: bytes
    octets: bytes
    signed_at: int | None
    expires: int | None


def read_signature(tags: Mapping[str, str]) -> Signature:
    """Check the tags of a DKIM-Signature (RFC 6376 §3.5, §6.1.1). Raises Fault for the first that is wrong."""
    if tags.get("v") != "1":
        raise Fault("dkim-version", tags["v"][:20]) if "v" in tags else Fault("dkim-tag-missing", "v=")
    terms = read_terms(tags)
    if b"from" not in terms.names:  # RFC 6376 §5.4, §6.1.1
        raise Fault("dkim-from-unsigned")
    identity, domain = _identity(tags.get("i", ""), terms.domain) if "i" in tags else (f"@{terms.domain}", terms.domain)
    return _signature(tags, terms, identity, domain)


def read_message_signature(tags: Mapping[str, str]) -> Signature:
    """Check the tags that an ARC-Message-Signature shares with DKIM; not its i=, a number (RFC 8617 §4.1.2). Raises Fault."""
    terms = read_terms(tags)
    return _signature(tags, terms, "", terms.domain)


def read_terms(tags: Mapping[str, str]) -> Terms:
    """Check that no required tag is missing, and all that does not change from mail to mail. Raises Fault."""
    for name in REQUIRED:
        if not tags.get(name):
            raise Fault("dkim-tag-missing", f"{name}=")
    return _terms(tags["a"], tags.get("c", "simple"), tags["d"], tags["h"], tags.get("q", DNS_TXT), tags["s"])


def read_algorithm(text: str) -> Algorithm:
    """a=, in its own spelling: values are case-sensitive (RFC 6376 §3.2). Raises Fault."""
    if text == "rsa-sha1":
        raise Fault("dkim-sha1")
    try:
        return Algorithm(text)
    except ValueError:
        raise Fault("dkim-algorithm-unknown", text[:40]) from None


def read_domain(text: str) -> str:
    """d=: a host name of at least two labels, in A-labels; U-labels are read too (RFC 6376 §3.5, RFC 8616 §5). Raises Fault."""
    try:
        name = _host(text)
    except Malformed:
        raise Fault("dkim-domain-malformed", text[:80]) from None
    if name.count(".") < MIN_LABELS - 1:
        raise Fault("dkim-domain-malformed", text[:80])
    return name


def read_selector(text: str) -> str:
    """s=: labels of a host name (RFC 6376 §3.1), in A-labels; U-labels are read too (RFC 8616 §5). Raises Fault.

    An underscore passes, though the grammar has none: signers in the field use it, and such a name can hold a TXT record.
    """
    try:
        if "_" not in text or not text.isascii():
            return _host(text)
        _host(text.replace("_", "x"))
        return text.lower()
    except Malformed:
        raise Fault("dkim-selector-malformed", text[:80]) from None


def read_base64(name: str, text: str) -> bytes:
    """The octets of a tag in base64, whose white space means nothing (RFC 6376 §3.5 b=, bh=). Raises Fault."""
    try:
        octets = binascii.a2b_base64(without_space(text), strict_mode=True)
    except ValueError:
        raise Fault("dkim-base64", f"{name}=") from None
    if not octets:
        raise Fault("dkim-base64", f"{name}=")
    return octets


def read_time(tags: Mapping[str, str], name: str) -> int | None:
    """t= or x=, seconds since 1970; None where there is none (RFC 6376 §3.5). Raises Fault."""
    text = tags.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= MAX_TIME_DIGITS):
        raise Fault("dkim-time-malformed", f"{name}={text[:40]}")
    return int(text)


def _signature(tags: Mapping[str, str], terms: Terms, identity: str, identity_domain: str) -> Signature:
    try:
        limit = body_limit(tags.get("l"))
    except Malformed as fault:
        raise Fault("dkim-length-malformed", str(fault)) from None
    signed_at, expires = read_time(tags, "t"), read_time(tags, "x")
    if signed_at is not None and expires is not None and expires <= signed_at:  # RFC 6376 §3.5 x=: MUST be greater
        raise Fault("dkim-expires-before-signed", f"t={signed_at}, x={expires}")
    body_hash, octets = read_base64("bh", tags["bh"]), read_base64("b", tags["b"])
    return Signature(terms, identity, identity_domain, BodyForm(terms.body, limit), body_hash, octets, signed_at, expires)


@lru_cache(maxsize=_KNOWN_TERMS)
def _terms(a: str, c: str, d: str, h: str, q: str, s: str) -> Terms:
    algorithm = read_algorithm(a)
    try:
        form, body = canonical_forms(c)
    except Malformed:
        raise Fault("dkim-form-unknown", c[:40]) from None
    domain = read_domain(d)
    names = _names(h)
    if DNS_TXT not in [method.strip() for method in q.split(":")]:
        raise Fault("dkim-query-unknown", q[:40])
    return Terms(algorithm, domain, read_selector(s), form, body, names)


def _names(text: str) -> tuple[bytes, ...]:
    """h= in lower case; folds may stand around its colons (RFC 6376 §3.5)."""
    if text.count(":") >= MAX_NAMES:
        raise Fault("dkim-names-too-many", str(text.count(":") + 1))
    names = tuple([name.strip().encode("utf-8", "replace").lower() for name in text.split(":")])
    for name in names:
        if not name or name.translate(None, FTEXT):
            raise Fault("dkim-names-malformed", name.decode("utf-8", "replace")[:40])
    return names


def _host(text: str) -> str:
    """A host name has no final dot here (RFC 5321 §4.1.2 Domain)."""
    if text.endswith("."):
        raise Malformed("A name ends in a dot.")
    return Domain.parse(text).name


def _identity(text: str, domain: str) -> tuple[str, str]:
    """i= decoded, and its domain: d= or below it (RFC 6376 §3.5 i=, §6.1.1)."""
    plain = _unquoted(text)
    local, at, right = plain.rpartition("@")
    if not at or not (not local or is_dot_atom(local) or _is_quoted(local)):
        raise Fault("dkim-identity-malformed", plain[:80])
    try:
        name = _host(right)
    except Malformed:
        raise Fault("dkim-identity-malformed", plain[:80]) from None
    if name != domain and not name.endswith("." + domain):
        raise Fault("dkim-identity-outside", f"i={plain[:80]}")
    return f"{local}@{name}", name


def _unquoted(text: str) -> str:
    """dkim-quoted-printable decoded (RFC 6376 §2.11); white space in it means nothing."""
    text = without_space(text)
    if "=" not in text:
        return text
    first, *parts = text.split("=")
    if not all(len(part) >= 2 and _HEX.issuperset(part[:2]) for part in parts):
        raise Fault("dkim-identity-malformed", text[:80])
    octets = bytearray(first.encode("utf-8", "replace"))
    for part in parts:
        octets += bytes((int(part[:2], 16),)) + part[2:].encode("utf-8", "replace")
    return octets.decode("utf-8", "replace")


def _is_quoted(local: str) -> bool:
    """A quoted-string (RFC 5321 §4.1.2): its inside printable, with no quote but after a backslash."""
    if len(local) < 2 or not local[0] == local[-1] == '"':
        return False
    inner = local[1:-1].replace("\\\\", "").replace('\\"', "")
    return inner.isprintable() and '"' not in inner and not inner.endswith("\\")
