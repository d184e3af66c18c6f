"""The Directory: accounts, keys, domains, transports and DKIM keys; every change raises the version that caches follow."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from typing import Any, TypeVar

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Delete,
    RowMapping,
    Select,
    Table,
    Update,
    delete,
    exists,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from mailwright.accounts import Account, ApiKey, DkimKeyInfo, DomainCheck, Scope, SendingDomain, TransportInfo
from mailwright.storage.door import Door, bind, count, count_up, upsert
from mailwright.storage.schema import account as account_table
from mailwright.storage.schema import api_key, dkim_key, domain_check, secret, suppression
from mailwright.storage.schema import domain as domain_table
from mailwright.storage.schema import transport as transport_table
from mailwright.storage.schema import webhook as webhook_table
from mailwright.values import Conflict, Domain, NotFound

T = TypeVar("T")
_SHOWN_BY = {
    "account": "mailwright account list",
    "key": "mailwright key list ACCOUNT",
    "domain": "mailwright domain list ACCOUNT",
    "transport": "mailwright transport list ACCOUNT",
    "DKIM key": "mailwright dkim show DOMAIN",
}
_DKIM = [dkim_key.c[name] for name in ("id", "account", "domain", "selector", "algorithm", "public_record", "state")]


class SqlDirectory:
    """ports.Directory over SQL."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._read = door.read

    async def version(self) -> int:
        """See ports.Directory."""
        return await self._read(count, "version")

    async def account(self, account: int) -> Account:
        """See ports.Directory."""
        return await self._read(_the_account, id=account)

    async def account_named(self, name: str) -> Account:
        """See ports.Directory."""
        return await self._read(_the_account, name=name)

    async def accounts(self) -> Sequence[Account]:
        """See ports.Directory."""
        return await self._all(select(account_table).order_by(account_table.c.name), _account)

    async def add_account(self, account: Account) -> None:
        """See ports.Directory."""
        taken = f"There is an account {account.name} already."
        await self._add(account_table, _account_row(account), taken)

    async def change_account(self, account: Account) -> None:
        """See ports.Directory."""
        change = update(account_table).where(account_table.c.id == account.id).values(**_account_row(account))
        await self._change_one(change, "account", f"There is an account {account.name} already.")

    async def suppresses(self, account: int) -> bool:
        """See ports.Directory."""
        return await self._read(_suppresses, account)

    async def key_by_prefix(self, prefix: str) -> ApiKey | None:
        """See ports.Directory."""
        found = await self._all(select(api_key).where(api_key.c.prefix == prefix), _key)
        return found[0] if found else None

    async def keys(self, account: int) -> Sequence[ApiKey]:
        """See ports.Directory."""
        return await self._all(select(api_key).where(api_key.c.account == account).order_by(api_key.c.id), _key)

    async def add_key(self, key: ApiKey) -> None:
        """See ports.Directory."""
        await self._add(api_key, _key_row(key), "There is a key with this prefix already.")

    async def revoke_key(self, account: int, prefix: str, *, now: int) -> None:
        """See ports.Directory. Raises NotFound."""
        of = update(api_key).where(api_key.c.account == account, api_key.c.prefix == prefix)
        revoked = of.values(revoked_at=func.coalesce(api_key.c.revoked_at, now))
        await self._change_one(revoked, "key")

    async def domains(self, account: int) -> Sequence[SendingDomain]:
        """See ports.Directory."""
        return await self._all(
            select(domain_table).where(domain_table.c.account == account).order_by(domain_table.c.domain), _domain
        )

    async def domain_named(self, domain: Domain) -> SendingDomain | None:
        """See ports.Directory."""
        found = await self._all(select(domain_table).where(domain_table.c.domain == domain.name), _domain)
        return found[0] if found else None

    async def add_domain(self, domain: SendingDomain) -> None:
        """See ports.Directory."""
        row = {"id": domain.id, "account": domain.account, "domain": domain.domain.name, "subdomains": int(domain.subdomains)}
        taken = f"The domain {domain.domain.readable} is taken already."
        await self._add(domain_table, row, taken)

    async def remove_domain(self, account: int, domain: Domain) -> None:
        """See ports.Directory. Raises NotFound."""
        await self._change(bind(_remove_domain, account, domain))

    async def change_domain(self, domain: SendingDomain) -> None:
        """See ports.Directory. Raises NotFound."""
        of = update(domain_table).where(domain_table.c.account == domain.account, domain_table.c.id == domain.id)
        await self._change_one(of.values(subdomains=int(domain.subdomains)), "domain")

    async def keep_check(self, check: DomainCheck) -> None:
        """See ports.Directory."""
        await self._door.write(_keep_check, {**asdict(check), "standings": json.dumps(dict(check.standings))})

    async def checks(self, account: int) -> Sequence[DomainCheck]:
        """See ports.Directory."""
        return await self._all(select(domain_check).where(domain_check.c.account == account), _check)

    async def transports(self, account: int) -> Sequence[TransportInfo]:
        """See ports.Directory."""
        return await self._all(
            select(transport_table).where(transport_table.c.account == account).order_by(transport_table.c.id), _transport
        )

    async def add_transport(self, transport: TransportInfo, sealed: bytes | None) -> None:
        """See ports.Directory."""
        row = {
            "id": transport.id, "account": transport.account, "kind": transport.kind, "name": transport.name,
            "settings": json.dumps(dict(transport.settings)), "sealed": sealed,
        }  # fmt: skip
        await self._add(transport_table, row, "There is a transport with this id already.")

    async def remove_transport(self, account: int, transport: int) -> None:
        """See ports.Directory. Raises NotFound."""
        gone = delete(transport_table).where(transport_table.c.account == account, transport_table.c.id == transport)
        await self._change_one(gone, "transport")

    async def transport_secret(self, account: int, transport: int) -> bytes | None:
        """See ports.Directory. Raises NotFound."""
        of = select(transport_table.c.sealed).where(transport_table.c.account == account, transport_table.c.id == transport)
        return await self._read(_sealed, of, "transport")

    async def dkim_keys(self, domain: Domain) -> Sequence[DkimKeyInfo]:
        """See ports.Directory."""
        return await self._all(select(*_DKIM).where(dkim_key.c.domain == domain.name).order_by(dkim_key.c.id.desc()), _dkim)

    async def add_dkim_key(self, key: DkimKeyInfo, sealed: bytes) -> None:
        """See ports.Directory."""
        row = {
            "id": key.id, "account": key.account, "domain": key.domain.name, "selector": key.selector, "algorithm": key.algorithm,
            "public_record": key.public_record, "state": key.state, "sealed": sealed,
        }  # fmt: skip
        await self._add(dkim_key, row, "There is a DKIM key with this id already.")

    async def dkim_secret(self, key: int) -> bytes:
        """See ports.Directory."""
        of = select(dkim_key.c.sealed).where(dkim_key.c.id == key)
        return await self._read(_sealed, of, "DKIM key") or b""

    async def change_dkim_state(self, key: int, state: str) -> None:
        """See ports.Directory. Raises NotFound."""
        change = update(dkim_key).where(dkim_key.c.id == key).values(state=state)
        await self._change_one(change, "DKIM key")

    async def reseal(self, renew: Callable[[bytes, str], bytes]) -> int:
        """See ports.Directory."""
        return await self._change(bind(_reseal, renew))

    async def sealed_count(self) -> int:
        """See ports.Directory."""
        return await self._read(_sealed_count)

    async def _all(self, of: Select[Any], made: Callable[[RowMapping], T]) -> list[T]:
        return await self._read(_rows, of, made)

    async def _add(self, table: Table, row: dict[str, Any], taken: str) -> None:
        await self._change(lambda connection: connection.execute(insert(table), row), taken)

    async def _change_one(self, statement: Update | Delete, what: str, taken: str = "") -> None:
        await self._change(bind(_one, statement, what), taken)

    async def _change(self, work: Callable[[Connection], T], taken: str = "") -> T:
        """Do the change and raise the version in one transaction. Raises Conflict, saying `taken`."""
        try:
            return await self._door.write(_with_version, work)
        except IntegrityError as clash:
            raise Conflict(taken, "Choose another, or change the one that is there.") from clash


