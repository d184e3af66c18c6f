"""Where event rows are written, and with them, in the same transaction, a call for every webhook that wants to hear of them.

Whether there is a webhook at all is asked within the transaction, by one statement for all its events: a webhook that another
process has made hears of everything that is handed in once its making was answered.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import BigInteger, Column, Connection, Text

from mailwright.storage.many import Row, insert_rows, insert_step, row_step, run_rows
from mailwright.storage.rows import EVENT
from mailwright.storage.schema import event
from mailwright.storage.writer_process import ANY, Step

_ANY = "SELECT 1 FROM webhook WHERE state = 0 LIMIT 1"
# Operators' webhooks (account 0) hear of all accounts. `kinds` has commas around each; LIKE would need a per cent sign, which
# PostgreSQL's driver reads as a place for a value.
CALLS = """INSERT INTO webhook_call (webhook, event, message, due_at, since)
SELECT webhook.id, given.id, given.message, given.at, given.at FROM ({rows}) AS given
JOIN webhook ON (webhook.account = given.account OR webhook.account = 0)
AND replace(webhook.kinds, ',' || given.kind || ',', '') <> webhook.kinds WHERE webhook.state = 0"""
# The same for events that are there already: what was given up, or happened while the webhook was disabled.
CALLS_AGAIN = """INSERT INTO webhook_call (webhook, event, message, due_at, since)
SELECT webhook.id, event.id, event.message, :now, :now FROM event
JOIN webhook ON (webhook.account = event.account OR webhook.account = 0)
AND replace(webhook.kinds, ',' || event.kind || ',', '') <> webhook.kinds
WHERE webhook.id = :webhook AND event.id > :after AND event.id <= :last
ON CONFLICT (webhook, event) DO UPDATE SET state = 0, due_at = excluded.due_at, since = excluded.since
WHERE webhook_call.state = 11"""
_NAMES = ("id", "account", "message", "kind", "at")
_TYPES = {"kind": Text}
COLUMNS: list[Column[Any]] = [Column(name, _TYPES.get(name, BigInteger)) for name in _NAMES]
_PLACES = tuple(EVENT.index(name) for name in _NAMES)


def tell(connection: Connection, rows: Sequence[Row]) -> None:
    """Write event rows, each as EVENT, and the calls that they make."""
    if not rows:
        return
    insert_rows(connection, event, EVENT, rows)
    if _somebody_listens(connection):
        run_rows(connection, CALLS, COLUMNS, [tuple(row[place] for place in _PLACES) for row in rows])


def tell_steps(rows: Sequence[Row]) -> list[Step]:
    """The same for the process that writes to SQLite."""
    sql, given, _, _ = row_step(CALLS, COLUMNS, [tuple(row[place] for place in _PLACES) for row in rows])
    return [insert_step(event, EVENT, rows), (sql, given, ANY, _ANY)]


def _somebody_listens(connection: Connection) -> bool:
    """Asked of the driver itself: a tenth of the time, and this stands on the way of every mail."""
    cursor = connection.connection.cursor()
    try:
        cursor.execute(_ANY)
        return cursor.fetchone() is not None
    finally:
        cursor.close()
