"""One site as this process works on it: the jobs in memory, its lanes, and whether it backs off."""

import asyncio
from collections import deque
from dataclasses import dataclass, field

from mailwright.queue import Job

PRIORITIES = 10  # 0 is served first
CLAIM_SECONDS = 5.0  # a lane claims what it delivers in about this time
CLAIM_MOST = 100


@dataclass(slots=True)
class Site:
    """Jobs wait here by priority; lanes take them. All in the event loop's thread."""

    name: str
    limit: int  # lanes at once
    shares: bool = False  # recipients of one message may share a transaction
    jobs: list[deque[Job]] = field(default_factory=lambda: [deque() for _ in range(PRIORITIES)])
    waiting: int = 0
    lanes: int = 0
    reserved: int = 0  # those of the lanes that serve, or are about to serve, the top priority alone
    idle: deque[asyncio.Future[None]] = field(default_factory=deque)  # lanes that wait for work of any priority
    idle_top: deque[asyncio.Future[None]] = field(default_factory=deque)  # the same, for the top priority alone
    claiming: asyncio.Lock = field(default_factory=asyncio.Lock)  # one lane claims for all
    backlog: bool = False  # READY rows are known or supposed to be in the table
    urgent: bool = False  # some of the top priority are among them
    until: int = 0  # backs off until then (ms)
    crowded_until: int = 0  # no further lane before: other processes hold all slots (ms)
    failures: int = 0
    last_reply: str = ""
    paused: str = ""
    turn: int = 0  # the account that was served last
    pace: float = 0.05  # seconds a mail takes one lane, moving average

    def push(self, job: Job) -> None:
        """Add a job and wake a lane that waits."""
        self.jobs[job.priority].append(job)
        self.waiting += 1
        if job.priority or not _woken(self.idle_top):
            _woken(self.idle)

    def take(self, *, top_only: bool, most: int) -> list[Job]:
        """The next job of the best priority, with up to `most` - 1 more that stand behind it and can share its transaction:
        deliveries of one message whose mail_from is the author's."""
        queue = self.jobs[0] if top_only else next((jobs for jobs in self.jobs if jobs), self.jobs[0])
        if not queue:
            return []
        taken = [queue.popleft()]
        while self.shares and queue and len(taken) < most and queue[0].message == taken[0].message:
            taken.append(queue.popleft())
        self.waiting -= len(taken)
        return taken

    def drain(self) -> list[Job]:
        """Take all jobs out."""
        taken = [job for queue in self.jobs for job in queue]
        for queue in self.jobs:
            queue.clear()
        self.waiting = 0
        return taken

    def wake_all(self) -> None:
        """Let every idle lane look for work."""
        while _woken(self.idle) or _woken(self.idle_top):
            pass

    def wants_lane(self) -> bool:
        """Whether there is work that the lanes of now do not see to: the top priority has one of its own, the rest another."""
        ordinary = self.waiting - len(self.jobs[0])
        if self.lanes == self.reserved and (ordinary or self.backlog):
            return True
        if (self.jobs[0] or self.urgent) and not self.reserved and not self.idle:
            return True
        return self.waiting > self.lanes - len(self.idle) - len(self.idle_top)

    def shut(self, now: int) -> bool:
        """Whether nobody may connect just now."""
        return bool(self.paused) or self.until > now

    def claim_size(self) -> int:
        """How many rows a lane claims at once."""
        return max(1, min(CLAIM_MOST, int(CLAIM_SECONDS / max(self.pace, 0.001))))

    def took(self, seconds: float) -> None:
        """Learn how long a mail takes."""
        self.pace += (seconds - self.pace) * 0.1


def _woken(waiters: deque[asyncio.Future[None]]) -> bool:
    """Wake the first of some lanes; False where none waits."""
    while waiters:
        waiter = waiters.popleft()
        if not waiter.done():
            waiter.set_result(None)
            return True
    return False
