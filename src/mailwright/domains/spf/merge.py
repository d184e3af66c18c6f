"""The merger: one record out of those that are there and what is wished for; nothing is lost that was not ticked.

The order of terms is kept, for the first that matches decides (RFC 7208 §4.6.2). What is added stands behind all other
mechanisms and before `all`, so that it takes nothing from anybody. Terms are kept as they are written, macros included.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from mailwright.auth import SpfKind, SpfResult, SpfTerm, read_spf
from mailwright.auth.spf.parse import VERSION
from mailwright.domains.spf.redundant import covers, redundant_terms, term_key
from mailwright.domains.spf.repair import Repair, readable, repaired
from mailwright.domains.spf.wish import SpfWish
from mailwright.values import Finding
from mailwright.values.finding import error, warning

DEFAULT_ALL = "~all"  # for a record that did not exist
_MILD = (SpfResult.PASS, SpfResult.NEUTRAL, SpfResult.SOFTFAIL, SpfResult.FAIL)  # the mildest first


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that the merger did: "added", "moved", "joined", "dropped", "turned", "softened", "repaired" or "ended"."""

    done: str
    term: str
    into: str = ""


@dataclass(frozen=True, slots=True)
class Merge:
    """The record that came out, what was done, and what stands against it (`stops`: then the text is not to be published)."""

    text: str
    changes: tuple[Change, ...]
    stops: tuple[Finding, ...] = ()
    notes: tuple[Finding, ...] = ()


def merge_records(domain: str, texts: Sequence[str], wish: SpfWish) -> Merge:
    """Merge the records of a domain, as they stand in the DNS, with what is wished for; without any, make one."""
    repairs: list[Repair] = []
    lines = []
    for text in texts:
        meant, found = repaired(text)
        repairs += found
        lines.append(_Line.read(meant))
    whole = lines[0] if lines else _Line(VERSION)
    whole.changes += [Change("repaired", repair.written, repair.meant) for repair in repairs]
    for other in lines[1:]:
        whole.unite(other)
    whole.drop(wish.drop, domain)
    whole.conclude(wish.all or ("" if lines else DEFAULT_ALL))
    for term in wish.add:
        whole.add(term, domain)
    whole.join(domain)
    return Merge(whole.text, tuple(whole.changes), tuple(whole.stops), tuple(whole.notes))


