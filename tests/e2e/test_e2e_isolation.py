"""An account sees and uses nothing of another, nobody sends without being somebody, and every author is checked."""

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

import pytest

from mailwright.accounts import ApiKey, DomainCheck, Scope, SendingDomain, TransportInfo
from mailwright.accounts.key import digest, prefix_of
from mailwright.accounts.suppression import Origin, Suppression
from mailwright.app.vault import dkim_place, webhook_place
from mailwright.ports import Directory, Events, Hooks, Queue, RequestLog, Store, Suppressions
from mailwright.ports.requests import Request
from mailwright.queue import State
from mailwright.values import Conflict, Domain, Malformed, NotFound
from mailwright.values.ids import id_number, id_text
from mailwright.webhooks import HookState, Webhook
from tests.e2e.conftest import BOTH, Serve
from tests.e2e.raw import Raw, logged_in, raw
from tests.e2e.served import Customer, Served, letter, route, states
from tests.net.scripted import ScriptedServer


@dataclass
class Two:
    """Two accounts; acme has a mail that was captured, one that waits, and a transport."""

    served: Served
    acme: Customer
    bolt: Customer
    message: int
    transport: int
    domain: int
    event: int  # of which the webhook hears

    @property
    def directory(self) -> Directory:
        return self.served.house.storage.directory

    @property
    def store(self) -> Store:
        return self.served.house.storage.store

    @property
    def requests(self) -> RequestLog:
        return self.served.house.storage.requests

    @property
    def hooks(self) -> Hooks:
        return self.served.house.storage.hooks

    @property
    def suppressions(self) -> Suppressions:
        return self.served.house.storage.suppressions

    @property
    def queue(self) -> Queue:
        return self.served.house.storage.queue


async def two(serve: Serve, *, delivery: str = "live") -> Two:
    served = await serve("", delivery=delivery)
    acme, bolt = await served.customer("acme"), await served.customer("bolt")
    await served.external(acme, host="smtp.acme.example", username="acme", password="secret")
    (transport,) = await served.house.storage.directory.transports(acme.id)
    (domain,) = await served.house.storage.directory.domains(acme.id)
    await served.house.storage.directory.keep_check(DomainCheck(domain.id, acme.id, 1, {}))
    await served.house.storage.requests.keep([Request(REQUEST, acme.id, "abcdefgh", "GET", "/domains", 200, "")])
    hook = Webhook(HOOK, acme.id, "https://acme.example/hook", ("*",), state=HookState.DISABLED)
    await served.house.storage.hooks.add(hook, served.house.vault.seal(b"secret", bound_to=webhook_place(acme.id, HOOK)))
    eve = Suppression(SUPPRESSED, acme.id, "eve@remote.example", "asked for it", Origin.MANUAL, 1)
    await served.house.storage.suppressions.add([eve])
    mail = letter(acme.writes(), "bob@remote.example", X_Mailwright_Idempotency_Key="once")
    number = await served.hand_in(acme, "bob@remote.example", mail=mail)
    event = (await served.story(number)).events[0].id
    return Two(served, acme, bolt, id_number(number), transport.id, domain.id, event)


Act = Callable[[Two], Awaitable[object]]
REQUEST, HOOK, SUPPRESSED = 77, 78, 79
NOTHING: list[object] = []


async def prefixes(o: Two) -> bool:
    return any(key.prefix == prefix_of(o.acme.key) for key in await o.directory.keys(o.bolt.id))


async def names(o: Two) -> list[str]:
    return [entry.domain.name for entry in await o.directory.domains(o.bolt.id)]


async def twin(o: Two) -> None:
    await o.directory.add_account(replace(await o.directory.account(o.bolt.id), id=5, name="acme"))


