"""Webhooks and their calls as values."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum

from mailwright.webhooks.payload import Happened

OPERATOR = 0  # the account number of a webhook that hears of all accounts
ANSWER_OCTETS = 1024  # of a receiver's answer that are kept and shown: it may be an inner machine's page
TRIES_KEPT = 30  # of one call; the schedule makes some fifteen


class HookState(IntEnum):
    """Whether a webhook is called; numbers, because they are stored."""

    ENABLED = 0
    DISABLED = 1  # by a person
    FAILED = 2  # by us, after long failure; `Webhook.notice` says why


class CallState(IntEnum):
    """Where a call stands."""

    WAITING = 0
    CALLING = 1  # a worker has it
    DONE = 10  # the receiver answered 2xx
    GIVEN_UP = 11
    SKIPPED = 12  # the webhook does not want to hear of it any more
    CAPTURED = 13  # capture mode: kept instead of sent

    @property
    def final(self) -> bool:
        """Whether nothing follows."""
        return self >= CallState.DONE


@dataclass(frozen=True, slots=True)
class Webhook:
    """An address that is told what happens. Times in milliseconds since 1970."""

    id: int
    account: int  # OPERATOR hears of all
    url: str
    events: tuple[str, ...]
    state: HookState = HookState.ENABLED
    notice: str = ""  # why it was disabled, and what to do
    created_at: int = 0
    failing_since: int | None = None  # of the tries since then none succeeded
    failures: int = 0  # tries since then
    old_until: int | None = None  # until then calls carry the signature of the previous secret too


@dataclass(frozen=True, slots=True)
class Try:
    """One try to reach the receiver: its HTTP status (0: there was no answer), what it said, or why nothing came."""

    at: int
    status: int
    answer: str


@dataclass(frozen=True, slots=True)
class Call:
    """A call that this worker has: whom to tell what. `sealed` are the webhook's secrets, the present one first."""

    webhook: Webhook
    happened: Happened
    since: int  # when it was first due, or was last replayed
    attempts: int
    tries: Sequence[Try] = ()
    sealed: Sequence[bytes] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Ended:
    """What became of a call. `pause` puts the whole webhook off until then; `disable` ends it, with the words for its notice.

    Without `tried` nothing was sent, and nothing is known of the receiver by it.
    """

    webhook: int
    event: int
    message: int
    state: CallState  # WAITING: again at `due_at`
    due_at: int
    at: int
    tries: Sequence[Try]
    attempts: int
    pause: int | None = None
    disable: str = ""
    tried: bool = True


@dataclass(frozen=True, slots=True)
class CallView:
    """A call as people see it."""

    webhook: int
    state: CallState
    due_at: int
    attempts: int
    tries: Sequence[Try]
    happened: Happened
    behind: bool = False  # an earlier call for the same mail comes first
