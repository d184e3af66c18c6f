"""What a subsystem means for the queue: how urgent its mail is, how long it is of use, whether it may be shown."""

from dataclasses import dataclass

from mailwright.queue.retry import DAY


@dataclass(frozen=True, slots=True)
class Subsystem:
    """The part of the application that a mail comes from. `lifetime` in milliseconds; `priority` 0 is served first."""

    name: str
    priority: int = 5
    lifetime: int = 5 * DAY
    secret: bool = False  # the body goes at the final state and is never shown
