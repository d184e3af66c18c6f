"""A question to the DNS: a name and a record type."""

from typing import Literal, NamedTuple

from mailwright.values import Domain

MAX_NAME = 253  # octets of a name without its root dot, RFC 1035 §3.1 (255 on the wire)
MAX_LABEL = 63  # RFC 1035 §3.1

RecordType = Literal["A", "AAAA", "CAA", "CNAME", "MX", "NS", "PTR", "SOA", "SPF", "TLSA", "TXT"]


class _Fields(NamedTuple):
    name: str
    type: RecordType


class Question(_Fields):
    """What is asked: `name` is lower case without its final dot, so that equal questions are equal values (RFC 4343 §3).

    A tuple, because every lookup in a cache hashes one. The name is raw text: dots part labels, nothing is escaped.
    """

    __slots__ = ()

    def __new__(cls, name: str | Domain, type: RecordType) -> "Question":
        return tuple.__new__(cls, (name.name if isinstance(name, Domain) else canonical(name), type))

    def __str__(self) -> str:
        return f"{name_text(self.name)} {self.type}"


def canonical(name: str) -> str:
    """A name as it is compared: ASCII letters in lower case (RFC 4343 §3.1), no final dot; other characters stay."""
    lower = name.lower() if name.isascii() else name.translate(_ASCII_LOWER)
    return lower.removesuffix(".")


def askable(name: str) -> bool:
    """Whether a canonical name can exist at all: labels of 1 to 63 octets, 253 in sum (RFC 1035 §3.1). The root can."""
    if len(name) > MAX_NAME:
        return False
    try:
        octets = name.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # half a character cannot come out of the DNS
        return False
    return len(octets) <= MAX_NAME and (not octets or all(0 < len(label) <= MAX_LABEL for label in octets.split(b".")))


def name_text(name: str) -> str:
    """A canonical name as zone files write it: all ASCII, other octets as \\DDD (RFC 1035 §5.1), "." for the root."""
    if _PLAIN.issuperset(name):
        return name or "."
    octets = name.encode("utf-8", "replace" if any("\ud800" <= char < "\udc80" for char in name) else "surrogateescape")
    return "".join(chr(octet) if chr(octet) in _PLAIN else f"\\{octet:03}" for octet in octets)


_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:*/+=")
_ASCII_LOWER = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}