# With bolt's id and what is acme's. What each must answer: nothing, or a refusal that does not say whether the thing exists.
STRANGE: dict[str, tuple[Act, object]] = {
    "Directory.keys": (prefixes, False),
    "Directory.domains": (names, ["bolt.example"]),
    "Directory.transports": (lambda o: o.directory.transports(o.bolt.id), NOTHING),
    "Directory.revoke_key": (lambda o: o.directory.revoke_key(o.bolt.id, prefix_of(o.acme.key), now=1), NotFound),
    "Directory.remove_domain": (lambda o: o.directory.remove_domain(o.bolt.id, Domain("acme.example")), NotFound),
    "Directory.remove_transport": (lambda o: o.directory.remove_transport(o.bolt.id, o.transport), NotFound),
    "Directory.transport_secret": (lambda o: o.directory.transport_secret(o.bolt.id, o.transport), NotFound),
    "Directory.add_domain": (lambda o: o.directory.add_domain(SendingDomain(5, o.bolt.id, Domain("acme.example"))), Conflict),
    "Directory.change_domain": (
        lambda o: o.directory.change_domain(SendingDomain(o.domain, o.bolt.id, Domain("acme.example"), subdomains=True)),
        NotFound,
    ),
    "Directory.checks": (lambda o: o.directory.checks(o.bolt.id), NOTHING),
    "Directory.add_transport": (
        lambda o: o.directory.add_transport(TransportInfo(o.transport, o.bolt.id, "", ""), None),
        Conflict,
    ),
    "Directory.add_key": (lambda o: o.directory.add_key(ApiKey(5, o.bolt.id, prefix_of(o.acme.key), b"")), Conflict),
    "Directory.add_account": (twin, Conflict),
    "Store.story": (lambda o: o.store.story(o.message, account=o.bolt.id), NotFound),
    "Store.find": (lambda o: o.store.find(o.message, account=o.bolt.id), NotFound),
    "Store.messages": (lambda o: o.store.messages(account=o.bolt.id), NOTHING),
    "Store.known": (lambda o: o.store.known(account=o.bolt.id, key="once", digest="", now=2), None),
    "Store.listed": (lambda o: o.store.listed(account=o.bolt.id), NOTHING),
    "Hooks.webhooks": (lambda o: o.hooks.webhooks(account=o.bolt.id), NOTHING),
    "Hooks.webhook": (lambda o: o.hooks.webhook(HOOK, account=o.bolt.id), NotFound),
    "Hooks.change": (lambda o: o.hooks.change(HOOK, account=o.bolt.id, url="https://bolt.example/"), NotFound),
    "Hooks.rotate": (lambda o: o.hooks.rotate(HOOK, b"x", account=o.bolt.id, until=1), NotFound),
    "Hooks.remove": (lambda o: o.hooks.remove(HOOK, account=o.bolt.id), NotFound),
    "Hooks.calls": (lambda o: o.hooks.calls(HOOK, account=o.bolt.id), NotFound),
    "Hooks.call": (lambda o: o.hooks.call(HOOK, o.event, account=o.bolt.id), NotFound),
    "Hooks.replay": (lambda o: o.hooks.replay(HOOK, o.event, account=o.bolt.id, now=1), NotFound),
    "Hooks.replay_since": (lambda o: o.hooks.replay_since(HOOK, account=o.bolt.id, since=0, now=1), NotFound),
    "Events.after": (lambda o: o.served.house.storage.events.after(0, account=o.bolt.id), ([], None)),
    "Suppressions.among": (lambda o: o.suppressions.among(o.bolt.id, ["eve@remote.example"]), NOTHING),
    "Suppressions.one": (lambda o: o.suppressions.one(o.bolt.id, number=SUPPRESSED), NotFound),
    "Suppressions.page": (
        lambda o: o.suppressions.page(o.bolt.id, origin=None, older_than=None, newer_than=None, limit=9),
        NOTHING,
    ),
    "Suppressions.remove": (lambda o: o.suppressions.remove(o.bolt.id, [SUPPRESSED]), None),
    "RequestLog.page": (lambda o: o.requests.page(account=o.bolt.id), NOTHING),
    "RequestLog.one": (lambda o: o.requests.one(REQUEST, account=o.bolt.id), NotFound),
    "Queue.sites": (lambda o: o.queue.sites(account=o.bolt.id), NOTHING),
    "Queue.reschedule": (lambda o: o.queue.reschedule(o.message, account=o.bolt.id, due=9, now=1), NotFound),
    "Queue.cancel": (lambda o: o.queue.cancel(o.message, account=o.bolt.id, now=1), NotFound),
}
# What has no account in it is the operator's, or a worker's that has leased the mail.
OPERATORS = {
    "Directory": {
        "version", "account", "account_named", "accounts", "change_account", "key_by_prefix", "domain_named", "dkim_keys",
        "add_dkim_key", "dkim_secret", "change_dkim_state", "reseal", "sealed_count", "keep_check", "suppresses",
    },
    "RequestLog": {"keep", "forget"},
    "Hooks": {"add", "due", "claim", "end", "free", "forget"},
    "Events": {"ids_after", "these"},
    "Suppressions": {"add"},
    "Store": {
        "accept", "spool", "unspool", "content", "keep_signature", "signatures", "operator_secret", "purge", "sweep_orphans",
    },
    "Queue": {
        "register", "workers", "resign", "heartbeat", "free_dead", "begin", "settle", "owed", "paid", "claim", "ready_sites",
        "wake", "waken", "next_wake", "move", "lease_slot", "free_slot", "learn_site", "learnt_sites", "site_failed",
        "site_states", "pauses", "pause", "resume", "retry_now",
    },
}  # fmt: skip


