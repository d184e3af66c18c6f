"""A DMARC record as its owner wrote it: every tag, what counts of it, and what is wrong with it."""

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote

from mailwright.auth.dmarc import faults
from mailwright.values import Address, Finding, Malformed

MAX_KEPT = 1024  # characters of a record that is kept once read; real ones have some 200
MAX_FLAWS = 20  # told of one record
WSP = " \t"  # RFC 5234 B.1
OUTDATED = frozenset({"pct", "rf", "ri"})  # RFC 9989 A.6, §9: historic
KNOWN = frozenset({"v", "p", "sp", "np", "t", "psd", "adkim", "aspf", "rua", "ruf", "fo"}) | OUTDATED  # RFC 9989 §4.7
_SCHEME = frozenset("abcdefghijklmnopqrstuvwxyz0123456789+-.")  # RFC 3986 §3.1
_NOT_IN_URI = frozenset('<>"{}|\\^` !')  # RFC 3986 §2; the exclamation mark by RFC 9989 §4.8
_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}  # RFC 7489 §6.4


class Policy(StrEnum):
    """What an owner asks receivers to do with mail that fails (RFC 9989 §4.7 p=)."""

    NONE = "none"
    QUARANTINE = "quarantine"
    REJECT = "reject"

    @property
    def milder(self) -> "Policy":
        """One step milder: what applies while the owner tests (RFC 9989 §4.7 t=)."""
        return Policy.QUARANTINE if self is Policy.REJECT else Policy.NONE


class Flaw(NamedTuple):
    """Something in a record that does not count as its owner may think; in words by `DmarcRecord.faults`."""

    kind: str  # policy, invalid, unknown, outdated, repeated, address, size, malformed
    tag: str
    value: str


@dataclass(frozen=True, slots=True)
class ReportAddress:
    """Where reports are wanted (RFC 9989 §4.6): `address` is None where it is no mailto URI, which nobody must serve.

    `limit` is the size from RFC 7489 §6.4, in octets; it is outdated.
    """

    uri: str
    address: Address | None = None
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class DmarcRecord:
    """One record (RFC 9989 §4.7). `p`, `sp`, `np` are None where they are absent or not valid."""

    text: str
    tags: tuple[tuple[str, str], ...]  # all that is there, in its order, as published
    p: Policy | None
    sp: Policy | None
    np: Policy | None
    adkim: str  # r or s
    aspf: str
    psd: str  # y, n or u
    testing: bool
    fo: tuple[str, ...]
    rua: tuple[ReportAddress, ...]
    ruf: tuple[ReportAddress, ...]
    flaws: tuple[Flaw, ...]

    @property
    def sound(self) -> bool:
        """Whether its policies can be read: p is there, and none of p, sp, np is wrong (RFC 9989 §4.10.1)."""
        return self.p is not None and not any(flaw.kind == "policy" for flaw in self.flaws)

    @property
    def usable(self) -> bool:
        """Whether it has a policy at all: a record that is not sound is p=none if reports have somewhere to go (§4.10.1)."""
        return bool(self.rua) or self.sound

    @property
    def depends_on_existence(self) -> bool:
        """Whether it matters for its sub-domains if they exist (RFC 9989 §4.7 np=)."""
        return self.np is not None and self.policy(subdomain=True) is not self.policy(subdomain=True, exists=False)

    def policy(self, *, subdomain: bool, exists: bool = True) -> Policy:
        """What applies to the record's own name or to a sub-domain that exists or not (RFC 9989 §4.10.1, §4.7 t=)."""
        asked = self.p
        if asked is None or not self.sound:
            return Policy.NONE
        if subdomain:
            asked = self.sp or asked
            asked = asked if exists else self.np or asked
        return asked.milder if self.testing else asked

    @property
    def faults(self) -> tuple[Finding, ...]:
        """What its owner should mend, in words; each finding has the record as its evidence."""
        return tuple([faults.found(*flaw, self.text, bool(self.rua)) for flaw in self.flaws[:MAX_FLAWS]])


def read_dmarc(text: str) -> DmarcRecord | None:
    """The record in a TXT text; None where it is no DMARC record: `v=DMARC1` must come first, letter for letter (RFC 9989 §4.7).

    Whatever follows never voids it: unknown tags are ignored, a value that is not valid gives way to the default (§4.7).
    Tag names have a case (RFC 6376 §3.2), the values have none (RFC 5234 §2.3). A tag that is there twice with two values
    counts as absent.
    """
    return _kept(text) if len(text) <= MAX_KEPT else _read(text)


@lru_cache(maxsize=2048)  # a few kilobytes each
def _kept(text: str) -> DmarcRecord | None:
    return _read(text)


