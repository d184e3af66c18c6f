"""Record values; `str()` of each is its zone-file text, all ASCII, so that it may go into any log, page or table.

Records of one name or address (A, AAAA, CNAME, PTR, NS) are plain `str`: canonical names, canonical addresses.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

from mailwright.dns.question import name_text

MAX_PIECE = 255  # octets of one character-string, RFC 1035 §3.3
_QUOTED = [f"\\{octet:03}" if octet < 32 or octet > 126 else chr(octet) for octet in range(256)]
_QUOTED[ord('"')], _QUOTED[ord("\\")] = '\\"', "\\\\"


@dataclass(frozen=True, slots=True)
class Txt:
    """A TXT record. `text` is its pieces joined with nothing between (RFC 7208 §3.3, RFC 6376 §3.6.2.2).

    Octets that are not UTF-8 stand in `text` as surrogates, so that `text.encode("utf-8", "surrogateescape")` gives
    back every octet; for people use `str()`.
    """

    text: str
    pieces: tuple[bytes, ...]

    @staticmethod
    def of(pieces: Iterable[bytes]) -> "Txt":
        """A record from its pieces; those longer than 255 octets are cut, as a zone file must (RFC 1035 §3.3)."""
        cut = tuple(piece[n : n + MAX_PIECE] for piece in pieces for n in range(0, len(piece) or 1, MAX_PIECE)) or (b"",)
        return Txt(b"".join(cut).decode("utf-8", "surrogateescape"), cut)

    def __str__(self) -> str:
        return " ".join(quoted(piece) for piece in self.pieces)


@dataclass(frozen=True, slots=True, order=True)
class Mx:
    """A mail exchanger; `host` is "" in a null MX (RFC 7505 §3)."""

    preference: int
    host: str

    def __str__(self) -> str:
        return f"{self.preference} {name_text(self.host)}"


@dataclass(frozen=True, slots=True)
class Tlsa:
    """A certificate association (RFC 6698 §2.1)."""

    usage: int
    selector: int
    matching: int
    data: bytes

    def __str__(self) -> str:
        return f"{self.usage} {self.selector} {self.matching} {self.data.hex()}"


@dataclass(frozen=True, slots=True)
class Soa:
    """The start of a zone (RFC 1035 §3.3.13); `minimum` is how long a "there is none" may be kept, seconds (RFC 2308 §4)."""

    primary: str
    contact: str
    serial: int
    refresh: int
    retry: int
    expire: int
    minimum: int

    def __str__(self) -> str:
        names = f"{name_text(self.primary)} {name_text(self.contact)}"
        return f"{names} {self.serial} {self.refresh} {self.retry} {self.expire} {self.minimum}"


@dataclass(frozen=True, slots=True)
class Caa:
    """Who may issue certificates (RFC 8659 §4)."""

    flags: int
    tag: str
    value: bytes

    def __str__(self) -> str:
        return f"{self.flags} {self.tag} {quoted(self.value)}"


Record: TypeAlias = str | Txt | Mx | Tlsa | Soa | Caa


def record_text(record: Record) -> str:
    """Any record as its zone-file text."""
    return name_text(record) if isinstance(record, str) else str(record)


def quoted(octets: bytes) -> str:
    """A character-string in quotes, other octets as \\DDD (RFC 1035 §5.1)."""
    return '"' + "".join(map(_QUOTED.__getitem__, octets)) + '"'
