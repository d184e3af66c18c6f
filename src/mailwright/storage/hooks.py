"""The doors to webhooks and to events, over SQL."""

from collections.abc import Collection, Sequence
from itertools import chain

from sqlalchemy import ColumnElement, Connection, insert, select, update

from mailwright.storage import calls, happened
from mailwright.storage.door import Door
from mailwright.storage.schema import webhook as table
from mailwright.values import NotFound
from mailwright.values.ids import least_id
from mailwright.webhooks import Call, CallState, CallView, Ended, Happened, HookState, Webhook, kinds_of

IDS_AT_ONCE = 500  # events that one question asks for


class SqlHooks:
    """ports.Hooks over SQL."""

    def __init__(self, door: Door) -> None:
        self._door = door

    async def add(self, webhook: Webhook, sealed: bytes) -> None:
        """See ports.Hooks."""
        await self._door.write(_add, webhook, sealed)

    async def webhooks(self, *, account: int | None) -> Sequence[Webhook]:
        """See ports.Hooks."""
        return await self._door.read(_all, account)

    async def webhook(self, number: int, *, account: int | None) -> Webhook:
        """See ports.Hooks."""
        return await self._door.read(_one, number, account)

    async def change(
        self, number: int, *, account: int | None, url: str | None = None, events: Sequence[str] | None = None,
        state: HookState | None = None,
    ) -> None:  # fmt: skip
        """See ports.Hooks."""
        changed: dict[str, object] = {} if url is None else {"url": url}
        if events is not None:
            changed |= _heard(events)
        if state is not None:
            changed |= {"state": int(state), "notice": ""}
        if state is HookState.ENABLED:
            changed |= {"failing_since": None, "failures": 0, "rests_until": 0}
        await self._door.write(_change, number, account, changed)

    async def rotate(self, number: int, sealed: bytes, *, account: int | None, until: int) -> None:
        """See ports.Hooks."""
        await self._door.write(_change, number, account, {"sealed": sealed, "sealed_old": table.c.sealed, "old_until": until})

    async def remove(self, number: int, *, account: int | None) -> None:
        """See ports.Hooks."""
        await self.change(number, account=account, state=HookState.DISABLED)
        while await self._door.write_soon(calls.forget, number):
            pass
        await self._door.write(_remove, number, account)

    async def due(self, *, now: int) -> Sequence[tuple[int, bool]]:
        """See ports.Hooks."""
        return await self._door.read(calls.due, now)

    async def claim(self, number: int, *, worker: int, now: int, limit: int) -> list[Call]:
        """See ports.Hooks."""
        return await self._door.write_soon(calls.claim, number, worker=worker, now=now, limit=limit)

    async def end(self, ended: Sequence[Ended], *, worker: int) -> Sequence[int]:
        """See ports.Hooks."""
        return await self._door.write(calls.end, ended, worker)

    async def free(self, *, now: int, idle: int | None = None) -> int:
        """See ports.Hooks."""
        return await self._door.write_soon(calls.free, now, idle)

    async def calls(
        self, number: int, *, account: int | None, states: Collection[CallState] = (), before: int | None = None, limit: int = 50
    ) -> Sequence[CallView]:
        """See ports.Hooks."""
        await self.webhook(number, account=account)
        return await self._door.read(calls.listed, number, states=tuple(states), before=before, limit=limit)

    async def call(self, number: int, event: int, *, account: int | None) -> CallView:
        """See ports.Hooks."""
        await self.webhook(number, account=account)
        found = await self._door.read(calls.one, number, event)
        if found is None:
            raise _no_call()
        return found

    async def replay(self, number: int, event: int, *, account: int | None, now: int) -> None:
        """See ports.Hooks."""
        await self.webhook(number, account=account)
        if not await self._door.write(calls.again, number, event, now):
            raise _no_call()

    async def replay_since(self, number: int, *, account: int | None, since: int, now: int) -> int:
        """See ports.Hooks."""
        await self.webhook(number, account=account)
        total, at, until = 0, least_id(since) - 1, least_id(now + 1)
        while True:
            made, last = await self._door.write(calls.again_from, number, at, until, now)
            total += made
            if last is None:
                return total
            at = last

    async def forget(self, *, before: int) -> int:
        """See ports.Hooks."""
        gone = 0
        for one in await self.webhooks(account=None):
            while step := await self._door.write_soon(calls.forget_old, one.id, before):
                gone += step
        while step := await self._door.write_soon(calls.forget_stray):
            gone += step
        return gone


class SqlEvents:
    """ports.Events over SQL."""

    def __init__(self, door: Door) -> None:
        self._door = door

    async def after(self, number: int, *, account: int | None = None) -> tuple[Sequence[Happened], int | None]:
        """See ports.Events."""
        return await self._door.read(happened.after, number, account)

    async def ids_after(self, number: int, *, limit: int) -> Sequence[int]:
        """See ports.Events."""
        return await self._door.read(happened.ids_after, number, limit)

    async def these(self, numbers: Sequence[int]) -> Sequence[Happened]:
        """See ports.Events."""
        parts = [numbers[at : at + IDS_AT_ONCE] for at in range(0, len(numbers), IDS_AT_ONCE)]
        found = [await self._door.read(happened.these, part) for part in parts]
        return sorted(chain.from_iterable(part.values() for part in found), key=lambda one: one.id)


def _add(connection: Connection, webhook: Webhook, sealed: bytes) -> None:
    row = {
        "id": webhook.id, "account": webhook.account, "url": webhook.url, "state": int(webhook.state), "notice": webhook.notice,
        "created_at": webhook.created_at, "sealed": sealed,
    }  # fmt: skip
    connection.execute(insert(table), row | _heard(webhook.events))


def _heard(events: Sequence[str]) -> dict[str, object]:
    kinds = ",".join(kind.value for kind in kinds_of(events))
    return {"events": " ".join(events), "kinds": f",{kinds},"}


def _whose(number: int, account: int | None) -> ColumnElement[bool]:
    return table.c.id == number if account is None else (table.c.id == number) & (table.c.account == account)


def _all(connection: Connection, account: int | None) -> list[Webhook]:
    of = select(table).order_by(table.c.id.desc())
    return [calls.hook(row) for row in connection.execute(of if account is None else of.where(table.c.account == account))]


def _one(connection: Connection, number: int, account: int | None) -> Webhook:
    row = connection.execute(select(table).where(_whose(number, account))).one_or_none()
    if row is None:
        raise _no_webhook()
    return calls.hook(row)


def _change(connection: Connection, number: int, account: int | None, values: dict[str, object]) -> None:
    if not values:
        _one(connection, number, account)
    elif not connection.execute(update(table).where(_whose(number, account)).values(**values)).rowcount:
        raise _no_webhook()


def _remove(connection: Connection, number: int, account: int | None) -> None:
    connection.execute(table.delete().where(_whose(number, account)))


def _no_webhook() -> NotFound:
    return NotFound("There is no such webhook.", "`mailwright webhook list` shows those that there are.")


def _no_call() -> NotFound:
    return NotFound("This webhook was not called for such an event.", "`mailwright webhook calls ID` shows its calls.")
