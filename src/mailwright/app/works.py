"""What delivering needs from outside, wired once: doors, rules, time, and how a job becomes a parcel."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

from mailwright.app.accounts import Accounts
from mailwright.app.lease import Leases
from mailwright.app.logs import Logger
from mailwright.app.signing import Signing
from mailwright.app.sources import Source, Sources
from mailwright.flows.aim import Aim, Hopeless, Later, Moved
from mailwright.flows.deliver import Parcel
from mailwright.ports import Queue, Store
from mailwright.ports.sender import Sender
from mailwright.queue import EventKind, EventRow, Job
from mailwright.queue.retry import RetryRules
from mailwright.queue.settle import Clockwork
from mailwright.routing.return_path import return_path
from mailwright.routing.sites import SMTP
from mailwright.values import Unavailable
from mailwright.values.ids import IdMaker

RECIPIENTS_AT_ONCE = 100  # RFC 5321 §4.5.3.1.8: every server takes at least as many
AT_ONCE = 1024 * 1024  # octets: a larger mail is streamed from the store while it is sent


class Aims(Protocol):
    """Finds where a session to a site leads."""

    async def aim(self, site: str, job: Job, source: Source) -> Aim | Hopeless | Later | Moved: ...
    def limit(self, site: str) -> int: ...


@dataclass(slots=True)
class Works:
    """One process's means of delivery."""

    queue: Queue
    store: Store
    sender: Sender
    aims: Aims
    accounts: Accounts
    signing: Signing
    ids: IdMaker
    rules: RetryRules
    leases: Leases
    sources: Sources
    bounce_domain: str
    return_secret: bytes
    memory_budget: int
    grace_seconds: float
    idle_seconds: float  # how long an open connection waits for the next mail
    connections: int  # at once, to all sites together
    log: Logger
    now: Callable[[], int]
    chance: Callable[[], float]
    capture: bool
    trouble: Callable[[], Unavailable | None]  # what keeps the store from writing
    paused_accounts: dict[int, str] = field(default_factory=dict)
    recipients_at_once: int = RECIPIENTS_AT_ONCE
    _tasks: set[asyncio.Task[Any]] = field(default_factory=set)

    def clockwork(self) -> Clockwork:
        """What settling needs, for this moment."""
        return Clockwork(self.now(), self.chance(), self.ids, self.rules)

    def unknown_event(self, delivery: int, message: int, account: int, now: int) -> EventRow:
        """The event of a delivery whose worker ended within the mail transaction."""
        data = {"cause": "The process ended before the outcome was stored.", "host": ""}
        return EventRow(self.ids.next(now), account, message, delivery, EventKind.UNKNOWN, now, data)

    def next_source(self) -> Source:
        """The source addresses take turns."""
        return self.sources.next()

    def parcel(self, jobs: Sequence[Job], begun: asyncio.Future[frozenset[int] | None], *, again: bool = False) -> Parcel:
        """Jobs of one message and one mail_from, made ready: signing begins now."""
        job = jobs[0]
        ours = partial(self.leases.holds, job.lease)
        return Parcel(jobs, self.mail_from(job), self.signing.signature(job), begun, ours, lambda: self._content(job), again)

    def mail_from(self, job: Job) -> str:
        """The envelope sender on the way out; a null sender stays null (RFC 5321 §4.5.5)."""
        if not job.mail_from:
            return ""
        if job.site.startswith(SMTP):
            return job.author
        return return_path(job.delivery, secret=self.return_secret, bounce_domain=self.bounce_domain)

    def spawn(self, work: Coroutine[Any, Any, object]) -> None:
        """Run something beside the main path; what goes wrong is logged."""
        task = asyncio.create_task(self._logged(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _logged(self, work: Coroutine[Any, Any, object]) -> None:
        try:
            await work
        except Exception as fault:  # noqa: BLE001 a task beside the path must not end the process
            self.log.error("aside", cause=fault)

    def _content(self, job: Job) -> Sequence[bytes] | AsyncIterator[bytes]:
        return [job.content] if job.content is not None else self._streamed(job.message)

    async def _streamed(self, message: int) -> AsyncIterator[bytes]:
        """The body rows, each read in a thread while the one before is sent."""
        rows = self.store.content(message)
        while (row := await asyncio.to_thread(next, rows, None)) is not None:
            yield row