def test_every_operation_of_the_doors_is_in_a_table() -> None:
    for door in (Directory, Store, Queue, RequestLog, Hooks, Events, Suppressions):
        operations = {name for name, _ in inspect.getmembers(door, inspect.isfunction) if not name.startswith("_")}
        tried = {name.partition(".")[2] for name in STRANGE if name.startswith(door.__name__ + ".")}
        assert operations == tried | OPERATORS[door.__name__]
        assert not tried & OPERATORS[door.__name__]


@BOTH
async def test_no_operation_reaches_into_another_account(serve: Serve) -> None:
    o = await two(serve)
    before = await o.store.story(o.message, account=o.acme.id)
    for name, (act, expected) in STRANGE.items():
        if isinstance(expected, type):
            with pytest.raises(expected):
                await act(o)
        else:
            assert await act(o) == expected, name
    (delivery,) = before.deliveries
    with pytest.raises(NotFound):
        await o.store.find(delivery.id, account=o.bolt.id)
    assert (await o.store.story(o.message, account=o.acme.id)).deliveries[0].state is not State.CANCELLED
    assert len(await o.directory.transports(o.acme.id)) == 1
    assert await o.store.known(account=o.acme.id, key="once", digest="", now=2) == o.message
    assert (await o.hooks.webhook(HOOK, account=o.acme.id)).url == "https://acme.example/hook"
    assert (await o.suppressions.one(o.acme.id, number=SUPPRESSED)).address == "eve@remote.example"
    assert prefix_of(o.acme.key) in [key.prefix for key in await o.directory.keys(o.acme.id) if key.revoked_at is None]


async def test_a_stranger_is_told_the_same_as_of_what_does_not_exist(serve: Serve) -> None:
    o = await two(serve)
    for number in (o.message, 12345):
        with pytest.raises(NotFound, match=r"^There is no such message\.$"):
            await o.store.story(number, account=o.bolt.id)


