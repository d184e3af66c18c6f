"""The plans of what is asked about the calls of webhooks, with many that have ended and many that are parked."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, event, insert, text

from mailwright.storage import calls
from mailwright.storage.engine import engines_for
from mailwright.storage.migrate import upgrade
from mailwright.storage.schema import webhook, webhook_call
from mailwright.webhooks import CallState, Ended
from tests.storage.mails import NOW
from tests.storage.test_storage_plans import plan_of

ROWS, HOOKS = 20_000, 20


@pytest.fixture(params=["without statistics", "with statistics"])
def connection(database: str, request: pytest.FixtureRequest) -> Iterator[Connection]:
    engines = engines_for(database)
    if engines.sqlite:
        upgrade(engines.write)
    with engines.write.begin() as opened:
        opened.execute(insert(webhook), [_hook(n) for n in range(HOOKS)])
        opened.execute(insert(webhook_call), [_call(n) for n in range(ROWS)])
        if request.param == "with statistics" or not engines.sqlite:  # PostgreSQL makes its own before long
            opened.execute(text("ANALYZE"))
    with engines.write.begin() as opened:
        yield opened
    engines.close()


def _hook(n: int) -> dict[str, Any]:
    return {
        "id": n,
        "account": n,
        "url": "",
        "events": "*",
        "kinds": "",
        "state": 0,
        "notice": "",
        "created_at": 0,
        "sealed": b"",
    }


def _call(n: int) -> dict[str, Any]:
    state = (CallState.WAITING, CallState.CALLING, CallState.DONE, CallState.DONE)[n % 4]
    due = calls.PARKED if n % 8 else NOW + n
    return {
        "webhook": n % HOOKS, "event": n, "message": n // 40, "state": int(state), "due_at": due, "since": NOW,
        "lease": n % 3 if state is CallState.CALLING else None,
    }  # fmt: skip


ENDED = [Ended(3, n, n, CallState.DONE, NOW, NOW, (), 1) for n in range(3, 400, 20)]
QUESTIONS: dict[str, tuple[Callable[[Connection], object], tuple[str, ...]]] = {
    "which are due": (lambda c: calls.due(c, NOW + 500), ("webhook_call_due",)),
    "what to claim": (lambda c: calls._page(c, 4, NOW + 500), ("webhook_call_due", "webhook_call_open")),
    "end": (lambda c: calls._end(c, 3, ENDED, 0), ("webhook_call",)),
    "free": (lambda c: calls.free(c, NOW, 1), ("webhook_call_lease",)),
    "list": (lambda c: calls.listed(c, 4, states=(), before=900, limit=20), ("webhook_call",)),
    "forget": (lambda c: calls.forget_old(c, 4, NOW), ("webhook_call",)),
}


def test_no_walk_over_all_calls_and_no_sort(connection: Connection) -> None:
    seen: list[tuple[str, Any]] = []
    event.listen(connection, "before_cursor_execute", lambda _c, _k, sql, values, *_: seen.append((sql, values)))
    for question, (ask, indexes) in QUESTIONS.items():
        seen.clear()
        ask(connection)
        plans = {sql: plan_of(connection, sql, values, "webhook_call") for sql, values in tuple(seen)}
        about = "".join(plan for plan in plans.values() if "webhook_call" in plan)
        in_order = "".join(plan for sql, plan in plans.items() if "webhook_call" in plan and "GROUP BY" not in sql)
        for index in indexes:
            assert index in about, f"{question}: {about}"
        for bad in ("SCAN webhook_call\n", "Seq Scan on webhook_call"):
            assert bad not in about, f"{question}: {about}"
        for bad in ("TEMP B-TREE FOR ORDER BY", '"Node Type": "Sort"'):
            assert bad not in in_order, f"{question}: {in_order}"
