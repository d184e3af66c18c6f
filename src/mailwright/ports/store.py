"""The doors to the mail itself: what was accepted, the queue, and the story."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from mailwright.queue import Accepted, Duplicate, EventRow, Job, KeyReused, NewDelivery, NewMessage, Outcome, State

CHUNK = 256 * 1024  # octets of one body row
LISTED_HEAD = 32 * 1024  # octets of a header that a list reads: the fields that it shows stand far ahead
LEASE_MS = 30_000  # a worker without a heartbeat for so long is dead: beat every few seconds
EventMaker = Callable[[int, int, int, int], EventRow]  # of delivery, message, account, now


@dataclass(frozen=True, slots=True)
class DeliveryView:
    """One recipient as people see it."""

    id: int
    message: int
    account: int
    recipient: str
    site: str
    state: State
    attempts: int
    due_at: int
    expires_at: int
    settled_at: int | None
    reply: str
    unknown: bool


@dataclass(frozen=True, slots=True)
class Story:
    """All that is known of one message."""

    message: NewMessage
    deliveries: Sequence[DeliveryView]
    events: Sequence[EventRow]
    has_body: bool


@dataclass(frozen=True, slots=True)
class SiteView:
    """A site as `mailwright queue` shows it."""

    site: str
    ready: int
    deferred: int
    held: int
    in_hand: int
    oldest: int | None  # creation time of the oldest that waits
    until: int | None  # the site backs off until then
    failures: int
    last_reply: str
    paused: str  # "" or why
    counts_capped: bool = False  # counting stopped at a bound


@dataclass(frozen=True, slots=True)
class SiteState:
    """What is known of a site that failed or was paused."""

    site: str
    failures: int = 0
    until: int = 0
    last_reply: str = ""
    paused: str = ""


@dataclass(frozen=True, slots=True)
class Pauses:
    """What the operator paused: sites and accounts, each with why."""

    sites: dict[str, str] = field(default_factory=dict)
    accounts: dict[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Listed:
    """A message in a list: with the worst of its states, whom it goes to, and the first octets of its header."""

    message: NewMessage
    state: State
    recipients: Sequence[str]
    head: bytes  # at most LISTED_HEAD octets, b"" where the body was purged


@dataclass(frozen=True, slots=True)
class Cancelled:
    """What became of the deliveries of a message that somebody wanted to cancel."""

    cancelled: int
    sending: int  # their sending has begun: too late
    ended: int  # delivered, bounced or captured before


class Store(Protocol):
    """Accepting, reading and keeping mail. Writes are durable when they return.

    All raise Unavailable, which is NoRoom where the disk is full: then nothing was kept.
    """

    async def accept(
        self, message: NewMessage, content: Sequence[bytes], deliveries: Sequence[NewDelivery], events: Sequence[EventRow]
    ) -> Accepted | Duplicate | KeyReused:
        """Keep a message, its deliveries and its events in one transaction (grouped with others).

        `content` are the first body rows, each at most CHUNK octets; `spool` wrote those that are missing up to
        `message.size`. LEASED deliveries belong to the worker that this process registered. With an
        idempotency key that the account used in the last 24 hours nothing is kept and Duplicate names the first message, or
        KeyReused does where both requests have a digest and these differ.
        Deliveries over the account's limits are kept DEFERRED to the first hour with room, told as HELD.
        """
        ...

    async def known(self, *, account: int, key: str, digest: str, now: int) -> int | None:
        """The message that an idempotency key of an account stands for, if it is for a request with this digest."""
        ...

    async def spool(self, message: int, seq: int, content: bytes) -> None:
        """Write one body row of a large mail before its message row; orphans are swept at start."""
        ...

    async def unspool(self, message: int) -> None:
        """Take back what was spooled."""
        ...

    def content(self, message: int, *, first: int = 0) -> Iterator[bytes]:
        """The body rows from `first` on; blocking: call it in a thread. Raises NotFound where the body was purged."""
        ...

    async def keep_signature(self, message: int, key: int, signature: bytes) -> None:
        """Keep the DKIM-Signature field of a message and key for later tries and for export; one that is there stays."""
        ...

    async def signatures(self, message: int) -> Sequence[tuple[int, bytes]]:
        """The kept fields of a message with their key ids."""
        ...

    async def operator_secret(self, name: str, fresh: bytes) -> bytes:
        """The sealed secret of that name; `fresh` is kept and returned where there is none yet."""
        ...

    async def story(self, message: int, *, account: int | None) -> Story:
        """Raises NotFound, also where it is another account's; None is the operator."""
        ...

    async def find(self, number: int, *, account: int | None) -> int:
        """The message id for a message or delivery id. Raises NotFound."""
        ...

    async def messages(
        self, *, account: int | None, state: State | None = None, before: int | None = None, limit: int = 50
    ) -> Sequence[tuple[NewMessage, State]]:
        """Newest first, each with its worst state; `before` is the id to go on from."""
        ...

    async def listed(
        self, *, account: int | None, older_than: int | None = None, newer_than: int | None = None, limit: int = 50
    ) -> Sequence[Listed]:
        """Newest first; with `newer_than` those that follow next after that id."""
        ...

    async def purge(self, *, now: int, limit: int = 1000) -> int:
        """Delete bodies whose time is up, in small steps; returns how many messages lost theirs."""
        ...

    async def sweep_orphans(self) -> int:
        """Delete body rows without a message; only at start, before anybody spools."""
        ...


