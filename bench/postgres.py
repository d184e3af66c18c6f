"""The same mail over PostgreSQL, with a server of its own on this machine, beside our SQLite."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial

from bench.beside import Shoot, beside
from bench.context import Context
from bench.peers import source
from bench.peers.database import Database
from bench.peers.mailwright import Mailwright
from bench.peers.sink import Sink
from bench.peers.source import Load
from bench.pumped import pumped
from bench.table import Row, Table

DOMAIN = source.FROM.partition("@")[2]
SQLITE, POSTGRES = "SQLite", "PostgreSQL"
SYSTEMS = (SQLITE, POSTGRES)
CASES = (Load(20, 5 * 1024), Load(100, 5 * 1024))
NOTES = ("Both durable before the 250 (fsync, synchronous_commit). PostgreSQL's own time counts; it shares the processors.",)


def run(context: Context) -> Table:
    """Measure both databases, the same load after each other."""
    rows = []
    for load in CASES:
        name = f"5 KB, {load.sessions} sessions"
        starts = {system: partial(_started, context, system, load) for system in SYSTEMS}
        rows.append(Row(name, beside(context, name, starts)))
    title = "postgres: handed in, signed, durable, delivered"
    return Table(title, "mails/s", SYSTEMS, rows, POSTGRES, [*NOTES, *context.notes()])


def _started(context: Context, system: str, load: Load, stack: ExitStack) -> Shoot:
    sink = stack.enter_context(Sink(context.folder("sink")))
    port, roots = stack.enter_context(_running(context, system, sink.port))
    return pumped(lambda count: source.pump(load, count, port), sink, context, roots=roots)


@contextmanager
def _running(context: Context, system: str, sink: int) -> Iterator[tuple[int, tuple[int, ...]]]:
    """The port that takes mail, and the processes that count."""
    with ExitStack() as stack:
        database = stack.enter_context(Database()) if system == POSTGRES else None
        url = database.url if database is not None else ""
        ours = stack.enter_context(Mailwright(context.folder("mailwright"), sink=sink, domain=DOMAIN, database=url))
        yield ours.port, (ours.pid,) if database is None else (ours.pid, database.pid)
