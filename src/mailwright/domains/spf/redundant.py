"""Terms of one record that can decide nothing, because another has decided before, or decides the same after them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mailwright.auth import SpfKind, SpfTerm
from mailwright.auth.spf.network import BITS4, BITS6
from mailwright.domains.spf.networks import Networks

MAX_COMPARED = 300  # mechanisms; each is compared with each, and no record that is read (RFC 7208 §3.4) has nearly so many
Key = tuple[SpfKind, str, int, int]
_FAMILY = {SpfKind.IP4: BITS4, SpfKind.IP6: BITS6}


@dataclass(frozen=True, slots=True)
class Redundant:
    """`term` decides nothing beside `by`. `is_same`: the two mean the same, so one of them can go without anybody noticing.

    Otherwise they contradict each other, and only their owner knows which was meant.
    """

    term: SpfTerm
    by: SpfTerm
    is_same: bool


def term_key(term: SpfTerm, domain: str) -> Key:
    """Equal for terms that match the same senders, however they are written: `a` in example.com is `+A:example.com./32`."""
    if term.network >= 0:
        return term.kind, f"{term.network:x}", term.cidr4, term.cidr6
    return term.kind, term.name or term.value or domain, term.cidr4, term.cidr6


def networks_of(term: SpfTerm) -> Networks | None:
    """The addresses that an ip4 or ip6 names; None for other terms."""
    return Networks.of(_FAMILY[term.kind], [(term.network, term.shift)]) if term.network >= 0 else None


def redundant_terms(domain: str, steps: Sequence[SpfTerm]) -> Iterator[Redundant]:
    """Of the mechanisms of one record before its `all`, in order, those that another makes needless; never a faulty one."""
    sound = [term for term in steps if term.qualifier and not term.fault]
    if len(sound) > MAX_COMPARED:
        return
    for place, term in enumerate(sound):
        before = next((other for other in sound[:place] if covers(other, term, domain)), None)
        if before:
            yield Redundant(term, before, before.result is term.result)
        elif after := _covered_later(term, sound[place + 1 :]):
            yield Redundant(term, after, True)


def covers(other: SpfTerm, term: SpfTerm, domain: str) -> bool:
    """Whether `other` matches whatever `term` matches: the same mechanism of the same name, or a network around it."""
    if term.network >= 0 and other.kind is term.kind:
        return other.shift >= term.shift and term.network >> (other.shift - term.shift) == other.network
    return term_key(other, domain) == term_key(term, domain)


def _covered_later(term: SpfTerm, later: Sequence[SpfTerm]) -> SpfTerm | None:
    """A wider network behind it, with nothing between them that could say otherwise, or that could end the check."""
    if term.network < 0:
        return None
    for other in later:
        if other.network < 0:
            return None
        if other.kind is not term.kind:
            continue
        if covers(other, term, ""):
            return other if other.result is term.result else None
        if other.result is not term.result and covers(term, other, ""):
            return None
    return None
