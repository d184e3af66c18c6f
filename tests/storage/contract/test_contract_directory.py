"""The Directory's contract, on both engines."""

from dataclasses import replace

import pytest

from mailwright.accounts import Account, ApiKey, DkimKeyInfo, DomainCheck, Scope, SendingDomain, TransportInfo
from mailwright.storage import Storage
from mailwright.values import Conflict, Domain, NotFound
from tests.storage.mails import NOW

ACME = Account(7, "acme", retention_days=5, reports=False, hour_limit=10, day_limit=None, default_transport=3)
KEY = ApiKey(1, 7, "abcdefgh", b"\x01" * 32, "shop", frozenset({Scope.SEND, Scope.READ}), ("a@x.example", "@y.example"), NOW)
X = Domain("x.example")
DKIM = DkimKeyInfo(31, 7, X, "mw1", "rsa-sha256", "v=DKIM1; p=abc")


async def test_accounts(storage: Storage) -> None:
    directory = storage.directory
    await directory.add_account(ACME)
    await directory.add_account(Account(8, "aardvark"))
    assert await directory.account(7) == await directory.account_named("acme") == ACME
    assert [account.name for account in await directory.accounts()] == ["aardvark", "acme"]
    changed = replace(ACME, reports=True, hour_limit=None)
    await directory.change_account(changed)
    assert await directory.account(7) == changed
    with pytest.raises(Conflict, match="acme"):
        await directory.add_account(Account(9, "acme"))
    with pytest.raises(Conflict, match="aardvark"):
        await directory.change_account(replace(ACME, name="aardvark"))
    for missing in (directory.account(99), directory.account_named("nobody"), directory.change_account(Account(99, "n"))):
        with pytest.raises(NotFound):
            await missing


async def test_keys(storage: Storage) -> None:
    directory = storage.directory
    await directory.add_key(KEY)
    assert await directory.key_by_prefix("abcdefgh") == KEY
    assert await directory.key_by_prefix("zzzzzzzz") is None
    assert await directory.keys(7) == [KEY]
    assert await directory.keys(8) == []
    with pytest.raises(Conflict):
        await directory.add_key(replace(KEY, id=2))
    with pytest.raises(NotFound):
        await directory.revoke_key(8, "abcdefgh", now=NOW)
    await directory.revoke_key(7, "abcdefgh", now=NOW + 5)
    await directory.revoke_key(7, "abcdefgh", now=NOW + 9)
    assert await directory.key_by_prefix("abcdefgh") == replace(KEY, revoked_at=NOW + 5)


async def test_what_the_dns_said_is_kept_with_its_time_and_goes_with_the_domain(storage: Storage) -> None:
    directory = storage.directory
    await directory.add_domain(SendingDomain(1, 7, X))
    await directory.add_domain(SendingDomain(2, 7, Domain("z.example")))
    before = await directory.version()
    for check in (DomainCheck(1, 7, NOW, {"TXT a": "pending"}), DomainCheck(1, 7, NOW + 1, {"TXT a": "verified"})):
        await directory.keep_check(check)
        assert await directory.checks(7) == [check]
    assert await directory.version() == before, "it is no set-up that caches follow"
    await directory.keep_check(DomainCheck(2, 7, NOW, {}))
    assert await directory.checks(8) == []
    await directory.remove_domain(7, X)
    assert [check.domain for check in await directory.checks(7)] == [2]


async def test_whether_the_names_below_are_covered_is_changed(storage: Storage) -> None:
    directory = storage.directory
    await directory.add_domain(SendingDomain(1, 7, X))
    changed = SendingDomain(1, 7, X, subdomains=True)
    await directory.change_domain(changed)
    assert await directory.domain_named(X) == changed
    for strange in (replace(changed, account=8), replace(changed, id=9)):
        with pytest.raises(NotFound):
            await directory.change_domain(strange)


async def test_domains(storage: Storage) -> None:
    directory = storage.directory
    mine = SendingDomain(1, 7, X, subdomains=True)
    await directory.add_domain(mine)
    assert await directory.domain_named(X) == mine
    assert await directory.domain_named(Domain("y.example")) is None
    assert await directory.domains(7) == [mine]
    with pytest.raises(Conflict, match="taken already"):
        await directory.add_domain(SendingDomain(2, 8, X))
    with pytest.raises(NotFound):
        await directory.remove_domain(8, X)
    await directory.remove_domain(7, X)
    assert await directory.domains(7) == []


