"""TLS both ways: a client that logs in under STARTTLS, and a sink that demands it; the same without beside it."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from bench.beside import Shoot, beside
from bench.context import Context
from bench.peers import client
from bench.peers.client import Plan
from bench.peers.mailwright import Mailwright
from bench.peers.opendkim import OpenDkim
from bench.peers.postfix import Postfix
from bench.peers.receiver import Receiver
from bench.pumped import pumped
from bench.table import Row, Table
from bench.through import SELECTOR, new_key
from mailwright.net.tls import make_self_signed
from tests.crash.source import DOMAIN

CEILING, SIGNED, PLAIN, OURS = "no system", "Postfix+OpenDKIM", "Mailwright without TLS", "Mailwright"
SYSTEMS = (CEILING, SIGNED, PLAIN, OURS)
REUSED = Plan(sessions=20, size=5 * 1024, tls=True)
CASES = {"5 KB, 20 sessions": REUSED, "5 KB, 20 sessions, a connection a mail": replace(REUSED, reuse=False)}
NOTES = (
    "Client and sink are processes of their own, on the same processors; no system: the client straight into the sink.",
    "Mailwright's client logs in with an API key; Postfix trusts this machine instead.",
    "One certificate (EC P-256) everywhere; connections out are reused, by Postfix too (smtp_tls_connection_reuse).",
)


@dataclass(frozen=True, slots=True)
class Ready:
    """A system that takes mail at `port`; `roots` are its processes."""

    port: int
    roots: tuple[int, ...] = ()
    password: str = ""


def run(context: Context) -> Table:
    """Measure both ways of connecting on every system that is there."""
    folder = context.folder("keys")
    certificate, rows = make_self_signed("localhost", folder, now=datetime.fromtimestamp(time.time(), UTC)), []
    for name, plan in CASES.items():
        starts = {system: partial(_started, context, system, plan, certificate) for system in SYSTEMS}
        rows.append(Row(name, beside(context, name, starts)))
    return Table("tls: under TLS in and out, signed, durable", "mails/s", SYSTEMS, rows, OURS, [*NOTES, *context.notes()])


def _started(context: Context, system: str, plan: Plan, certificate: tuple[Path, Path], stack: ExitStack) -> Shoot:
    sink = stack.enter_context(Receiver(context.folder("sink"), certificate=certificate if system != PLAIN else None))
    ready = stack.enter_context(_running(context, system, sink.port, certificate))
    given = replace(plan, tls=system != PLAIN, password=ready.password)
    return pumped(lambda count: client.pump(given, count, ready.port).began, sink, context, roots=ready.roots)


@contextmanager
def _running(context: Context, system: str, sink: int, certificate: tuple[Path, Path]) -> Iterator[Ready]:
    with ExitStack() as stack:
        if system == CEILING:
            yield Ready(sink)
        elif system == SIGNED:
            key = new_key(context.folder("key"))
            signer = stack.enter_context(OpenDkim(context.folder("opendkim"), key=key, domain=DOMAIN, selector=SELECTOR))
            postfix = Postfix(context.folder("postfix"), sink=sink, milter=signer.socket, certificate=certificate)
            stack.enter_context(postfix)
            yield Ready(postfix.port, (postfix.pid, signer.pid))
        else:
            ours = Mailwright(context.folder("mailwright"), sink=sink, domain=DOMAIN, tls=system == OURS)
            stack.enter_context(ours)
            yield Ready(ours.port, (ours.pid,), ours.password)
