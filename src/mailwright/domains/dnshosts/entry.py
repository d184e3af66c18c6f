"""A record that is to be published: what stands at which name, of the three types that a sending domain needs."""

from dataclasses import dataclass

from mailwright.dns import Mx, Txt, askable, canonical
from mailwright.dns.question import name_text
from mailwright.domains.dnshosts.provider import FormType
from mailwright.values import Domain
from mailwright.values.errors import Malformed

_MAX_TEXT = 65_535 - 300  # octets: all that a record can hold (RFC 1035 §3.2.1), less the length octets of its strings
_MAX_16 = 0xFFFF  # RFC 1035 §3.3.9


@dataclass(frozen=True, slots=True)
class Entry:
    """One record. `name` is canonical and full; `data` is a text, an exchanger, or (CNAME) a name; `ttl` in seconds, or None."""

    name: str
    data: Txt | Mx | str
    ttl: int | None = None

    @staticmethod
    def txt(name: str, text: str, ttl: int | None = None) -> "Entry":
        """A TXT record. Raises Malformed for what no name, or no text, can be."""
        octets = text.encode("utf-8", "surrogateescape")
        if len(octets) > _MAX_TEXT:
            raise Malformed(f"A text of {len(octets)} octets fits in no record.", f"Keep it below {_MAX_TEXT} octets.")
        return Entry(_name(name), Txt.of([octets]), ttl)

    @staticmethod
    def cname(name: str, target: str, ttl: int | None = None) -> "Entry":
        """An alias. Raises Malformed."""
        return Entry(_name(name), _name(target), ttl)

    @staticmethod
    def mx(name: str, preference: int, host: str, ttl: int | None = None) -> "Entry":
        """A mail exchanger; host "" says that the name takes no mail (RFC 7505 §3). Raises Malformed."""
        if not 0 <= preference <= _MAX_16:
            raise Malformed(f"{preference} is no preference of an MX record.", f"Give a number from 0 to {_MAX_16}.")
        return Entry(_name(name), Mx(preference, _name(host) if canonical(host) else ""), ttl)

    @property
    def type(self) -> FormType:
        """The record's type."""
        match self.data:
            case Txt():
                return "TXT"
            case Mx():
                return "MX"
            case _:
                return "CNAME"

    def within(self, zone: Domain) -> bool:
        """Whether the record's name belongs in the zone."""
        return self.name == zone.name or self.name.endswith(f".{zone.name}")


def dotted(name: str) -> str:
    """A name as zone files end it, with a dot, so that nothing is added to it (RFC 1035 §5.1)."""
    return f"{name_text(name)}." if name else "."


def _name(text: str) -> str:
    name = canonical(text)
    if not name or not askable(name):
        raise Malformed(f"{text[:80]!r} is not a name.", "Labels of 1 to 63 characters, parted by single dots, 253 in sum.")
    return name
