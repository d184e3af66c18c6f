"""The request log over SQL: written in batches, read by pages, deleted in small steps."""

from collections.abc import Sequence
from operator import attrgetter
from typing import Any

from sqlalchemy import Connection, Select, delete, select

from mailwright.ports.requests import Request
from mailwright.storage.door import Door
from mailwright.storage.many import insert_rows
from mailwright.storage.schema import api_log
from mailwright.values import NotFound

COLUMNS = tuple(api_log.c.keys())
_fields = attrgetter(*COLUMNS)  # on the hot path: a row for every mail over HTTP


class SqlRequests:
    """ports.RequestLog over SQL."""

    def __init__(self, door: Door) -> None:
        self._door = door

    async def keep(self, requests: Sequence[Request]) -> None:
        """See ports.RequestLog."""
        await self._door.write_soon(_keep, requests)

    async def page(
        self, *, account: int | None, before: int | None = None, after: int | None = None, limit: int = 20
    ) -> Sequence[Request]:
        """See ports.RequestLog."""
        of = _of(account)
        if before is not None:
            newer = of.where(api_log.c.id > before).order_by(api_log.c.id).limit(limit)
            return (await self._door.read(_rows, newer))[::-1]
        older = of if after is None else of.where(api_log.c.id < after)
        return await self._door.read(_rows, older.order_by(api_log.c.id.desc()).limit(limit))

    async def one(self, number: int, *, account: int | None) -> Request:
        """See ports.RequestLog."""
        found = await self._door.read(_rows, _of(account).where(api_log.c.id == number))
        if not found:
            raise NotFound("There is no such request.", "The answer to a request has its id in the header x-request-id.")
        return found[0]

    async def forget(self, *, until: int, limit: int) -> int:
        """See ports.RequestLog."""
        return await self._door.write_soon(_forget, until, limit)


def _of(account: int | None) -> Select[Any]:
    of = select(api_log)
    return of if account is None else of.where(api_log.c.account == account)


def _rows(connection: Connection, of: Select[Any]) -> list[Request]:
    return [Request(**row) for row in connection.execute(of).mappings()]


def _keep(connection: Connection, requests: Sequence[Request]) -> None:
    insert_rows(connection, api_log, COLUMNS, [_fields(one) for one in requests])


def _forget(connection: Connection, until: int, limit: int) -> int:
    old = select(api_log.c.id).where(api_log.c.id < until).order_by(api_log.c.id).limit(limit)
    return connection.execute(delete(api_log).where(api_log.c.id.in_(old))).rowcount
