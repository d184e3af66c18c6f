"""How much memory the process holds: at rest, while a hundred thousand mails pass, with twenty of 25 MB at once."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import linear_regression

from bench.context import Context
from bench.peers import memory, source
from bench.peers.mailwright import Mailwright
from bench.peers.sink import Sink
from bench.peers.source import Load
from bench.table import Report

DOMAIN = source.FROM.partition("@")[2]
REST_SECONDS = 5.0  # until a started process is at rest
MAILS, SESSIONS = 100_000, 20
LARGE, LARGE_OCTETS = 20, 25 * 10**6
SETTLED = 0.2  # of the mails: the first ones fill pools and caches
EVERY = 0.25  # seconds between two looks
IDLE_MOST, LARGE_MOST, GROWTH_MOST = 150.0, 400.0, 10.0  # MB; the last over the mails that count


@dataclass(frozen=True, slots=True)
class Sample:
    """Resident memory in MB after so many mails."""

    mails: int
    mb: float


def run(context: Context) -> Report:
    """One process from its start to the end, with the settings as shipped."""
    with (
        Sink(context.folder("sink")) as sink,
        Mailwright(context.folder("mailwright"), sink=sink.port, domain=DOMAIN) as ours,
    ):
        time.sleep(REST_SECONDS)
        idle = memory.now(ours.pid)
        samples = _watched(ours.pid, sink, lambda: _passed(sink, ours.port, Load(SESSIONS, 5 * 1024), MAILS))
        memory.forget_most(ours.pid)
        _passed(sink, ours.port, Load(LARGE, LARGE_OCTETS), LARGE)
        large = memory.most(ours.pid)
        time.sleep(REST_SECONDS)
        after = memory.now(ours.pid)
    growth = _growth(samples)
    highest = max(sample.mb for sample in samples)
    rows = [
        ["at rest after the start", f"{idle:,.0f}", _goal(idle, IDLE_MOST)],
        [f"{MAILS:,} mails of 5 KB: highest", f"{highest:,.0f}", ""],
        [f"{MAILS:,} mails of 5 KB: growth over the last {1 - SETTLED:.0%}", f"{growth:+,.1f}", _goal(growth, GROWTH_MOST)],
        [f"{LARGE} mails of 25 MB at once: highest", f"{large:,.0f}", _goal(large, LARGE_MOST)],
        ["at rest afterwards", f"{after:,.0f}", ""],
    ]
    notes = [
        "Resident memory of the whole process (RSS), in MB of 10^6 octets; the growth by a straight line through all samples."
    ]
    return Report("memory: one process, as shipped", ("", "MB", "goal"), rows, [*notes, *context.notes()])


def _passed(sink: Sink, port: int, load: Load, count: int) -> None:
    before = sink.count
    source.pump(load, count, port)
    sink.wait_for(before + count)


def _watched(pid: int, sink: Sink, work: Callable[[], None]) -> list[Sample]:
    """Look again and again while `work` is done."""
    samples: list[Sample] = []
    done = threading.Event()

    def look() -> None:
        while not done.wait(EVERY):
            samples.append(Sample(sink.count, memory.now(pid)))

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        work()
    finally:
        done.set()
        watcher.join()
    return samples


def _growth(samples: Sequence[Sample]) -> float:
    """MB that the mails which count have added."""
    counted = [sample for sample in samples if sample.mails >= MAILS * SETTLED]
    slope = linear_regression([sample.mails for sample in counted], [sample.mb for sample in counted]).slope
    return slope * MAILS * (1 - SETTLED)


def _goal(found: float, most: float) -> str:
    return f"<= {most:,.0f}: {'kept' if found <= most else 'NOT kept'}"
