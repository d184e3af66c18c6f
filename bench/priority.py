"""A password mail behind a million newsletters for the same site: how long from our 250 to that of the remote server."""

import time
from contextlib import ExitStack
from dataclasses import dataclass
from statistics import median, quantiles

from bench.context import Context
from bench.peers import client, newsletters
from bench.peers.client import Plan
from bench.peers.database import Database
from bench.peers.mailwright import Mailwright
from bench.peers.program import Absent
from bench.peers.receiver import Receiver
from bench.table import Report
from mailwright.routing.sites import ROUTE
from tests.crash.source import DOMAIN

WAITING = 1_000_000
PASSWORDS = 200
GOAL = 2.0  # seconds, p99
ANSWER_SECONDS = 0.02  # what the remote server takes for a mail: the queue cannot run empty
UNDER_WAY = 500  # newsletters that have arrived before the first password mail: everything is in full swing
PATIENCE = 60.0  # seconds for the last password mail
SQLITE, POSTGRES = "SQLite", "PostgreSQL"
PLAN = Plan(sessions=1, size=2048, subsystem="password", name="password", every=0.05)


@dataclass(frozen=True, slots=True)
class Waits:
    """From the 250 at hand-in to the remote 250, seconds; `passing` newsletters a second meanwhile."""

    seconds: tuple[float, ...]
    passing: float

    @property
    def median(self) -> float:
        """The median."""
        return median(self.seconds)

    @property
    def p99(self) -> float:
        """What 99 of 100 are below."""
        return quantiles(self.seconds, n=100, method="inclusive")[98]


def run(context: Context) -> Report:
    """Both databases, each with nothing waiting and with a million."""
    rows = []
    for system in (SQLITE, POSTGRES):
        if not context.wants(system):
            continue
        try:
            rows += _rows(system, {waiting: waits(context, system, waiting, PASSWORDS) for waiting in (0, WAITING)})
        except Absent as absent:
            context.skipped[system] = str(absent)
    head = (
        "",
        "waiting",
        "median ms",
        "p99 ms",
        "longest ms",
        "newsletters/s",
        "x p99 of an empty queue",
        f"p99 <= {GOAL:.0f} s",
    )
    pace, answer = f"{PLAN.every * 1000:.0f} ms", f"{ANSWER_SECONDS * 1000:.0f} ms"
    notes = [
        f"{PASSWORDS} password mails, one each {pace}; the remote server takes {answer} for each mail.",
        "One site, with the connections that it has as shipped: newsletters go on through all but one of them.",
        *context.notes(),
    ]
    return Report("priority: password mails behind newsletters", head, rows, notes)


def waits(context: Context, system: str, waiting: int, passwords: int) -> Waits:
    """Hand in password mails while newsletters wait for the same site and flow. Raises Absent."""
    with ExitStack() as stack:
        url = stack.enter_context(Database()).url if system == POSTGRES else ""
        sink = stack.enter_context(Receiver(context.folder("sink"), answer_after=ANSWER_SECONDS, watched=PLAN.name))
        ours = Mailwright(context.folder("mailwright"), sink=sink.port, domain=DOMAIN, database=url)
        database = url or f"sqlite:///{ours.data}/mailwright.db"
        newsletters.put(database, waiting, site=f"{ROUTE}127.0.0.1:{sink.port}", domain=DOMAIN)
        stack.enter_context(ours)
        sink.wait_for(min(waiting, UNDER_WAY))
        before, began = sink.count, time.monotonic()
        taken = client.pump(PLAN, passwords, ours.port)
        passing = (sink.count - before - passwords) / (time.monotonic() - began)
        came = _await_all(sink, passwords)
        return Waits(tuple(came[mail] - at for mail, at in taken.at.items()), max(0.0, passing))


def _await_all(sink: Receiver, number: int) -> dict[str, float]:
    limit = time.monotonic() + PATIENCE
    while len(came := sink.came) < number:
        if time.monotonic() > limit:
            raise Absent(f"{len(came)} of {number} password mails arrived within {PATIENCE:.0f} s.")
        time.sleep(0.05)
    return came


def _rows(system: str, found: dict[int, Waits]) -> list[list[str]]:
    return [
        [
            system,
            f"{waiting:,}",
            *(f"{seconds * 1000:,.0f}" for seconds in (one.median, one.p99, max(one.seconds))),
            f"{one.passing:,.0f}",
            f"{one.p99 / found[0].p99:.2f}",
            "kept" if one.p99 <= GOAL else "NOT kept",
        ]
        for waiting, one in found.items()
    ]