async def test_transports(storage: Storage) -> None:
    directory = storage.directory
    first = TransportInfo(3, 7, "external_smtp", "office", {"host": "smtp.x.example", "port": 587}, has_secret=True)
    await directory.add_transport(first, b"sealed")
    await directory.add_transport(replace(first, id=4, has_secret=False, settings={}), None)
    assert await directory.transports(7) == [first, replace(first, id=4, has_secret=False, settings={})]
    assert await directory.transport_secret(7, 3) == b"sealed"
    assert await directory.transport_secret(7, 4) is None
    for missing in (directory.transport_secret(8, 3), directory.remove_transport(8, 3)):
        with pytest.raises(NotFound):
            await missing
    await directory.remove_transport(7, 3)
    assert [one.id for one in await directory.transports(7)] == [4]


async def test_dkim_keys(storage: Storage) -> None:
    directory = storage.directory
    await directory.add_dkim_key(DKIM, b"sealed")
    await directory.add_dkim_key(replace(DKIM, id=32, selector="mw2"), b"sealed too")
    assert [key.selector for key in await directory.dkim_keys(X)] == ["mw2", "mw1"]
    assert await directory.dkim_keys(Domain("sub.x.example")) == []
    assert await directory.dkim_secret(31) == b"sealed"
    await directory.change_dkim_state(31, "retired")
    assert (await directory.dkim_keys(X))[1] == replace(DKIM, state="retired")
    for missing in (directory.dkim_secret(99), directory.change_dkim_state(99, "active")):
        with pytest.raises(NotFound):
            await missing


async def test_every_secret_is_sealed_anew_in_its_place(storage: Storage) -> None:
    directory = storage.directory
    assert await directory.sealed_count() == 0
    await directory.add_transport(TransportInfo(3, 7, "external_smtp", "office"), b"one")
    await directory.add_transport(TransportInfo(4, 7, "external_smtp", "open relay"), None)
    await directory.add_dkim_key(DKIM, b"two")
    await storage.store.operator_secret("return-path", b"three")
    assert await directory.sealed_count() == 3
    seen: dict[str, bytes] = {}

    def renew(sealed: bytes, bound_to: str) -> bytes:
        seen[bound_to] = sealed
        return sealed.upper()

    assert await directory.reseal(renew) == 3
    assert seen == {"7/transport/3": b"one", "7/dkim_key/31": b"two", "0/operator/return-path": b"three"}
    assert await directory.transport_secret(7, 3) == b"ONE"
    assert await storage.store.operator_secret("return-path", b"") == b"THREE"


async def test_a_secret_that_does_not_open_leaves_all_as_they_are(storage: Storage) -> None:
    directory = storage.directory
    await directory.add_transport(TransportInfo(3, 7, "external_smtp", "office"), b"one")
    await directory.add_dkim_key(DKIM, b"two")

    def renew(sealed: bytes, bound_to: str) -> bytes:
        if "dkim" in bound_to:
            raise Conflict("this one does not open")
        return sealed.upper()

    with pytest.raises(Conflict):
        await directory.reseal(renew)
    assert await directory.transport_secret(7, 3) == b"one"


async def test_the_version_grows_with_every_change(storage: Storage) -> None:
    directory = storage.directory
    changes = [
        directory.add_account(ACME), directory.change_account(ACME), directory.add_key(KEY),
        directory.revoke_key(7, KEY.prefix, now=NOW),
        directory.add_domain(SendingDomain(1, 7, X)), directory.remove_domain(7, X),
        directory.add_transport(TransportInfo(3, 7, "own_server", "own"), None), directory.remove_transport(7, 3),
        directory.add_dkim_key(DKIM, b"sealed"), directory.change_dkim_state(31, "retired"),
        directory.reseal(lambda sealed, _: sealed),
    ]  # fmt: skip
    for change in changes:
        before = await directory.version()
        await change
        assert await directory.version() == before + 1
    before = await directory.version()
    with pytest.raises(Conflict):
        await directory.add_account(replace(ACME, id=70))
    assert await directory.version() == before
