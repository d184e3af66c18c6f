"""What a person ticks: the servers that send, the terms that may go, and what becomes of all other mail."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from mailwright.auth import SpfKind, SpfTerm
from mailwright.auth.spf.network import BITS4, BITS6
from mailwright.domains.spf.networks import Networks
from mailwright.domains.spf.repair import readable
from mailwright.values import Malformed

_OFFERED = (SpfKind.MX, SpfKind.A, SpfKind.IP4, SpfKind.IP6, SpfKind.INCLUDE)

# What a receiver makes of a sender that no term names (RFC 7208 §2.6, §8). None of them is "pass", and DMARC counts only that.
ALL_WORDS = {
    "~all": "Soft fail: whoever is not listed is probably not allowed. Receivers mostly take the mail and look at it harder, and "
    "many put it with the spam. This is the one to begin with; with DKIM and DMARC it is strict enough to stay.",
    "?all": "Neutral: you say nothing about servers that are not listed. A receiver must treat their mail as if there were no "
    "SPF record (RFC 7208 §2.6.2), so it protects nobody. Nor does it make mail more welcome: DMARC takes it as not passed.",
    "-all": "Fail: whoever is not listed is not allowed, and many receivers refuse the mail at once. Take it when every server "
    "that sends is listed and your mail is signed by DKIM: forwarded mail comes from servers that you cannot list.",
}


@dataclass(frozen=True, slots=True)
class SpfWish:
    """`add`: terms that shall pass. `drop`: the texts of exactly those terms that may go. `all`: "" leaves it as it is."""

    add: tuple[SpfTerm, ...] = ()
    drop: frozenset[str] = field(default_factory=frozenset)
    all: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether nothing is wished for."""
        return not (self.add or self.drop or self.all)

    @staticmethod
    def read(*, add: Iterable[str] = (), drop: Iterable[str] = (), all: str = "") -> "SpfWish":
        """From texts such as "include:spf.example.com", "ip4:192.0.2.0/24" or "mx". Raises Malformed."""
        if all and all not in ALL_WORDS:
            raise Malformed(f"{all[:20]!r} is not one of the three ends of a record.", "Take ~all, ?all or -all.")
        return SpfWish(tuple(dict.fromkeys(map(read_term, add))), frozenset(text.strip() for text in drop), all)


def ticked(
    *,
    mx: bool = False,
    a: bool = False,
    hosts: Iterable[str] = (),
    networks: Iterable[str] = (),
    includes: Iterable[str] = (),
    all: str = "",
) -> SpfWish:
    """A wish from a form: the domain's mail servers, its own address, other hosts, networks, services. Raises Malformed."""
    terms = ["mx"] * mx + ["a"] * a
    terms += [f"a:{host}" for host in hosts]
    terms += [f"ip6:{one}" if ":" in one else f"ip4:{one}" for one in networks]
    terms += [f"include:{name}" for name in includes]
    return SpfWish.read(add=terms, all=all)


def read_term(text: str) -> SpfTerm:
    """One of the mechanisms that are offered, without macros; a network as it is written best. Raises Malformed."""
    term = readable(text.strip())
    if term is None or term.kind not in _OFFERED or term.qualifier != "+" or (term.macros and term.macros.letters):
        raise Malformed(
            f"{text[:80]!r} cannot be added to an SPF record here.",
            "Give mx, a, a:mail.example.com, ip4:192.0.2.0/24, ip6:2001:db8::/32 or include:_spf.example.com.",
        )
    plain = readable(_plain(term))
    return plain or term


def _plain(term: SpfTerm) -> str:
    """Without a plus sign; a network by its first address."""
    if term.network < 0:
        return term.text.removeprefix("+")
    bits = BITS4 if term.kind is SpfKind.IP4 else BITS6
    return f"{term.kind}:{Networks.of(bits, [(term.network, term.shift)]).texts[0]}"
