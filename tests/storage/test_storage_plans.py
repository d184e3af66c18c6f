"""The plans of the queue's questions: a partial index, no sort, no walk over the table, with many rows waiting."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, event, text

from mailwright.queue import State
from mailwright.storage import claiming, sites, waking, workers
from mailwright.storage.engine import engines_for
from mailwright.storage.many import insert_rows
from mailwright.storage.migrate import upgrade
from mailwright.storage.rows import DELIVERY, MESSAGE, message_row
from mailwright.storage.schema import delivery, message
from tests.storage.mails import NOW, Mails

ROWS = 20_000


@pytest.fixture(params=["without statistics", "with statistics"])
def connection(database: str, request: pytest.FixtureRequest) -> Iterator[Connection]:
    """A database with rows in every state, at many sites, of many accounts."""
    engines = engines_for(database)
    if engines.sqlite:
        upgrade(engines.write)
    with engines.write.begin() as opened:
        insert_rows(opened, message, MESSAGE, [message_row(Mails().message(id=n)) for n in range(ROWS)])
        insert_rows(opened, delivery, DELIVERY, [_row(n) for n in range(ROWS)])
        if request.param == "with statistics" or not engines.sqlite:  # PostgreSQL makes its own before long
            opened.execute(text("ANALYZE"))
    with engines.write.begin() as opened:
        yield opened
    engines.close()


def _row(n: int) -> tuple[Any, ...]:
    state = (State.READY, State.DEFERRED, State.LEASED, State.DELIVERED)[n % 4]
    lease = n % 3 + 1 if state is State.LEASED else None
    return (n, n, n % 11, "a@x.example", f"site{n % 97}", int(state), n % 5, NOW, NOW + n, NOW, lease, None)


QUESTIONS: dict[str, tuple[Callable[[Connection], object], str]] = {
    "best priority": (lambda c: next(claiming._priorities(c, "site8", top_only=False)), "delivery_ready"),
    "accounts in turn": (lambda c: claiming._page(c, "site8", 2, 0, 1 << 60), "delivery_ready"),
    "take": (lambda c: claiming._take(c, "site8", 0, [1, 2, 3], share=5, worker=1), "delivery_ready"),
    "sites with work": (lambda c: sites.ready_sites(c, "", 1000), "delivery_ready"),
    "wake": (lambda c: waking.wake(c, NOW + 500, 100), "delivery_wake"),
    "next wake": (waking.next_wake, "delivery_wake"),
    "who holds rows": (workers.leases, "delivery_lease"),
    "rows of the dead": (workers.rows_of_the_dead, "delivery_lease"),
}


def test_a_partial_index_and_no_sort(connection: Connection) -> None:
    seen: list[tuple[str, Any]] = []
    event.listen(connection, "before_cursor_execute", lambda _c, _k, sql, values, *_: seen.append((sql, values)))
    for question, (ask, index) in QUESTIONS.items():
        seen.clear()
        ask(connection)
        plans = [plan_of(connection, sql, values, "delivery") for sql, values in tuple(seen) if "FROM worker" not in sql]
        assert plans, question
        for plan in plans:
            assert index in plan, f"{question}: {plan}"
            for bad in ("SCAN delivery\n", "TEMP B-TREE FOR ORDER BY", "Seq Scan on delivery", '"Node Type": "Sort"'):
                assert bad not in plan, f"{question}: {plan}"


def plan_of(connection: Connection, sql: str, values: Any, table: str) -> str:
    """The plan of a statement; a walk over the table stands in it in the same words on both engines."""
    if connection.dialect.name == "sqlite":
        rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values)
        return "".join(f"{row.detail}\n" for row in rows)
    found = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {sql}", values).scalar_one()
    plan = json.dumps(found, indent=0)
    return re.sub(rf'"Node Type": "Seq Scan",[^}}]*?"Relation Name": "{table}"', f"Seq Scan on {table}", plan)
