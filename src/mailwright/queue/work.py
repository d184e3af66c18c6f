"""What moves through the queue: new messages with their deliveries, claimed jobs, outcomes, events."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mailwright.queue.life import EventKind, State


@dataclass(slots=True)
class EventRow:
    """What happened, told once. `data` is JSON-ready; times are milliseconds since 1970."""

    id: int
    account: int
    message: int
    delivery: int | None
    kind: EventKind
    at: int
    data: Mapping[str, Any] = field(default_factory=dict)
    attempt: Mapping[str, Any] | None = None  # the try that brought this about: one row with it, read as an event of its own


@dataclass(slots=True)
class NewMessage:
    """A message as it was accepted. Times in milliseconds since 1970, `size` in octets as stored."""

    id: int
    account: int
    subsystem: str
    priority: int  # 0 is served first
    author: str
    mail_from: str  # the submitter's, "" is the null sender
    subject: str  # "" where the subsystem is secret
    message_id: str
    size: int
    transport: int | None
    because: str  # why this transport, in words
    created_at: int
    expires_at: int
    tag: str = ""
    eightbit: bool = False  # BODY=8BITMIME is needed to send it as it is
    smtputf8: bool = False
    secret: bool = False
    idempotency_key: str = ""
    hour_limit: int | None = None  # the account's limits at that time: the store spreads what is over
    day_limit: int | None = None
    tags: Mapping[str, str] = field(default_factory=dict)  # what the application sorts its mail by
    scheduled_at: int | None = None  # not to leave before; limits and lifetime count from then
    app_user: str = ""  # for whom in the application it was written
    digest: str = ""  # of the request that the idempotency key stands for; "" where any repeat is the same


@dataclass(slots=True)
class NewDelivery:
    """One recipient of a new message."""

    id: int
    recipient: str
    site: str
    state: State  # READY, LEASED (handed over in memory), DEFERRED (scheduled), HELD or CAPTURED
    due_at: int
    wake_at: int  # when it next wants attention while it waits: due, delayed notice or expiry, whichever comes first


@dataclass(slots=True)
class Job:
    """A delivery that this process has leased, with what is needed to send it."""

    delivery: int
    message: int
    account: int
    recipient: str
    site: str
    transport: int | None
    priority: int
    attempts: int  # tries already made
    author: str
    mail_from: str
    subsystem: str
    created_at: int  # of scheduled mail when it was to leave: since then it is under way
    expires_at: int
    size: int
    eightbit: bool
    smtputf8: bool
    secret: bool
    told_delayed: bool = False
    unknown: bool = False  # an earlier try may have arrived
    content: bytes | None = None  # the whole mail where it is small; else read it by chunks from the store
    state: State = State.LEASED
    due_at: int = 0
    wake_at: int = 0
    lease: int = 0  # the worker's number under which it is held


@dataclass(slots=True)
class Outcome:
    """What became of one leased delivery: its next state and the events that tell it."""

    delivery: int
    message: int
    state: State
    at: int
    attempts: int
    due_at: int
    wake_at: int
    reply: str = ""  # the last reply in one line, for lists
    told_delayed: bool = False
    unknown: bool = False
    secret: bool = False  # the body goes with the final state
    site: str | None = None  # set where the delivery moves to another site
    report: bool = False  # a final failure of which the submitter may have to be told: kept as owed in the same transaction
    events: list[EventRow] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Accepted:
    """The mail is on disk."""

    message: int
    spread: Mapping[int, int] = field(default_factory=dict)  # delivery id -> due time, for those over the account's limits


@dataclass(frozen=True, slots=True)
class Duplicate:
    """The idempotency key was used before: this is the message that it made."""

    message: int


@dataclass(frozen=True, slots=True)
class KeyReused:
    """The idempotency key was used before, for another request (its digest differs): nothing was kept."""

    message: int  # what it stands for