async def test_no_command_reaches_into_another_account(serve: Serve) -> None:
    o = await two(serve, delivery="capture")
    served, prefix = o.served, prefix_of(o.acme.key)
    await served.ended(id_text(o.message))
    refused: list[tuple[tuple[str, ...], type[Exception]]] = [
        (("key", "revoke", "bolt", prefix), NotFound),
        (("key", "revoke", "bolt", o.acme.key), NotFound),
        (("domain", "remove", "bolt", "acme.example", "--yes"), NotFound),
        (("domain", "add", "bolt", "acme.example"), Conflict),
        (("transport", "remove", "bolt", id_text(o.transport), "--yes"), NotFound),
        (("account", "add", "acme"), Conflict),
    ]
    for arguments, fault in refused:
        with pytest.raises(fault):
            await served.cli(*arguments)
    listed = "".join([await served.cli(*words, "bolt") for words in (("key", "list"), ("domain", "list"), ("transport", "list"))])
    listed += await served.cli("captured", "list", "--account", "bolt") + await served.cli("queue", "--account", "bolt")
    assert "acme" not in listed
    assert prefix not in listed
    assert id_text(o.message) not in listed
    assert [row["id"] for row in await served.shown("captured", "list", "--account", "acme")] == [id_text(o.message)]


async def test_the_transport_of_another_account_is_never_used(serve: Serve) -> None:
    """Not even where an account's default names it."""
    async with ScriptedServer() as server:
        served = await serve(route(server.port))
        acme, bolt = await served.customer("acme"), await served.customer("bolt")
        await served.external(acme, host="smtp.acme.example", username="acme", password="secret")
        (transport,) = await served.house.storage.directory.transports(acme.id)
        directory = served.house.storage.directory
        await directory.change_account(replace(await directory.account(bolt.id), default_transport=transport.id))
        await served.follow()
        story = await served.ended(await served.hand_in(bolt, "bob@remote.example"))
    assert (story.message.transport, states(story)) == (None, {"bob@remote.example": "DELIVERED"})
    assert not any(command.startswith("AUTH") for command in server.said)


async def test_the_key_of_another_account_opens_and_signs_nothing(serve: Serve) -> None:
    """A DKIM key that another account holds never signs for the domain's new owner; its envelope opens in its place alone."""
    async with ScriptedServer() as server:
        served = await serve(route(server.port))
        acme, bolt = await served.customer("acme"), await served.customer("bolt", dkim=False)
        await served.dkim_key(acme.id, "bolt.example", "theirs")
        await served.follow()
        accounts, directory = served.house.works.accounts, served.house.storage.directory
        assert await accounts.signers(bolt.id, bolt.writes()) == ()
        (key,) = await directory.dkim_keys(Domain("bolt.example"))
        sealed = await directory.dkim_secret(key.id)
        with pytest.raises(Malformed):
            served.house.vault.open(sealed, bound_to=dkim_place(bolt.id, key.id))
        story = await served.reached(await served.hand_in(bolt, "bob@remote.example"), State.DEFERRED)
        assert "never sent unsigned" in story.deliveries[0].reply
    assert server.mails == []


async def test_the_same_idempotency_key_of_two_accounts_makes_two_mails(serve: Serve) -> None:
    served = await serve(delivery="capture")
    for customer in (await served.customer("acme"), await served.customer("bolt")):
        mail = letter(customer.writes(), "b@remote.example", X_Mailwright_Idempotency_Key="invoice-1")
        await served.ended(await served.hand_in(customer, "b@remote.example", mail=mail))
    assert len(await served.messages()) == 2


# Who may write as whom.