class Queue(Protocol):
    """The queue as a table. Workers are known by their lease: a number that is new with every process start."""

    async def register(self, *, host: str, pid: int) -> int:
        """A new worker and what its process is known by; its number is the lease of its rows and (modulo ids.NODES) its node."""
        ...

    async def heartbeat(self, worker: int) -> bool:
        """False where this worker was declared dead meanwhile: its rows belong to others."""
        ...

    async def resign(self, worker: int) -> None:
        """This worker is no more: its slots are free at once, its rows with the next `free_dead` of anybody."""
        ...

    async def workers(self) -> Sequence[tuple[int, str, int]]:
        """Who is registered: number, host and pid as they were given."""
        ...

    async def free_dead(self, *, worker: int, alone: bool, new_events: EventMaker, judge: bool = True) -> int:
        """Free rows of workers without a heartbeat for LEASE_MS (all other workers where `alone`): LEASED ones become READY,
        SENDING ones READY and *unknown, may have arrived*, each of these with the event that `new_events` makes.
        Without `judge` only rows of workers that are no more: for who was silent itself a moment ago. Returns how many."""
        ...

    async def begin(self, deliveries: Sequence[int], *, worker: int) -> frozenset[int]:
        """LEASED -> SENDING, durable before the mail transaction's final dot. Grouped with other writes. Returns those that
        this worker does not hold any more: they must not be sent."""
        ...

    async def settle(self, outcomes: Sequence[Outcome], *, worker: int) -> None:
        """Write outcomes and their events; rows that are no longer leased by `worker` are left as they are."""
        ...

    async def owed(self, *, limit: int = 100) -> Sequence[int]:
        """Deliveries whose final failure may have to be reported to the submitter (Outcome.report), oldest first."""
        ...

    async def paid(self, deliveries: Sequence[int]) -> None:
        """They were reported, or need no report."""
        ...

    async def claim(
        self, site: str, *, worker: int, limit: int, now: int, top_only: bool, turn: int, skip: frozenset[int]
    ) -> list[Job]:
        """READY -> LEASED for up to `limit` rows of the best priority with work at the site; accounts take turns, beginning
        after account `turn`, those in `skip` are passed over; `top_only` takes priority 0 alone. Small mails come whole."""
        ...

    async def ready_sites(self, *, after: str = "", limit: int = 1000) -> list[str]:
        """Sites with READY rows, in order."""
        ...

    async def wake(self, *, now: int, limit: int = 500) -> list[Job]:
        """Waiting rows (READY, DEFERRED, HELD) whose wake_at has come, as Jobs without content."""
        ...

    async def waken(self, outcomes: Sequence[Outcome]) -> None:
        """Write what was decided for rows from `wake`: due ones READY, late ones told or bounced; only where they still wait."""
        ...

    async def next_wake(self) -> int | None:
        """The earliest wake_at of a waiting row."""
        ...

    async def move(self, *, site: str, to: str, domain: str) -> int:
        """READY rows of a domain whose site was learnt; how many. DEFERRED ones follow when they are READY and met again."""
        ...

    async def lease_slot(self, site: str, source: str, *, worker: int, limit: int, top: bool) -> int | None:
        """A free slot number of the site and source, or None. Slot 0 is kept for priority 0 (`top`) where limit > 1."""
        ...

    async def free_slot(self, site: str, source: str, slot: int, *, worker: int) -> None: ...

    async def learn_site(self, domain: str, site: str, *, until: int) -> None: ...
    async def learnt_sites(self, *, now: int) -> dict[str, tuple[str, int]]: ...

    async def site_failed(self, state: SiteState) -> None: ...
    async def site_states(self) -> dict[str, SiteState]: ...
    async def sites(self, *, account: int | None = None, limit: int = 200) -> Sequence[SiteView]: ...

    async def pauses(self) -> Pauses: ...
    async def pause(
        self, *, site: str | None = None, account: int | None = None, message: int | None = None, why: str, now: int
    ) -> int:
        """Sites and accounts are held by the serving processes, which follow the version; of a message, what was not begun."""
        ...

    async def resume(
        self, *, site: str | None = None, account: int | None = None, message: int | None = None, now: int
    ) -> int: ...
    async def retry_now(
        self, *, site: str | None = None, account: int | None = None, message: int | None = None, now: int
    ) -> int: ...
    async def cancel(self, message: int, *, account: int | None, now: int) -> Cancelled:
        """Cancel what was not begun, also what a worker has in memory, and tell it. Raises NotFound."""
        ...

    async def reschedule(self, message: int, *, account: int | None, due: int, now: int) -> None:
        """Let scheduled mail leave at another time, as a whole, and tell it; its lifetime counts from there. Raises NotFound,
        and Conflict where it was not scheduled, or one of its deliveries does not wait for its time any more."""
        ...
