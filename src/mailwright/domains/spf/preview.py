"""The old and the new record side by side: who gains, who loses, what it costs."""

from dataclasses import dataclass
from functools import cached_property

from mailwright.auth import SpfResult, SpfSurvey, survey_spf
from mailwright.dns import Asking, Zone, overlaid
from mailwright.domains.spf.networks import Networks
from mailwright.domains.spf.reach import SpfReach, reach_of


@dataclass(frozen=True, slots=True)
class Shift:
    """Addresses whose result changes."""

    old: SpfResult
    new: SpfResult
    networks: Networks


@dataclass(frozen=True)
class SpfPreview:
    """What receivers say now, and what they would say; mail servers and addresses as they are today."""

    old: SpfSurvey
    new: SpfSurvey

    @cached_property
    def old_reach(self) -> SpfReach:
        """Who gets which result now."""
        return reach_of(self.old)

    @cached_property
    def new_reach(self) -> SpfReach:
        """Who would get which."""
        return reach_of(self.new)

    @property
    def gains(self) -> tuple[Networks, Networks]:
        """Addresses that pass then and do not now: IPv4, IPv6."""
        (old4, old6), (new4, new6) = self.old_reach.passing, self.new_reach.passing
        return new4 - old4, new6 - old6

    @property
    def losses(self) -> tuple[Networks, Networks]:
        """Addresses that pass now and would not then: IPv4, IPv6."""
        (old4, old6), (new4, new6) = self.old_reach.passing, self.new_reach.passing
        return old4 - new4, old6 - new6

    @cached_property
    def shifts(self) -> tuple[Shift, ...]:
        """All changes of results, such as from softfail to fail, IPv4 before IPv6."""
        old, new = self.old_reach, self.new_reach
        found = [
            Shift(before, after, one & other)
            for now, then in ((old.results4, new.results4), (old.results6, new.results6))
            for before, one in now.items()
            for after, other in then.items()
            if before is not after
        ]
        return tuple([shift for shift in found if shift.networks])

    @property
    def unknown(self) -> tuple[str, ...]:
        """The terms of either record of which records alone do not tell whom they match, with where they stand."""
        uses = (*self.old_reach.unknown, *self.new_reach.unknown)
        return tuple(dict.fromkeys([f"{use.term.text} in the record of {use.visit.domain}" for use in uses]))


def preview_spf(old: SpfSurvey, published: Zone) -> Asking[SpfPreview]:
    """Survey the same domain as it would be if the records of `published` stood in the DNS."""
    new = yield from overlaid(survey_spf(old.tree.domain), published)
    return SpfPreview(old, new)
