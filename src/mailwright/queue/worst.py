"""Of several recipients' states the one that a person must know first."""

from collections.abc import Sequence

from mailwright.queue.life import State

WORST = (
    State.BOUNCED, State.HELD, State.DEFERRED, State.READY, State.LEASED, State.SENDING, State.CANCELLED, State.CAPTURED,
    State.DELIVERED,
)  # fmt: skip


def worst(states: Sequence[int]) -> State:
    """The first of WORST that one of them has; a message without recipients counts as cancelled."""
    return next((state for state in WORST if state in states), State.CANCELLED)