def _read(text: str) -> DmarcRecord | None:
    head, _, rest = text.partition(";")
    name, _, version = head.partition("=")
    if name.rstrip(WSP) != "v" or version.strip(WSP) != "DMARC1":
        return None
    reader = _Reader(rest)
    p, sp, np = reader.policy("p"), reader.policy("sp"), reader.policy("np")
    if "p" not in reader.values:
        reader.flaw("policy", "p", "")
    return DmarcRecord(
        text=text,
        tags=(("v", "DMARC1"), *reader.tags),
        p=p,
        sp=sp,
        np=np,
        adkim=reader.choice("adkim", "rs"),
        aspf=reader.choice("aspf", "rs"),
        psd=reader.choice("psd", "uyn"),
        testing=reader.choice("t", "ny") == "y",
        fo=reader.options(),
        rua=reader.addresses("rua"),
        ruf=reader.addresses("ruf"),
        flaws=tuple(sorted(reader.flaws, key=lambda flaw: flaw.kind != "policy")),  # what harms most is told first
    )


class _Reader:
    """The tags after the version, read one by one; what does not fit is noted and passed over."""

    def __init__(self, text: str) -> None:
        self.tags: list[tuple[str, str]] = []
        self.values: dict[str, str] = {}
        self.flaws: list[Flaw] = []
        for piece in text.split(";"):
            if piece := piece.strip(WSP):
                self.tag(piece)

    def tag(self, piece: str) -> None:
        """One `name = value` (RFC 9989 §4.8 dmarc-tag)."""
        name, equals, value = piece.partition("=")
        name, value = name.rstrip(WSP), value.lstrip(WSP)
        if not equals or not name.isascii() or not name.isalpha():
            return self.flaw("malformed", "", piece)
        self.tags.append((name, value))
        if name not in KNOWN:
            return self.flaw("unknown", name, value)
        if name in OUTDATED:
            return self.flaw("outdated", name, value)
        if name == "v" or self.values.setdefault(name, value) != value:
            self.flaw("repeated", name, value)
            self.values[name] = ""  # void: no value is empty (§4.8)
        return None

    def flaw(self, kind: str, tag: str, value: str) -> None:
        self.flaws.append(Flaw(kind, tag, value))

    def policy(self, tag: str) -> Policy | None:
        """RFC 9989 §4.8 dmarc-request."""
        value = self.values.get(tag)
        found = None if value is None else _POLICIES.get(value.lower())
        if value is not None and found is None:
            self.flaw("policy", tag, value)
        return found

    def choice(self, tag: str, letters: str) -> str:
        """One of some letters; the first is the default (RFC 9989 §4.8)."""
        value = self.values.get(tag)
        if value is None:
            return letters[0]
        if len(value) == 1 and value.lower() in letters:
            return value.lower()
        self.flaw("invalid", tag, value)
        return letters[0]

    def options(self) -> tuple[str, ...]:
        """fo=, a list parted by colons (RFC 9989 §4.7)."""
        value = self.values.get("fo")
        if value is None:
            return ("0",)
        options = [option.strip(WSP).lower() for option in value.split(":")]
        if any(option not in {"0", "1", "d", "s"} for option in options):
            self.flaw("invalid", "fo", value)
            return ("0",)
        return tuple(options)

    def addresses(self, tag: str) -> tuple[ReportAddress, ...]:
        """rua= or ruf=, a list parted by commas (RFC 9989 §4.8 dmarc-urilist); what is no URI is passed over."""
        value = self.values.get(tag)
        found: list[ReportAddress] = []
        for text in value.split(",") if value is not None else ():
            one = _report_address(text.strip(WSP))
            if one is None or one.address is None:
                self.flaw("address", tag, text.strip(WSP))
            elif one.limit is not None:
                self.flaw("size", tag, text.strip(WSP))
            if one is not None:
                found.append(one)
        return tuple(found)


def _report_address(uri: str) -> ReportAddress | None:
    """A URI with the size that may follow it; None where it is no URI."""
    bare, mark, size = uri.partition("!")
    limit = _octets(size) if mark else None
    scheme, colon, path = bare.partition(":")
    scheme = scheme.lower()
    if mark and limit is None:
        return None
    if not (colon and path and scheme and scheme[0].isalpha() and _SCHEME.issuperset(scheme)):
        return None
    if not (path.isascii() and path.isprintable() and _NOT_IN_URI.isdisjoint(path)):
        return None
    if scheme != "mailto":
        return ReportAddress(uri, None, limit)
    try:
        return ReportAddress(uri, Address.parse(unquote(path.partition("?")[0])), limit)  # RFC 6068 §2
    except Malformed:
        return None


def _octets(size: str) -> int | None:
    """A size such as 10m in octets (RFC 7489 §6.4); None where it is none."""
    unit = size[-1:].lower() if size[-1:].isalpha() else ""
    digits = size[: len(size) - len(unit)]
    if unit not in _UNITS or not (digits.isascii() and digits.isdigit()) or len(digits) > 12:
        return None
    return int(digits) * _UNITS[unit]


_POLICIES = {str(policy): policy for policy in Policy}
