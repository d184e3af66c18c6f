"""The queue: what a claim and its outcomes cost with few and with very many rows waiting, and how fast mail is accepted.

Both engines, durable as they are in use. A cycle claims up to 100 rows of one site and settles them as delivered, each
with two events; new mail fills up what was taken, outside of the time that counts.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from statistics import median, quantiles

from bench.context import Context, fresh_context
from bench.peers.database import Database
from bench.peers.program import Absent
from mailwright.queue import EventKind, EventRow, Job, NewDelivery, NewMessage, Outcome, State
from mailwright.storage import Storage, open_storage
from mailwright.values.ids import IdMaker

FEW, MANY = 1_000, 1_000_000
BATCH = 100  # rows of a claim, and clients that accept at once
ACCOUNTS = 10
CYCLES = 200
ACCEPTED = 20_000
BODY = os.urandom(5_000)
SMALL_BODY = b"Subject: x\r\n\r\n" + b"y" * 200  # of what only waits: a million 5 KB bodies would measure the disk
DETAILS = {"host": "mx.example.net", "ip": "192.0.2.1", "tls": "TLSv1.3", "transcript": "x" * 600}
MEDIAN_LIMIT, P99_LIMIT = 1.5, 3.0


@dataclass(frozen=True, slots=True)
class Cycle:
    """Claims with their outcomes, in milliseconds."""

    median: float
    p99: float

    @property
    def rate(self) -> float:
        """Rows a second."""
        return BATCH / self.median * 1000


@dataclass(slots=True)
class Report:
    """Lines of text."""

    lines: list[str]

    def __str__(self) -> str:
        return "\n".join(self.lines)


class Load:
    """Makes mail for one storage."""

    def __init__(self, storage: Storage, worker: int) -> None:
        self.storage, self.worker, self.ids = storage, worker, IdMaker(worker)

    def mail(self, n: int, body: bytes, state: State) -> tuple[NewMessage, list[bytes], list[NewDelivery], list[EventRow]]:
        now = int(time.time() * 1000)
        message = NewMessage(
            self.ids.next(now), n % ACCOUNTS + 1, "newsletter", 3, "a@acme.example", "a@acme.example", "News", "<1@acme.example>",
            len(body), None, "the account's default", now, now + 86_400_000,
        )  # fmt: skip
        delivery = NewDelivery(self.ids.next(now), f"b{n}@remote.example", "remote.example", state, now, now + 900_000)
        event = EventRow(self.ids.next(now), message.account, message.id, None, EventKind.ACCEPTED, now, {"by": "smtp"})
        return message, [body], [delivery], [event]

    def delivered(self, job: Job) -> Outcome:
        now = int(time.time() * 1000)
        events = [
            EventRow(self.ids.next(now), job.account, job.message, job.delivery, EventKind.ATTEMPT, now, DETAILS),
            EventRow(
                self.ids.next(now), job.account, job.message, job.delivery, EventKind.DELIVERED, now, {"reply": "250 2.0.0 ok"}
            ),
        ]
        return Outcome(job.delivery, job.message, State.DELIVERED, now, job.attempts + 1, now, 0, "250 2.0.0 ok", events=events)

    async def fill(self, number: int) -> None:
        """So many more rows wait."""
        for at in range(0, number, 1_000):
            mails = [self.mail(n, SMALL_BODY, State.READY) for n in range(at, min(at + 1_000, number))]
            await asyncio.gather(*(self.storage.store.accept(*mail) for mail in mails))

    async def cycles(self) -> Cycle:
        """Claim and finish, again and again."""
        times = []
        turn = 0
        for _ in range(CYCLES):
            began = time.perf_counter()
            jobs = await self.storage.queue.claim(
                "remote.example", worker=self.worker, limit=BATCH, now=0, top_only=False, turn=turn, skip=frozenset()
            )
            await self.storage.queue.settle([self.delivered(job) for job in jobs], worker=self.worker)
            times.append((time.perf_counter() - began) * 1000)
            turn = jobs[-1].account
            await self.fill(len(jobs))
        return Cycle(median(times), quantiles(times, n=100)[98])

    async def rate(self, number: int, work: Callable[[int], Awaitable[object]]) -> float:
        """How many a second, where BATCH clients each do one after the other."""
        numbers = iter(range(number))

        async def client() -> None:
            for n in numbers:
                await work(n)

        began = time.perf_counter()
        await asyncio.gather(*(client() for _ in range(BATCH)))
        return number / (time.perf_counter() - began)

    async def lives(self) -> tuple[float, float, float]:
        """Mails accepted, begun and settled a second; each hand-over is 4 rows with a 5 KB body."""
        mails = [self.mail(n, BODY, State.LEASED) for n in range(ACCEPTED)]
        accepted = await self.rate(ACCEPTED, lambda n: self.storage.store.accept(*mails[n]))
        begun = await self.rate(ACCEPTED, lambda n: self.storage.queue.begin([mails[n][2][0].id], worker=self.worker))
        outcomes = [self.delivered(_job(message, delivery)) for message, _, (delivery,), _ in mails]
        settled = await self.rate(ACCEPTED, lambda n: self.storage.queue.settle([outcomes[n]], worker=self.worker))
        return accepted, begun, settled


def run(context: Context) -> Report:
    """Measure both engines; PostgreSQL is skipped, saying so, where it is not installed."""
    report = Report([f"queue: claim and finish {BATCH} rows of one site, and what {BATCH} clients hand in", ""])
    report.lines.append(f"{'':12}{'waiting':>10}{'rows/s':>10}{'median ms':>11}{'p99 ms':>9}")
    if context.wants("SQLite"):
        report.lines += asyncio.run(_measured("SQLite", f"sqlite:///{context.folder('queue')}/mail.db"))
    if context.wants("PostgreSQL"):
        try:
            with Database() as database:
                report.lines += asyncio.run(_measured("PostgreSQL", database.url))
        except Absent as absent:
            context.skipped["PostgreSQL"] = str(absent)
    report.lines += ["", *(f"- {note}" for note in context.notes())]
    return report


async def _measured(name: str, url: str) -> list[str]:
    cycles: dict[int, Cycle] = {}
    async with _opened(url) as load:
        lives = await load.lives()
        waiting = 0
        for wanted in (FEW, MANY):
            await load.fill(wanted - waiting)
            waiting = wanted
            await load.cycles()  # the warm-up
            cycles[wanted] = await load.cycles()
            print(f"  {name}, {wanted:,} waiting: {cycles[wanted].rate:,.0f} rows/s", flush=True)
    return _lines(name, cycles, lives)


def _lines(name: str, cycles: dict[int, Cycle], lives: Sequence[float]) -> list[str]:
    few, many = cycles[FEW], cycles[MANY]
    ratio, p99 = many.median / few.median, many.p99 / few.p99
    kept = "kept" if ratio <= MEDIAN_LIMIT and p99 <= P99_LIMIT else "NOT kept"
    return [
        *(f"{name:12}{n:>10,}{one.rate:>10,.0f}{one.median:>11.2f}{one.p99:>9.2f}" for n, one in cycles.items()),
        f"{'':12}median x {ratio:.2f} (limit {MEDIAN_LIMIT}), p99 x {p99:.2f} (limit {P99_LIMIT}): {kept}",
        f"{'':12}accepted {lives[0]:,.0f}/s, begun {lives[1]:,.0f}/s, settled {lives[2]:,.0f}/s",
    ]


@asynccontextmanager
async def _opened(url: str) -> AsyncIterator[Load]:
    storage = open_storage(url)
    await storage.start()
    try:
        yield Load(storage, await storage.queue.register(host="bench", pid=os.getpid()))
    finally:
        await storage.close()


def _job(message: NewMessage, delivery: NewDelivery) -> Job:
    return Job(
        delivery.id, message.id, message.account, delivery.recipient, delivery.site, None, 3, 0, message.author,
        message.mail_from, message.subsystem, message.created_at, message.expires_at, message.size,
        eightbit=False, smtputf8=False, secret=False,
    )  # fmt: skip


if __name__ == "__main__":
    with fresh_context(rounds=1, seconds=0, only=frozenset()) as fresh:
        print(run(fresh))
