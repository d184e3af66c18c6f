"""Mails for the storage tests: what a flow would hand in, with ids and times that the test chooses."""

from collections.abc import Sequence
from typing import Any

from mailwright.queue import EventKind, EventRow, Job, NewDelivery, NewMessage, Outcome, State
from mailwright.storage import Storage
from mailwright.values.ids import IdMaker

NOW = 1_800_000_000_000  # 2027-01-15T08:00:00Z, the start of an hour
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000


class Mails:
    """Makes messages; every id is new."""

    def __init__(self) -> None:
        self.ids = IdMaker(node=2047)

    def message(self, *, now: int = NOW, account: int = 7, **changes: Any) -> NewMessage:
        fields: dict[str, Any] = {
            "id": self.ids.next(now), "account": account, "subsystem": "billing", "priority": 2, "author": "anna@acme.example",
            "mail_from": "anna@acme.example", "subject": "Your bill", "message_id": "<1@acme.example>", "size": 12,
            "transport": None, "because": "the account's default", "created_at": now, "expires_at": now + 5 * DAY,
        }  # fmt: skip
        return NewMessage(**fields | changes)

    def delivery(self, message: NewMessage, recipient: str = "bob@remote.example", **changes: Any) -> NewDelivery:
        fields: dict[str, Any] = {
            "id": self.ids.next(message.created_at), "recipient": recipient, "site": "remote.example", "state": State.READY,
            "due_at": message.created_at, "wake_at": message.created_at + 15 * MINUTE,
        }  # fmt: skip
        return NewDelivery(**fields | changes)

    def event(
        self, kind: EventKind, message: int, *, account: int = 7, delivery: int | None = None, at: int = NOW, **data: Any
    ) -> EventRow:
        return EventRow(self.ids.next(at), account, message, delivery, kind, at, data)

    async def accept(
        self, storage: Storage, *recipients: str, site: str = "remote.example", state: State = State.READY,
        content: Sequence[bytes] = (b"From: a\r\n\r\nb",), **changes: Any,
    ) -> tuple[NewMessage, list[NewDelivery]]:  # fmt: skip
        """Store one mail; one delivery for each recipient."""
        message = self.message(**changes)
        deliveries = [self.delivery(message, to, site=site, state=state) for to in recipients or ("bob@remote.example",)]
        accepted = self.event(EventKind.ACCEPTED, message.id, account=message.account, at=message.created_at)
        await storage.store.accept(message, content, deliveries, [accepted])
        return message, deliveries

    def outcome(self, job: Job, state: State, *, now: int = NOW, **changes: Any) -> Outcome:
        kind = {State.DELIVERED: EventKind.DELIVERED, State.BOUNCED: EventKind.BOUNCED}.get(state, EventKind.DEFERRED)
        events = [self.event(kind, job.message, account=job.account, delivery=job.delivery, at=now)]
        fields: dict[str, Any] = {
            "delivery": job.delivery, "message": job.message, "state": state, "at": now, "attempts": job.attempts + 1,
            "due_at": now + MINUTE, "wake_at": now + MINUTE, "reply": "250 2.0.0 ok", "secret": job.secret, "events": events,
        }  # fmt: skip
        return Outcome(**fields | changes)


async def claim(storage: Storage, worker: int, *, site: str = "remote.example", limit: int = 100, **how: Any) -> list[Job]:
    """Claim with what most tests do not care for."""
    asked: dict[str, Any] = {"now": NOW, "top_only": False, "turn": 0, "skip": frozenset()} | how
    return await storage.queue.claim(site, worker=worker, limit=limit, **asked)


async def worker(storage: Storage) -> int:
    """Register this process."""
    return await storage.queue.register(host="here", pid=1)


async def states(storage: Storage, message: int) -> list[State]:
    """Where the deliveries of a message stand."""
    return [view.state for view in (await storage.store.story(message, account=None)).deliveries]


async def told(storage: Storage, message: int) -> list[EventKind]:
    """What was told of a message."""
    return [event.kind for event in (await storage.store.story(message, account=None)).events]
