"""Suppressions over SQL. An account that has any is known by its view: so changes raise the version that views follow."""

from collections.abc import Sequence

from sqlalchemy import Connection, Row, delete, select

from mailwright.accounts.suppression import Origin, Suppression
from mailwright.storage.door import Door, count_up, upsert
from mailwright.storage.rows import storable
from mailwright.storage.schema import suppression
from mailwright.values import NotFound

_COLUMNS = [suppression.c[name] for name in ("id", "account", "address", "reason", "origin", "created_at", "source")]
_PART = 500  # addresses of one statement


class SqlSuppressions:
    """ports.Suppressions over SQL."""

    def __init__(self, door: Door) -> None:
        self._door = door

    async def add(self, suppressions: Sequence[Suppression]) -> Sequence[Suppression]:
        """See ports.Suppressions."""
        return await self._door.write(_add, suppressions)

    async def among(self, account: int, addresses: Sequence[str]) -> Sequence[Suppression]:
        """See ports.Suppressions."""
        return await self._door.read(_among, account, addresses)

    async def one(self, account: int, *, number: int | None = None, address: str = "") -> Suppression:
        """See ports.Suppressions."""
        return await self._door.read(_one, account, number, address)

    async def page(
        self, account: int, *, origin: Origin | None, older_than: int | None, newer_than: int | None, limit: int
    ) -> Sequence[Suppression]:
        """See ports.Suppressions."""
        return await self._door.read(_page, account, origin, older_than, newer_than, limit)

    async def remove(self, account: int, numbers: Sequence[int]) -> None:
        """See ports.Suppressions."""
        await self._door.write(_remove, account, numbers)


def _add(connection: Connection, suppressions: Sequence[Suppression]) -> Sequence[Suppression]:
    kept: list[Suppression] = []
    for one in suppressions:
        row = {column.name: getattr(one, column.name) for column in _COLUMNS} | {"reason": storable(one.reason)}
        connection.execute(upsert(connection, suppression).values(**row).on_conflict_do_nothing())
        kept += _among(connection, one.account, [one.address])
    count_up(connection, "version")
    return kept


def _among(connection: Connection, account: int, addresses: Sequence[str]) -> list[Suppression]:
    of = select(*_COLUMNS).where(suppression.c.account == account)
    parts = [addresses[at : at + _PART] for at in range(0, len(addresses), _PART)]
    return [_read(row) for part in parts for row in connection.execute(of.where(suppression.c.address.in_(part)))]


def _one(connection: Connection, account: int, number: int | None, address: str) -> Suppression:
    named = suppression.c.address == address if number is None else suppression.c.id == number
    row = connection.execute(select(*_COLUMNS).where(suppression.c.account == account, named)).one_or_none()
    if row is None:
        raise NotFound("There is no such suppression.", "GET /suppressions lists those that there are.")
    return _read(row)


def _page(
    connection: Connection, account: int, origin: Origin | None, older_than: int | None, newer_than: int | None, limit: int
) -> list[Suppression]:
    of = select(*_COLUMNS).where(suppression.c.account == account).limit(limit)
    of = of.order_by(suppression.c.id.desc() if newer_than is None else suppression.c.id)
    if origin is not None:
        of = of.where(suppression.c.origin == str(origin))
    if older_than is not None:
        of = of.where(suppression.c.id < older_than)
    if newer_than is not None:
        of = of.where(suppression.c.id > newer_than)
    found = [_read(row) for row in connection.execute(of)]
    return found if newer_than is None else found[::-1]


def _remove(connection: Connection, account: int, numbers: Sequence[int]) -> None:
    connection.execute(delete(suppression).where(suppression.c.account == account, suppression.c.id.in_(numbers)))
    count_up(connection, "version")


def _read(row: Row[int, int, str, str, str, int, int | None]) -> Suppression:
    return Suppression(row.id, row.account, row.address, row.reason, Origin(row.origin), row.created_at, row.source)