def _with_version(connection: Connection, work: Callable[[Connection], T]) -> T:
    result = work(connection)
    count_up(connection, "version")
    return result


def _rows(connection: Connection, of: Select[Any], made: Callable[[RowMapping], T]) -> list[T]:
    return [made(row) for row in connection.execute(of).mappings()]


def _suppresses(connection: Connection, account: int) -> bool:
    return bool(connection.execute(select(exists().where(suppression.c.account == account))).scalar())


def _the_account(connection: Connection, /, **which: object) -> Account:
    found = connection.execute(select(account_table).filter_by(**which)).mappings().one_or_none()
    if found is None:
        which_one = f"account {which['name']}" if "name" in which else "such account"
        raise NotFound(f"There is no {which_one}.", "`mailwright account list` shows those that there are.")
    return _account(found)


def _one(connection: Connection, statement: Update | Delete, what: str) -> None:
    if not connection.execute(statement).rowcount:
        raise NotFound(f"There is no such {what}.", f"Those that there are: {_SHOWN_BY[what]}")


def _remove_domain(connection: Connection, account: int, name: Domain) -> None:
    """The domain and its DKIM keys."""
    _one(connection, delete(domain_table).where(domain_table.c.account == account, domain_table.c.domain == name.name), "domain")
    connection.execute(delete(dkim_key).where(dkim_key.c.account == account, dkim_key.c.domain == name.name))
    left = select(domain_table.c.id).where(domain_table.c.account == account)
    connection.execute(delete(domain_check).where(domain_check.c.account == account, domain_check.c.domain.not_in(left)))


