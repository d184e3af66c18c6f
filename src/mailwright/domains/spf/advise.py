"""The doctor's round: look, judge, merge with what is wished for, and see who would pass then."""

from collections.abc import Iterator
from dataclasses import dataclass

from mailwright.auth import SpfSurvey
from mailwright.auth.spf.parse import is_spf
from mailwright.dns import Asking, Txt, Zone
from mailwright.dns.zonetext import DEFAULT_TTL, RecordSet
from mailwright.domains.spf.costs import TermCost, costs_of, over_limit
from mailwright.domains.spf.facts import SpfFacts
from mailwright.domains.spf.merge import Merge, merge_records
from mailwright.domains.spf.networks import Networks
from mailwright.domains.spf.preview import SpfPreview, preview_spf
from mailwright.domains.spf.repair import meant_as_spf, rejoined
from mailwright.domains.spf.review import SpfReview, SpfSetting, by_harm, judged, review_spf
from mailwright.domains.spf.strings import cut
from mailwright.domains.spf.tree_terms import loops
from mailwright.domains.spf.wish import SpfWish
from mailwright.values import Domain, Finding
from mailwright.values.finding import error

# Halves of characters, which no octets can stand for; those from dc80 to dcff stand for octets that are not UTF-8.
_HALVES = frozenset(map(chr, (*range(0xD800, 0xDC80), *range(0xDD00, 0xE000))))


@dataclass(frozen=True, slots=True)
class SpfAdvice:
    """What is there and wrong (`review`), and what to publish.

    `merge` and `preview` are None where there is nothing to publish, or where the DNS did not tell what is there. `stops` are
    the reasons why the merged record is not handed out; `after` is what is wrong with it still.
    """

    review: SpfReview
    merge: Merge | None = None
    preview: SpfPreview | None = None
    stops: tuple[Finding, ...] = ()
    after: tuple[Finding, ...] = ()

    @property
    def replacement(self) -> Txt | None:
        """The one record to publish in place of those that are there, cut into strings; None where there is no safe one."""
        return cut(self.merge.text) if self.merge and not self.stops else None

    @property
    def is_changed(self) -> bool:
        """Whether publishing it changes anything."""
        kept = [record.text for record in self.review.facts.records]
        return self.replacement is not None and kept != [self.replacement.text]

    @property
    def costs(self) -> tuple[TermCost, ...]:
        """What each term of the merged record costs, or of the record that is there."""
        return costs_of(self.preview.new if self.preview else self.review.facts.survey)


def advise_spf(domain: Domain, wish: SpfWish | None = None, setting: SpfSetting | None = None) -> Asking[SpfAdvice]:
    """Review the SPF of a domain, and make the record that mends it and has what is wished for. Never raises.

    Nothing that lets a sender pass is lost but what `wish.drop` and `wish.all` name; a record that receivers would take as
    wrong is not handed out.
    """
    wish, setting = wish or SpfWish(), setting or SpfSetting()
    review = yield from review_spf(domain, setting)
    facts = review.facts
    if not facts.is_known or facts.is_huge or not (facts.records or wish.add or wish.all):
        return SpfAdvice(review)
    merge = merge_records(facts.domain, [rejoined(record) for record in facts.records], wish)
    preview = yield from preview_spf(facts.survey, publishing(facts, merge.text))
    stops = (*merge.stops, *_broken(preview.new), *_lost(preview, wish))
    return SpfAdvice(review, merge, preview, stops, _after(preview, facts, setting, merge))


def try_spf(domain: Domain, text: str, setting: SpfSetting | None = None) -> Asking[SpfAdvice]:
    """Review the SPF of a domain, and preview a record that somebody wrote in place of all that is there. Never raises.

    Who loses by it is told by the preview, and not held against it: the person sees it before.
    """
    setting = setting or SpfSetting()
    review = yield from review_spf(domain, setting)
    if not review.facts.is_known:
        return SpfAdvice(review)
    text = "".join([char if char not in _HALVES else "?" for char in text])
    merge = Merge(text, ())
    preview = yield from preview_spf(review.facts.survey, publishing(review.facts, text))
    return SpfAdvice(review, merge, preview, tuple(_broken(preview.new)), _after(preview, review.facts, setting, merge))


def publishing(facts: SpfFacts, text: str) -> Zone:
    """The TXT records of the domain with this in place of all its SPF records; other TXT records stay."""
    kept = [record for record in facts.texts if not (is_spf(record.text) or meant_as_spf(record.text))]
    return Zone({(facts.owner, "TXT"): RecordSet((*kept, cut(text)), DEFAULT_TTL)})


def _after(preview: SpfPreview, facts: SpfFacts, setting: SpfSetting, merge: Merge) -> tuple[Finding, ...]:
    """What would be wrong still, or anew."""
    return by_harm([*merge.notes, *judged(SpfFacts(preview.new, facts.alias, facts.outdated), setting)])


def _broken(survey: SpfSurvey) -> Iterator[Finding]:
    """What would make receivers take the record as wrong; what could not be found out counts too."""
    over = over_limit(survey)
    if over:
        yield over
    for finding in (*survey.findings, *loops(survey)):
        if not (over and finding.code in ("spf-too-many-lookups", "spf-too-many-voids")):
            yield finding


def _lost(preview: SpfPreview, wish: SpfWish) -> Iterator[Finding]:
    """The last guard: nobody loses by a merge for which nothing was ticked."""
    losses = [text for networks in preview.losses for text in _some(networks)]
    if losses and not (wish.drop or wish.all):
        yield error(
            "spf-merge-loses",
            "Servers that pass now would not pass by the merged record, so it is not handed out.",
            why="Their mail would fail, and nobody asked for that.",
            do="Tick the terms that may go, or leave the record as it is.",
            evidence=tuple(losses),
        )


def _some(networks: Networks) -> tuple[str, ...]:
    return networks.texts[:20]
