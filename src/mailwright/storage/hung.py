"""Transactions whose process hangs are ended from outside: nobody waits for their locks, or passes over their rows, for ever.

PostgreSQL ends by itself what hangs between two statements (engine.HUNG_SECONDS). Within one it waits without end: who sends rows
(COPY) or is sent what was found counts as active, and neither that time-out nor `statement_timeout` is looked at meanwhile. A
process that takes mail was caught there by a third of 22 stops. Its rows stay locked until its session is ended, and any of the
others may do that, for all have the same role.
"""

import asyncio
import logging

from sqlalchemy import Connection, text

from mailwright.storage.door import Door
from mailwright.storage.engine import HUNG_SECONDS
from mailwright.values import Unavailable

LOOK_SECONDS = 5.0

# Ours: of the same database, role and name. Between statements too: a pooler may keep engine.py's own limit from being heard.
_END = text("""SELECT count(*) FROM (SELECT pg_terminate_backend(pid) AS ended FROM pg_stat_activity
WHERE datname = current_database() AND usename = current_user AND application_name = current_setting('application_name')
AND xact_start IS NOT NULL AND wait_event_type = 'Client' AND state_change < clock_timestamp() - make_interval(secs => :seconds)
AND pid <> pg_backend_pid()) AS hung WHERE ended""")

log = logging.getLogger(__name__)


def end_hung(connection: Connection, seconds: float) -> int:
    """End sessions that have waited for their process within a transaction for so long: how many there were."""
    return int(connection.execute(_END, {"seconds": seconds}).scalar_one())


class Watch:
    """Looks again and again, by a connection that waits for no lock; does nothing on SQLite, and before `start`."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to look."""
        if not self._door.engines.sqlite:
            self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """Look no more."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            try:
                ended = await self._door.read(end_hung, HUNG_SECONDS)
            except Unavailable:
                ended = 0  # whoever wants to read or write says so
            except Exception as fault:  # an engine that speaks like PostgreSQL and has no such view, or function
                log.error(
                    "Processes that hang are not noticed: what they have locked stays locked until they end.", exc_info=fault
                )
                return
            if ended:
                log.warning("Ended %d transactions whose process hung for %d s; others go on with its mail.", ended, HUNG_SECONDS)
            await asyncio.sleep(LOOK_SECONDS)