AUTHORS: list[tuple[str, str, str]] = [
    # From, the first words of the answer, because
    ("anna@acme.example", "250", "the account's domain"),
    ("Anna <anna@ACME.example>", "250", "letter case of a domain means nothing"),
    ("anna@mail.acme.example", "550 5.7.1 ", "a name below the domain is another domain"),
    ("anna@bolt.example", "550 5.7.1 ", "another account's domain"),
    ("anna@nobodys.example", "550 5.7.1 ", "a domain of nobody here"),
    ('"anna@acme.example" <eve@bolt.example>', "550 5.7.1 ", "the address counts, not the name"),
    ('"a <x@acme.example>" <y@bolt.example>', "550 5.7.1 ", "an address in the name is a name"),
    ("<anna@acme.example>, <eve@bolt.example>", "554 5.6.0 ", "two authors"),
    ("anna@acme.example, carl@acme.example", "554 5.6.0 ", "two authors of one's own"),
    ("friends: anna@acme.example;", "554 5.6.0 ", "a group"),
    ("anna@acme.example\r\nFrom: eve@bolt.example", "554 5.6.0 ", "two From fields"),
    ("", "554 5.6.0 ", "an empty From"),
    ("<>", "554 5.6.0 ", "no author"),
    ("anna@acme.example (eve@bolt.example)", "250", "a comment is a comment"),
    ("anna@[127.0.0.1]", "554 5.6.0 ", "an address literal is nobody's domain"),
]


async def test_exactly_one_author_and_the_accounts_own(serve: Serve) -> None:
    served = await serve(delivery="capture")
    acme, _ = await served.customer("acme"), await served.customer("bolt")
    async with raw(served) as client:
        await logged_in(served, acme.key, client)
        for author, answer, because in AUTHORS:
            said = await client.hand_in(letter(author, "b@remote.example"), "b@remote.example", mail_from="x@acme.example")
            assert said.startswith(answer), because
    assert len(await served.messages()) == sum(answer == "250" for _, answer, _ in AUTHORS)


async def test_a_mail_without_from_is_refused(serve: Serve) -> None:
    served = await serve(delivery="capture")
    acme = await served.customer("acme")
    async with raw(served) as client:
        await logged_in(served, acme.key, client)
        said = await client.hand_in(b"To: b@remote.example\r\n\r\nhi\r\n", "b@remote.example", mail_from="")
    assert said.startswith("554 5.6.0"), said


async def test_names_below_a_domain_where_they_are_ticked(serve: Serve) -> None:
    async with ScriptedServer() as server:
        served = await serve(route(server.port))
        acme = await served.customer("acme", subdomains=True)
        mail = letter("robot@deep.mail.acme.example", "b@remote.example")
        await served.ended(await served.hand_in(acme, "b@remote.example", mail=mail))
    assert b"d=acme.example;" in server.mails[0]


KEYS: list[tuple[tuple[str, ...], str, bool]] = [
    (("billing@acme.example",), "billing@acme.example", True),
    (("billing@acme.example",), "Billing@acme.example", False),
    (("billing@acme.example",), "anna@acme.example", False),
    (("@acme.example",), "anna@acme.example", True),
    (("@acme.example",), "anna@second.example", False),
    (("@second.example", "anna@acme.example"), "anna@acme.example", True),
    (("eve@bolt.example", "@bolt.example"), "eve@bolt.example", False),
]


async def test_a_key_writes_as_those_on_its_list_alone(serve: Serve) -> None:
    served = await serve(delivery="capture")
    acme, _ = await served.customer("acme", "acme.example", "second.example"), await served.customer("bolt")
    for send_as, author, good in KEYS:
        key = await served.api_key(acme.id, *send_as)
        async with raw(served) as client:
            await logged_in(served, key, client)
            said = await client.hand_in(letter(author), "b@remote.example", mail_from=author)
        assert said.startswith("250" if good else "550 5.7.1 "), (send_as, author)


async def test_keys_that_do_not_let_in(serve: Serve) -> None:
    served = await serve(delivery="capture")
    acme = await served.customer("acme")
    reads = await served.api_key(acme.id, scopes=(Scope.READ, Scope.ADMIN))
    revoked = await served.api_key(acme.id)
    await served.cli("key", "revoke", "acme", revoked)
    wrong = acme.key[:-1] + ("a" if acme.key[-1] != "a" else "b")
    for key in (reads, revoked, wrong, "x", "mw_", acme.key[:12], acme.key.upper()):
        async with raw(served) as client:
            await client.say("EHLO app.example")
            answer = await client.login(key)
            assert answer.startswith("535 5.7.8"), (key, answer)
            assert (await client.say("MAIL FROM:<anna@acme.example>")).startswith("530 5.7.0")


