"""Whatever is done to the queue in whatever order, a delivery moves only as the table of its life allows."""

import asyncio
import tempfile
from collections import Counter
from collections.abc import Coroutine
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from mailwright.queue import EventKind, EventRow, Job, State
from mailwright.queue.life import NEXT, WAITING
from mailwright.storage import open_storage
from tests.storage.mails import MINUTE, NOW, Mails, claim

# What storage may do to a row in one step; a step of several moves is in it as well, such as deferred, due, claimed.
AFTER: dict[State, set[State]] = {state: {new for (old, _), new in NEXT.items() if old is state} for state in State}
AFTER[State.SENDING] |= {State.READY}  # its worker died
ENDS = (State.DELIVERED, State.DEFERRED, State.BOUNCED, State.READY, State.HELD, State.CAPTURED)


class Queue(RuleBasedStateMachine):
    """Two workers, a few mails, and people who pause, cancel and retry."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.folder = tempfile.TemporaryDirectory()
        self.storage = open_storage(f"sqlite:///{self.folder.name}/mail.db")
        self.mails = Mails()
        self.jobs: dict[int, list[Job]] = {}
        self.sent: list[int] = []
        self.before: dict[int, State] = {}
        self.told: Counter[EventKind] = Counter()

    def wait(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(work)

    @initialize()
    def open(self) -> None:
        self.wait(self.storage.start())
        for _ in range(2):
            self.jobs[self.wait(self.storage.queue.register(host="here", pid=1))] = []

    def worker(self, which: bool) -> int:
        return sorted(self.jobs)[-1 if which else 0]

    @rule(recipients=st.integers(1, 3), account=st.integers(1, 3), priority=st.integers(0, 2), state=st.sampled_from(WAITING))
    def hand_in(self, recipients: int, account: int, priority: int, state: State) -> None:
        to = [f"{n}@x.example" for n in range(recipients)]
        message, _ = self.wait(self.mails.accept(self.storage, *to, account=account, priority=priority, state=state))
        self.sent.append(message.id)

    @rule(which=st.booleans(), limit=st.integers(1, 4), top_only=st.booleans(), turn=st.integers(0, 3))
    def claim(self, which: bool, limit: int, top_only: bool, turn: int) -> None:
        worker = self.worker(which)
        jobs = self.wait(claim(self.storage, worker, limit=limit, top_only=top_only, turn=turn))
        taken = {job.delivery for held in self.jobs.values() for job in held}
        assert not taken & {job.delivery for job in jobs}, "claimed twice"
        assert len({job.priority for job in jobs}) <= 1
        self.jobs[worker] += jobs

    @rule(which=st.booleans())
    def begin(self, which: bool) -> None:
        worker = self.worker(which)
        lost = self.wait(self.storage.queue.begin([job.delivery for job in self.jobs[worker]], worker=worker))
        assert not lost

    @rule(which=st.booleans(), state=st.sampled_from(ENDS), number=st.integers(1, 3))
    def settle(self, which: bool, state: State, number: int) -> None:
        worker = self.worker(which)
        now = self.states()
        done = [job for job in self.jobs[worker][:number] if state in AFTER[now[job.delivery]]]  # what a flow would write
        self.jobs[worker] = [job for job in self.jobs[worker] if job not in done]
        self.wait(self.storage.queue.settle([self.mails.outcome(job, state) for job in done], worker=worker))

    @rule(which=st.booleans())
    def die(self, which: bool) -> None:
        dead, living = self.worker(which), self.worker(not which)
        self.wait(self.storage.queue.free_dead(worker=living, alone=True, new_events=self.unknown))
        stale, self.jobs = self.jobs[dead], {living: self.jobs[living]}
        assert self.wait(self.storage.queue.begin([job.delivery for job in stale], worker=dead)) == {
            job.delivery for job in stale
        }
        self.wait(self.storage.queue.settle([self.mails.outcome(job, State.DELIVERED) for job in stale], worker=dead))
        self.jobs[self.wait(self.storage.queue.register(host="here", pid=1))] = []

    def unknown(self, delivery: int, message: int, account: int, now: int) -> EventRow:
        return self.mails.event(EventKind.UNKNOWN, message, account=account, delivery=delivery, at=now)

    @rule()
    def wake(self) -> None:
        woken = self.wait(self.storage.queue.wake(now=NOW + 15 * MINUTE))
        due = [self.mails.outcome(job, State.READY, now=NOW + 15 * MINUTE) for job in woken if job.state is State.DEFERRED]
        self.wait(self.storage.queue.waken(due))

    @rule(pick=st.integers(0, 99), action=st.sampled_from(["pause", "resume", "retry_now", "cancel"]))
    def people(self, pick: int, action: str) -> None:
        if not self.sent:
            return
        message, queue = self.sent[pick % len(self.sent)], self.storage.queue
        if action == "pause":
            self.wait(queue.pause(message=message, why="stop", now=NOW))
        elif action == "resume":
            self.wait(queue.resume(message=message, now=NOW))
        elif action == "retry_now":
            self.wait(queue.retry_now(message=message, now=NOW))
        else:
            self.wait(queue.cancel(message, account=None, now=NOW))
        if action in {"pause", "cancel"}:  # taken from the hands of a worker, which must not begin it any more
            now = self.states()
            for worker, jobs in self.jobs.items():
                gone = [job for job in jobs if job.message == message and now[job.delivery] is not State.SENDING]
                numbers = {job.delivery for job in gone}
                assert self.wait(queue.begin(list(numbers), worker=worker)) == numbers
                self.wait(queue.settle([self.mails.outcome(job, State.READY) for job in gone], worker=worker))
                self.jobs[worker] = [job for job in jobs if job not in gone]

    def states(self) -> dict[int, State]:
        stories = [self.wait(self.storage.store.story(message, account=None)) for message in self.sent]
        return {view.id: view.state for story in stories for view in story.deliveries}

    @invariant()
    def moved_as_allowed(self) -> None:
        now = self.states()
        for number, state in now.items():
            old = self.before.get(number, state)
            assert state is old or state in AFTER[old], f"{old.name} -> {state.name}"
        held = {job.delivery for jobs in self.jobs.values() for job in jobs}
        assert held == {number for number, state in now.items() if state in {State.LEASED, State.SENDING}}
        self.before = now

    def teardown(self) -> None:
        self.wait(self.storage.close())
        self.loop.close()
        self.folder.cleanup()


Queue.TestCase.settings = settings(max_examples=15, stateful_step_count=25, deadline=None)
TestLife = Queue.TestCase
