"""Ten thousand recipient domains on two hundred sites, beside the same mails on one site."""

from contextlib import ExitStack
from dataclasses import replace
from functools import partial

from bench.beside import Shoot, beside
from bench.context import Context
from bench.peers import client
from bench.peers.client import Plan
from bench.peers.mailwright import Mailwright
from bench.peers.receiver import Receiver
from bench.pumped import pumped
from bench.table import Row, Table
from tests.crash.source import DOMAIN

DOMAINS, SITES = 10_000, 200
PLAN = Plan(sessions=20, size=5 * 1024, domains=DOMAINS, sites=SITES)
ONE, MANY = "one site", f"{SITES} sites"
SYSTEMS = (ONE, MANY)
WARM_UP = 4 * SITES  # each site has been met
LEAST = 0.7  # of the rate on one site
NOTES = (f"{DOMAINS:,} recipient domains; a site is a server with limits and connections of its own. Goal: x at least {LEAST}.",)


def run(context: Context) -> Table:
    """The same mails, led to one server or to two hundred (all in one process, behind as many ports)."""
    rows = []
    for plan in (PLAN, replace(PLAN, sessions=100)):
        name = f"5 KB, {plan.sessions} sessions"
        starts = {system: partial(_started, context, system, plan) for system in SYSTEMS}
        rows.append(Row(name, beside(context, name, starts)))
    return Table("domains: many destinations", "mails/s", SYSTEMS, rows, MANY, [*NOTES, *context.notes()])


def _started(context: Context, system: str, plan: Plan, stack: ExitStack) -> Shoot:
    sink = stack.enter_context(Receiver(context.folder("sink"), ports=SITES if system == MANY else 1))
    many = {f"*.{client.site_name(n)}": port for n, port in enumerate(sink.ports)}
    folder = context.folder("mailwright")
    ours = stack.enter_context(Mailwright(folder, sink=many if system == MANY else sink.port, domain=DOMAIN))
    return pumped(lambda count: client.pump(plan, count, ours.port).began, sink, context, roots=[ours.pid], warm_up=WARM_UP)