def _keep_check(connection: Connection, row: dict[str, Any]) -> None:
    new = upsert(connection, domain_check).values(**row)
    connection.execute(new.on_conflict_do_update(index_elements=["domain"], set_=row))


def _sealed(connection: Connection, of: Select[Any], what: str) -> bytes | None:
    found = connection.execute(of).all()
    if not found:
        raise NotFound(f"There is no such {what}.", f"Those that there are: {_SHOWN_BY[what]}")
    (sealed,) = found[0]
    return None if sealed is None else bytes(sealed)


def _account(row: RowMapping) -> Account:
    return Account(**{**row, "reports": bool(row["reports"])})


def _account_row(value: Account) -> dict[str, Any]:
    return {**asdict(value), "reports": int(value.reports)}


def _key(row: RowMapping) -> ApiKey:
    scopes = frozenset(Scope(word) for word in row["scopes"].split())
    changed = {"digest": bytes(row["digest"]), "scopes": scopes, "send_as": tuple(json.loads(row["send_as"]))}
    return ApiKey(**{**row, **changed})


def _key_row(value: ApiKey) -> dict[str, Any]:
    return {**asdict(value), "scopes": " ".join(sorted(value.scopes)), "send_as": json.dumps(value.send_as)}


def _domain(row: RowMapping) -> SendingDomain:
    return SendingDomain(row["id"], row["account"], Domain(row["domain"]), bool(row["subdomains"]))


def _check(row: RowMapping) -> DomainCheck:
    return DomainCheck(**{**row, "standings": json.loads(row["standings"])})


def _transport(row: RowMapping) -> TransportInfo:
    has_secret = row["sealed"] is not None
    return TransportInfo(row["id"], row["account"], row["kind"], row["name"], json.loads(row["settings"]), has_secret)


def _dkim(row: RowMapping) -> DkimKeyInfo:
    return DkimKeyInfo(**{**row, "domain": Domain(row["domain"])})


# Where ciphertexts are: an account's own, each bound to account/table/row. A webhook has the secret before the last one too.
_SEALED = (
    transport_table.c.sealed, dkim_key.c.sealed, webhook_table.c.sealed, webhook_table.c.sealed_old,
)  # fmt: skip


def _ciphertexts(connection: Connection) -> Iterator[tuple[ColumnElement[bool], Column[Any], str, bytes]]:
    """Each with the condition that finds its row, its column, and the place that it is bound to: account/table/row."""
    for column in _SEALED:
        of = column.table.c
        some = select(of.id, of.account, column.label("sealed")).where(column.is_not(None)).with_for_update()
        for row in connection.execute(some).all():
            yield of.id == row.id, column, f"{row.account}/{column.table.name}/{row.id}", bytes(row.sealed)
    for row in connection.execute(select(secret).with_for_update()).all():
        yield secret.c.name == row.name, secret.c.sealed, f"0/operator/{row.name}", bytes(row.sealed)


def _reseal(connection: Connection, renew: Callable[[bytes, str], bytes]) -> int:
    number = 0
    for row, column, place, sealed in _ciphertexts(connection):
        fresh = renew(sealed, place)
        if fresh != sealed:
            connection.execute(update(column.table).where(row).values({column.name: fresh}))
        number += 1
    return number


def _sealed_count(connection: Connection) -> int:
    counts = [select(func.count(column)).scalar_subquery() for column in (*_SEALED, secret.c.sealed)]
    return sum(connection.execute(select(*counts)).one())
