"""The life of a delivery as a table: what is not in NEXT cannot happen."""

from enum import IntEnum, StrEnum


class State(IntEnum):
    """Where a delivery stands; numbers, because they are stored in a row each and in partial indexes."""

    READY = 0  # may be claimed now
    DEFERRED = 1  # waits for its due time
    HELD = 2  # waits for a person or for a limit
    LEASED = 3  # a worker has it
    SENDING = 4  # a worker has begun the mail transaction: a crash from here on means "may have arrived"
    DELIVERED = 10
    BOUNCED = 11
    CANCELLED = 12
    CAPTURED = 13

    @property
    def final(self) -> bool:
        """Whether the story has ended."""
        return self >= State.DELIVERED


class EventKind(StrEnum):
    """What is told of a message or delivery."""

    ACCEPTED = "accepted"
    SCHEDULED = "scheduled"
    ATTEMPT = "attempt"
    DELIVERED = "delivered"
    DEFERRED = "deferred"
    DELAYED = "delayed"
    BOUNCED = "bounced"
    CANCELLED = "cancelled"
    HELD = "held"
    RELEASED = "released"
    CAPTURED = "captured"
    UNKNOWN = "unknown"  # a try may have arrived although its outcome was lost
    REPORTED = "reported"  # a delivery status notification was written (RFC 3464)


WAITING = (State.READY, State.DEFERRED, State.HELD)
IN_HAND = (State.LEASED, State.SENDING)
NOT_BEGUN = (*WAITING, State.LEASED)  # what a person may still cancel

NEXT: dict[tuple[State, str], State] = {
    (State.READY, "claim"): State.LEASED,
    (State.READY, "cancel"): State.CANCELLED,
    (State.READY, "hold"): State.HELD,
    (State.READY, "expire"): State.BOUNCED,
    (State.DEFERRED, "due"): State.READY,
    (State.DEFERRED, "cancel"): State.CANCELLED,
    (State.DEFERRED, "hold"): State.HELD,
    (State.DEFERRED, "expire"): State.BOUNCED,
    (State.HELD, "release"): State.READY,
    (State.HELD, "cancel"): State.CANCELLED,
    (State.HELD, "expire"): State.BOUNCED,
    (State.LEASED, "begin"): State.SENDING,
    (State.LEASED, "return"): State.READY,
    (State.LEASED, "defer"): State.DEFERRED,
    (State.LEASED, "hold"): State.HELD,
    (State.LEASED, "cancel"): State.CANCELLED,
    (State.LEASED, "fail"): State.BOUNCED,
    (State.LEASED, "capture"): State.CAPTURED,
    (State.SENDING, "deliver"): State.DELIVERED,
    (State.SENDING, "capture"): State.CAPTURED,
    (State.SENDING, "defer"): State.DEFERRED,
    (State.SENDING, "fail"): State.BOUNCED,
    (State.SENDING, "return"): State.READY,
}
