"""One site as this process works on it: the jobs in memory, its lanes, and whether it backs off."""

import asyncio
from collections import deque
from collections.abc import Sequence
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
    idle: deque[asyncio.Future[None]] = field(default_factory=deque)
    backlog: bool = False  # READY rows are known or supposed to be in the table
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
        self.wake()

    def put_back(self, jobs: Sequence[Job]) -> None:
        """Return jobs to the front."""
        for job in reversed(jobs):
            self.jobs[job.priority].appendleft(job)
        self.waiting += len(jobs)
        self.wake()

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

    def wake(self) -> None:
        """Let one idle lane look for work."""
        while self.idle:
            waiter = self.idle.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return

    def shut(self, now: int) -> bool:
        """Whether nobody may connect just now."""
        return bool(self.paused) or self.until > now

    def claim_size(self) -> int:
        """How many rows a lane claims at once."""
        return max(1, min(CLAIM_MOST, int(CLAIM_SECONDS / max(self.pace, 0.001))))

    def took(self, seconds: float) -> None:
        """Learn how long a mail takes."""
        self.pace += (seconds - self.pace) * 0.1