async def test_a_key_is_shown_once(serve: Serve) -> None:
    served = await serve(delivery="capture")
    await served.customer("acme")
    made = (await served.cli("key", "add", "acme", "--name", "shop", "--send-as", "@acme.example")).splitlines()[0]
    assert len(made.rpartition("_")[2]) * 5 >= 160  # random bits, in base 32
    listed = await served.cli("key", "list", "acme")
    assert prefix_of(made) in listed
    assert made not in listed
    async with raw(served) as client:
        await logged_in(served, made, client)


async def test_a_key_is_stored_as_its_hash(serve: Serve) -> None:
    served = await serve(delivery="capture")
    acme = await served.customer("acme")
    (key,) = await served.house.storage.directory.keys(acme.id)
    assert key.digest == digest(acme.key)
    await served.stop()
    assert acme.key.encode() not in b"".join(file.read_bytes() for file in (served.folder / "var").glob("mailwright.db*"))
    await served.start()


async def test_what_is_taken_away_holds_for_connections_that_stand(serve: Serve) -> None:
    """A key that is revoked, or a domain that is taken, is gone for a client that logged in before."""
    served = await serve(delivery="capture")
    acme = await served.customer("acme", "acme.example", "second.example")
    key = await served.api_key(acme.id)
    async with raw(served) as client:
        await logged_in(served, key, client)
        send = letter("anna@second.example")
        assert (await client.hand_in(send, "b@remote.example", mail_from="")).startswith("250")
        await served.cli("domain", "remove", "acme", "second.example", "--yes")
        await served.follow()
        assert (await client.hand_in(send, "b@remote.example", mail_from="")).startswith("550 5.7.1")
        assert (await client.hand_in(letter(acme.writes()), "b@remote.example", mail_from="")).startswith("250")
        await served.cli("key", "revoke", "acme", key)
        await served.follow()
        answer = await client.hand_in(letter(acme.writes()), "b@remote.example", mail_from="")
        assert answer.startswith("530 5.7.0"), answer


async def test_a_domain_that_is_taken_away_takes_its_keys_along(serve: Serve) -> None:
    served = await serve()
    acme = await served.customer("acme", "acme.example", "second.example")
    waiting = await served.hand_in(acme, "b@remote.example", mail=letter("anna@second.example"))
    await served.cli("domain", "remove", "acme", "second.example", "--yes")
    await served.follow()
    directory = served.house.storage.directory
    assert await directory.dkim_keys(Domain("second.example")) == []
    assert len(await directory.dkim_keys(Domain("acme.example"))) == 1
    assert await served.house.works.accounts.signers(acme.id, "anna@second.example") == ()
    await served.cli("domain", "add", "acme", "second.example")  # and it can be given again, with a new key
    assert len(await directory.dkim_keys(Domain("second.example"))) == 1
    assert waiting


# Nobody sends without being somebody.


async def test_it_is_no_open_relay(serve: Serve) -> None:
    served = await serve(delivery="capture")
    await served.customer("acme")
    async with raw(served) as client:
        assert "AUTH PLAIN LOGIN" in await client.say("EHLO app.example")
        for command in (
            "MAIL FROM:<anna@acme.example>",
            "MAIL FROM:<>",
            "MAIL FROM:<anna@acme.example> AUTH=<anna@acme.example>",
        ):
            assert (await client.say(command)).startswith("530 5.7.0"), command
        assert (await client.say("RCPT TO:<b@remote.example>"))[0] == "5"
        assert (await client.say("DATA"))[0] == "5"
    assert await served.messages() == []


TRUSTED = '[[listen]]\naddress = "127.0.0.1:0"\ntls = "{tls}"\ntrusted = {{ "127.0.0.1/32" = "acme", "10.0.0.0/8" = "bolt" }}\n'


