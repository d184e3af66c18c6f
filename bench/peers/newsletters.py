"""Newsletters that wait: made inside the database, by one statement a table, so that a million are there in seconds."""

import time
from typing import Any

from sqlalchemy import Connection, Table, insert, literal, select

from mailwright.queue import EventKind, EventRow, NewDelivery, NewMessage, State
from mailwright.queue.retry import RetryRules
from mailwright.storage.engine import Engines, engines_for
from mailwright.storage.rows import BODY, DELIVERY, EVENT, MESSAGE, delivery_row, event_row, message_row
from mailwright.storage.schema import account, body, delivery, event, message
from mailwright.values.ids import IdMaker

PART = 100_000  # mails of one transaction: SQLite's log does not grow beyond them
PRIORITY = 9  # of the subsystem blast
NUMBERED = {(table, "message") for table in ("body", "delivery", "event")} | {
    (table, "id") for table in ("message", "delivery", "event")
}
_MAIL = (
    "From: News <news@{domain}>\r\nTo: reader@dest.example\r\nSubject: News of the month\r\n"
    "Date: Thu, 09 Oct 2025 08:53:20 +0000\r\nMessage-ID: <news@app.example>\r\nMIME-Version: 1.0\r\n"
    "Content-Type: text/plain\r\n\r\nWhat is new this month.\r\n"
)


def put(url: str, number: int, *, site: str, domain: str) -> None:
    """Let `number` newsletters of the first account wait for a site; nobody may serve that database meanwhile."""
    engines = engines_for(url)
    try:
        for start in range(0, number, PART):
            with engines.write.begin() as connection:
                _insert(connection, start, min(number, start + PART), site=site, domain=domain)
        _settle_down(engines)
    finally:
        engines.close()


def _insert(connection: Connection, start: int, end: int, *, site: str, domain: str) -> None:
    now = int(time.time() * 1000) - 60_000  # a minute ago: their ids are below all of later mails
    first = IdMaker(0).next(now)
    owner: int = connection.execute(select(account.c.id).limit(1)).scalar_one()
    content, rules = _MAIL.format(domain=domain).encode(), RetryRules()
    author = f"news@{domain}"
    new = NewMessage(
        first, owner, "blast", PRIORITY, author, author, "News of the month", "<news@app.example>", len(content), None,
        "the default", now, now + rules.lifetime,
    )  # fmt: skip
    one = NewDelivery(first, "reader@dest.example", site, State.READY, now, now + rules.delayed_after)
    told = EventRow(first, owner, first, None, EventKind.ACCEPTED, now, {"by": "smtp"})
    for table, columns, row in (
        (message, MESSAGE, message_row(new)),
        (body, BODY, (first, 0, content)),
        (delivery, DELIVERY, delivery_row(one, new, None)),
        (event, EVENT, event_row(told)),
    ):
        _repeat(connection, table, columns, row, range(start, end))


def _repeat(connection: Connection, table: Table, columns: tuple[str, ...], row: tuple[Any, ...], numbers: range) -> None:
    """The same row again and again, its ids counted up."""
    count = select(literal(numbers.start).label("n")).cte("count", recursive=True)
    count = count.union_all(select(count.c.n + 1).where(count.c.n < numbers.stop - 1))
    given = [(name, literal(value, table.c[name].type)) for name, value in zip(columns, row, strict=True)]
    cells = [value + count.c.n if (table.name, name) in NUMBERED else value for name, value in given]
    connection.execute(insert(table).from_select(columns, select(*cells).select_from(count), include_defaults=False))


def _settle_down(engines: Engines) -> None:
    """As if they had come one by one: SQLite's log is folded back, PostgreSQL knows its tables."""
    connection = engines.write.raw_connection()
    try:
        driver: Any = connection.driver_connection
        if engines.sqlite:
            driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").close()
        else:
            driver.autocommit = True  # VACUUM runs outside of a transaction
            driver.execute("VACUUM ANALYZE")
    finally:
        connection.close()
