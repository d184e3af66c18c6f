"""POST /emails: a mail of 5 KB, durable before its answer, beside the same endpoint with a store that keeps nothing."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from bench.beside import Shoot, beside
from bench.context import Context
from bench.peers.mailwright import ACCOUNT, Mailwright
from bench.peers.program import OURS, Absent, Program
from bench.peers.sink import Sink
from bench.rounds import Figure, Shot, shot
from bench.table import Report

DOMAIN = "customer.example"
CONNECTIONS = 32
WARM_UP = 500  # requests
MOST = 30_000  # requests a round
GOAL, SHARE = 1500, 0.6
KEPT, NOTHING, SENT = "durable, waits", "stores nothing", "durable, signed, delivered"
LINE = "Dear Mrs Miller, your invoice of October is ready; please find it in your account, and pay it soon.\n"
BODY = {
    "from": f"Customer Billing <billing@{DOMAIN}>",
    "to": ["miller@remote.example"],
    "subject": "Your invoice of October",
    "html": f"<html><body><h1>Invoice</h1>{''.join(f'<p>{LINE}</p>' for _ in range(22))}</body></html>",
    "text": LINE * 22,
    "tags": [{"name": "kind", "value": "invoice"}],
}
OCTETS = json.dumps(BODY).encode()


@dataclass(slots=True)
class Load:
    """Rounds of requests against one port, and how long their answers took."""

    port: int
    key: str
    out: Path
    seconds: list[float] = field(default_factory=list)

    def run(self, count: int) -> tuple[float, float]:
        """So many requests: when they began and ended. Raises Absent where one was refused."""
        words = map(str, (self.port, self.key, CONNECTIONS, count, self.out))
        asked = [sys.executable, "-m", "bench.peers.poster", *words]
        done = subprocess.run(asked, input=OCTETS, capture_output=True, check=False, env={**os.environ, **OURS})
        if done.returncode:
            raise Absent(f"The load broke: {done.stderr.decode()[-300:]}")
        told: dict[str, Any] = json.loads(self.out.read_text())
        if told["refused"]:
            raise Absent(f"{told['refused']} of {count} requests were refused: {told['such_as'][0]}")
        self.seconds += told["seconds"]
        return told["began"], told["ended"]


def run(context: Context) -> Report:
    """Both, in turns; then the same with delivery beside it."""
    loads: dict[str, Load] = {}
    with ExitStack() as stack:
        sink = stack.enter_context(Sink(context.folder("sink")))
        starts = {system: partial(_started, context, system, sink.port, loads) for system in (KEPT, NOTHING)}
        figures = beside(context, "5 KB, 32 connections", starts)
        figures |= beside(context, "5 KB, 32 connections", {SENT: partial(_started, context, SENT, sink.port, loads)})
    head = ("", "requests/s", "lowest to highest", "CPU ms", "p50 ms", "p99 ms", f">= {GOAL:,}/s", f"share, >= {SHARE:.0%}")
    rows = [_row(system, found, loads[system].seconds, figures) for system, found in figures.items()]
    notes = [
        f"A mail with {len(BODY['text']):,} characters of text and {len(BODY['html']):,} of HTML to one recipient; one process.",
        f"{CONNECTIONS} connections, each with one request at a time, from a process of its own on the same machine.",
        f"{KEPT}: the account is paused, so that nothing else is at work; {SENT}: mail leaves to a sink meanwhile.",
        f"{NOTHING}: all but the store; it keeps no request log either.",
        *context.notes(),
    ]
    return Report("api: POST /emails", head, rows, notes)


def _row(system: str, found: Figure, seconds: Sequence[float], figures: dict[str, Figure]) -> list[str]:
    limit = figures.get(NOTHING)
    share = f"{found.rate / limit.rate:.0%}" if limit and system != NOTHING else ""
    at = quantiles(seconds, n=100, method="inclusive")[98] * 1000
    kept = {KEPT: "kept" if found.rate >= GOAL else "NOT kept"}.get(system, "")
    mark = "~" if found.disturbed else ""
    spread = f"{found.low:,.0f} to {found.high:,.0f}"
    return [
        system,
        f"{mark}{found.rate:,.0f}",
        spread,
        f"{found.cpu_ms:.2f}",
        f"{median(seconds) * 1000:.1f}",
        f"{at:.1f}",
        kept,
        share,
    ]


def _started(context: Context, system: str, sink: int, loads: dict[str, Load], stack: ExitStack) -> Shoot:
    folder = context.folder("mailwright")
    more = "log_days = 0\n" if system == NOTHING else ""
    ours = Mailwright(folder, sink=sink, domain=DOMAIN, http_more=f"requests = 100000\n{more}")
    key = ours.command("key", "add", ACCOUNT).split()[0]
    if system == NOTHING:
        program = Program([sys.executable, "-m", "bench.peers.forgetful", str(ours.config)], folder=folder, env=OURS)
        stack.enter_context(program)
        program.wait_for(ours.http)
        root = program.pid
    else:
        if system == KEPT:
            ours.command("queue", "pause", "--account", ACCOUNT, "--why", "bench")
        stack.enter_context(ours)
        root = ours.pid
    load = loads[system] = Load(ours.http, key, folder / "seen")
    load.run(WARM_UP)
    began, ended = load.run(WARM_UP)
    count = min(MOST, max(WARM_UP, round(WARM_UP / (ended - began) * context.seconds)))
    load.seconds.clear()
    return lambda: _shot(load, count, root)


def _shot(load: Load, count: int, root: int) -> Shot:
    return shot(lambda: load.run(count), units=count, roots=[root])