@dataclass(slots=True)
class _Line:
    """A record in the making: terms before the first `all`, that one, and what stands behind it (modifiers hold there too)."""

    version: str
    body: list[SpfTerm] = field(default_factory=list)
    end: SpfTerm | None = None
    tail: list[SpfTerm] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    stops: list[Finding] = field(default_factory=list)
    notes: list[Finding] = field(default_factory=list)

    @staticmethod
    def read(text: str) -> "_Line":
        terms, end = read_spf(text).terms, read_spf(text).all
        place = terms.index(end) if end else len(terms)
        return _Line(text[: len(VERSION)], list(terms[:place]), end, list(terms[place + 1 :]))

    @property
    def text(self) -> str:
        return " ".join([self.version, *[term.text for term in self._terms()]])

    @property
    def redirect(self) -> SpfTerm | None:
        """The redirect that holds: one beside `all` does not (RFC 7208 §6.1)."""
        return None if self.end else self._modifier(SpfKind.REDIRECT)

    def unite(self, other: "_Line") -> None:
        """Take another record of the same domain in: its mechanisms behind ours, the milder `all`, its modifiers."""
        for one, peer in ((self, other), (other, self)):
            if one.redirect and (peer.end or (one is other and peer.redirect)):
                self._turn(one)
        self.body[self.place() : self.place()] = [term for term in other.body if term.qualifier]
        self.tail += [term for term in other.tail if term.qualifier]
        self._milder(other.end)
        for term in [*other.body, *other.tail]:
            if not term.qualifier:
                self._modify(term)

    def drop(self, texts: Iterable[str], domain: str) -> None:
        """Take out what was ticked, however it is written."""
        for text in sorted(texts):
            ticked = readable(text)
            gone = [term for term in self._terms() if _is_that(term, text, ticked, domain)]
            if not gone:
                self.notes.append(_nothing_to_drop(text, self.text))
            for term in gone:
                self.remove(term)
                self.changes.append(Change("dropped", term.text))

    def conclude(self, wanted: str) -> None:
        """End the record as wished."""
        if not wanted or (self.end and self.end.text.lower() == wanted):
            return
        if redirect := self.redirect:
            self.stops.append(_all_beside_redirect(redirect, wanted))
            return
        self.changes.append(Change("ended", self.end.text if self.end else "", wanted))
        self.end = readable(wanted)

    def add(self, term: SpfTerm, domain: str) -> None:
        """Let the senders of a term pass, unless they do so already. What contradicts it is put behind it, and so silenced."""
        first = next((one for one in self.body if one.qualifier and not one.fault and covers(one, term, domain)), None)
        if first and first.result is SpfResult.PASS:
            return
        beaten = [place for place, one in enumerate(self.body) if _contradicts(one, term, domain)]
        self.body.insert(min(beaten, default=self.place()), term)
        behind = [one for one in self.tail if one.qualifier and term_key(one, domain) == term_key(term, domain)]
        for one in behind:
            self.tail.remove(one)
        self.changes.append(Change("moved" if behind else "added", term.text))

    def join(self, domain: str) -> None:
        """Take out what says again what another term says."""
        while needless := [one for one in redundant_terms(domain, self.body) if one.is_same]:
            gone: set[int] = set()
            for one in needless:
                if id(one.by) not in gone:  # else it may be needed yet: the next round tells
                    gone.add(id(one.term))
                    self.remove(one.term)
                    self.changes.append(Change("joined", one.term.text, one.by.text))

    def place(self) -> int:
        """Where a mechanism is added: behind the last mechanism: modifiers come last (RFC 7208 §6)."""
        places = [place for place, term in enumerate(self.body) if term.qualifier]
        return max(places, default=-1) + 1

    def remove(self, term: SpfTerm) -> None:
        """Take one term out, wherever it stands."""
        if term is self.end:
            self.end = None
        for part in (self.body, self.tail):
            part[:] = [one for one in part if one is not term]

    def _terms(self) -> Iterator[SpfTerm]:
        yield from self.body
        if self.end:
            yield self.end
        yield from self.tail

    def _modifier(self, kind: SpfKind) -> SpfTerm | None:
        return next((term for term in self._terms() if term.kind is kind), None)

    def _turn(self, line: "_Line") -> None:
        """A redirect that another record's `all` would switch off becomes an include: whoever passed there passes here."""
        redirect = line.redirect
        if redirect is None or redirect.fault:
            return
        line.remove(redirect)
        include = read_spf(f"{VERSION} include:{redirect.value}").terms[0]
        line.body.insert(line.place(), include)
        self.changes.append(Change("turned", redirect.text, include.text))

    def _milder(self, end: SpfTerm | None) -> None:
        """Of two ends the one that forbids less: a merge must not forbid what one of the records allowed."""
        if end is None:
            return
        if self.end is None or _MILD.index(end.result) < _MILD.index(self.end.result):
            if self.end:
                self.changes.append(Change("softened", self.end.text, end.text))
            self.end = end
        elif end.result is not self.end.result:
            self.changes.append(Change("softened", end.text, self.end.text))

    def _modify(self, term: SpfTerm) -> None:
        """A modifier of another record: the same one once; two of exp or redirect cannot stand together (RFC 7208 §6)."""
        known = self._modifier(term.kind) if term.kind is not SpfKind.MODIFIER else None
        same = next((one for one in self._terms() if one.text.lower() == term.text.lower()), None)
        if same or (known and term.kind is SpfKind.REDIRECT and self.end):  # a redirect that never held
            self.changes.append(Change("joined", term.text, (same or self.end or term).text))
        elif known:
            self.stops.append(_two_modifiers(known, term))
        else:
            (self.tail if self.end else self.body).append(term)


def _is_that(term: SpfTerm, text: str, ticked: SpfTerm | None, domain: str) -> bool:
    """Whether a term is the one that was ticked."""
    if term.text.lower() == text.lower():
        return True
    if ticked is None or term.fault or not (term.qualifier and ticked.qualifier):
        return False
    return (term_key(term, domain), term.result) == (term_key(ticked, domain), ticked.result)


def _contradicts(one: SpfTerm, term: SpfTerm, domain: str) -> bool:
    """Whether `one` would keep from passing whom `term` lets pass."""
    if not one.qualifier or one.fault or one.result is SpfResult.PASS:
        return False
    return covers(one, term, domain) or covers(term, one, domain)


def _all_beside_redirect(redirect: SpfTerm, wanted: str) -> Finding:
    return error(
        "spf-merge-redirect",
        f"The record hands over to another one by {redirect.text}, and {wanted} would switch that off.",
        why="A redirect holds only where there is no all (RFC 7208 §6.1). Everybody who passes by it would lose.",
        do=f"Change the end of the record at {redirect.value} instead. Or tick {redirect.text} as to be dropped, and add "
        f"include:{redirect.value} in its place.",
        evidence=(redirect.text,),
        reference="RFC 7208 §6.1",
    )


def _two_modifiers(known: SpfTerm, term: SpfTerm) -> Finding:
    return error(
        "spf-merge-modifiers",
        f"The records have {known.text} and {term.text}, and only one of them can stay.",
        why="A record with two of them is wrong for every receiver.",
        do="Tick the one that may go.",
        evidence=(known.text, term.text),
        reference="RFC 7208 §6",
    )


def _nothing_to_drop(text: str, record: str) -> Finding:
    return warning(
        "spf-drop-absent",
        f"{text[:80]!r} was ticked as to be dropped, and is not in the record.",
        why="Nothing was dropped for it.",
        do="Write it exactly as it stands in the record.",
        evidence=(record,),
    )