@pytest.mark.parametrize("tls", ["none", "starttls"])
async def test_a_trusted_range_hands_in_for_its_account_alone(serve: Serve, tls: str) -> None:
    served = await serve(delivery="capture", listen=TRUSTED.format(tls=tls))
    acme, bolt = await served.customer("acme"), await served.customer("bolt")
    async with Raw(served.port()) as client:
        await client.say("EHLO app.example")
        assert (await client.hand_in(letter(acme.writes()), "b@remote.example", mail_from="")).startswith("250")
        assert (await client.hand_in(letter(bolt.writes()), "b@remote.example", mail_from="")).startswith("550 5.7.1")
    (only,) = await served.messages()
    assert (await served.story(only)).message.account == acme.id


async def test_a_range_of_an_account_that_does_not_exist_lets_nobody_in(serve: Serve) -> None:
    served = await serve(delivery="capture", listen=TRUSTED.format(tls="none"))
    async with Raw(served.port()) as client:
        await client.say("EHLO app.example")
        assert (await client.say("MAIL FROM:<anna@acme.example>")).startswith("530")


async def test_before_tls_nobody_logs_in_and_nothing_said_is_believed_after_it(serve: Serve) -> None:
    served = await serve(delivery="capture")
    acme = await served.customer("acme")
    async with Raw(served.port()) as client:
        answer = await client.say("EHLO before.example")
        assert "STARTTLS" in answer
        assert "AUTH" not in answer
        assert (await client.login(acme.key)).startswith("538 5.7.11")
        await client.starttls(served.client_context())
        assert (await client.say("MAIL FROM:<anna@acme.example>"))[:3] in {"503", "530"}  # EHLO is forgotten
        await logged_in(served, acme.key, client)
        await client.hand_in(letter(acme.writes()), "b@remote.example", mail_from="")
    (number,) = await served.messages()
    await served.ended(number)
    assert b"from app.example" in await served.kept(number)


async def test_failed_logins_are_counted(serve: Serve) -> None:
    served = await serve("[limits]\nlogin_failures = 3\n", delivery="capture")
    acme = await served.customer("acme")
    for expected in ("535", "535", "535", "421"):
        async with raw(served) as client:
            await client.say("EHLO app.example")
            assert (await client.login("mw_aaaaaaaa_" + "a" * 32)).startswith(expected)
    async with raw(served) as client:
        await client.say("EHLO app.example")
        assert (await client.login(acme.key)).startswith("421")


# What a listener says and how long it waits.


async def test_what_is_offered(serve: Serve) -> None:
    served = await serve(delivery="capture")
    async with Raw(served.port()) as client:
        assert client.greeting.startswith("220 mail.operator.example ESMTP")
        plain = {line[4:] for line in (await client.say("EHLO app.example")).splitlines()[1:]}
        assert plain == {"PIPELINING", "SIZE 26214400", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES", "CHUNKING", "STARTTLS"}
        await client.starttls(served.client_context())
        inside = {line[4:] for line in (await client.say("EHLO app.example")).splitlines()[1:]}
        assert inside == plain - {"STARTTLS"} | {"AUTH PLAIN LOGIN"}  # and no DSN: NOTIFY, RET, ENVID, ORCPT are not honoured


async def test_connections_of_one_address_are_counted(serve: Serve) -> None:
    served = await serve("[limits]\nconnections_per_address = 2\n", delivery="capture")
    async with Raw(served.port()) as one, Raw(served.port()) as two, Raw(served.port()) as three:
        assert one.greeting.startswith("220")
        assert two.greeting.startswith("220")
        assert three.greeting.startswith("421 4.7.0 Too many connections")


async def test_a_client_that_says_nothing_is_sent_away(serve: Serve) -> None:
    served = await serve("timeouts.command = '100 ms'\n", delivery="capture")
    async with raw(served) as client:
        assert (await client.reply()).startswith("421 4.4.2")
        assert await client.reply() == ""
