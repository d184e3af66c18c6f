"""Following events as they come: none is missed although one that is committed late has a smaller id than some before it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from mailwright.values.ids import least_id, made_at

# From the making of an event's id to its commit: a moment, and some seconds where the disk is slow. As long is looked back.
WINDOW_MS = 5_000


def position(after: int) -> int:
    """Where to begin behind an event that was told last: some that were told shortly before it come again, and none is missed."""
    return least_id(made_at(after) - WINDOW_MS) - 1


@dataclass(slots=True)
class Following:
    """Tells which ids are new. What lies behind `at` is to be read anew each time."""

    at: int
    _seen: set[int] = field(default_factory=set)

    def fresh(self, numbers: Sequence[int], *, now: int) -> list[int]:
        """Those of the ids that were not there before; `now` in milliseconds since 1970."""
        new = [number for number in numbers if number not in self._seen]
        self._seen.update(new)
        floor = least_id(now - WINDOW_MS) - 1
        if floor > self.at:
            self.at = floor
            self._seen = {number for number in self._seen if number > floor}
        return new
