"""Signatures: never without one, by the keys of the moment, and all that keeps them from being made."""

import re
import shutil

import pytest

from mailwright.auth import Algorithm, public_record
from mailwright.queue import EventKind, State
from mailwright.storage.vault import vault_at
from mailwright.values import Domain, MailwrightError
from tests.auth import naive_dkim
from tests.e2e.conftest import BOTH, Serve
from tests.e2e.served import Served, letter, route, states, told, unstuffed
from tests.net.scripted import ScriptedServer

FIELDS = (
    b"From To Cc Subject Date Reply-To Message-ID In-Reply-To References MIME-Version Content-Type Content-Transfer-Encoding"
    b" List-Unsubscribe List-Unsubscribe-Post Feedback-ID"
).split()


def signatures(mail: bytes) -> list[dict[bytes, bytes]]:
    return [naive_dkim.tags_of(field) for field in re.findall(rb"DKIM-Signature:.*?\r\n(?=\S)", mail, re.DOTALL)]


@pytest.mark.parametrize("mail_from", ["anna@acme.example", ""], ids=["a sender", "the null sender"])
async def test_without_a_key_nothing_leaves(serve: Serve, mail_from: str) -> None:
    async with ScriptedServer() as server:
        served = await serve(route(server.port))
        acme = await served.customer(dkim=False)
        number = await served.hand_in(acme, "bob@remote.example", mail_from=mail_from)
        story = await served.reached(number, State.DEFERRED)
        assert story.deliveries[0].reply == "acme.example has no DKIM key, and mail is never sent unsigned."
        await served.later(hours=2)
        await served.reached(number, State.DEFERRED)
        assert server.mails == []
        await served.cli("dkim", "add", "acme.example", "--selector", "mw1")
        await served.follow()
        await served.cli("queue", "retry", "--message", number)
        await served.rounds()
        assert states(await served.ended(number)) == {"bob@remote.example": "DELIVERED"}
        assert await served.verified(unstuffed(server.mails[-1]))


async def test_all_fields_that_matter_are_covered_and_those_that_may_come_once_more(serve: Serve) -> None:
    given = {name.decode().replace("-", "_"): "x" for name in FIELDS[5:] if name not in {b"Content-Type", b"MIME-Version"}}
    given |= {"Content_Transfer_Encoding": "7bit", "Content_Type": "text/plain", "MIME_Version": "1.0", "Cc": "c@remote.example"}
    async with ScriptedServer() as server:
        served = await serve(route(server.port))
        acme = await served.customer()
        await served.ended(
            await served.hand_in(acme, "b@remote.example", mail=letter(acme.writes(), "b@remote.example", **given))
        )
        arrived = unstuffed(server.mails[0])
        assert await served.verified(arrived)
    (tags,) = signatures(arrived)
    covered = tags[b"h"].lower().split(b":")
    assert (tags[b"a"], tags[b"c"], tags[b"d"]) == (b"rsa-sha256", b"relaxed/relaxed", b"acme.example")
    for name in FIELDS[:12]:
        assert covered.count(name.lower()) == 2, name  # itself, and that there is no other
    for name in FIELDS[12:]:
        assert covered.count(name.lower()) >= 1, name


@BOTH
async def test_a_mail_that_waits_is_signed_by_the_new_key(serve: Serve) -> None:
    async with ScriptedServer(". = 451 4.3.0 not now ; 451 4.3.0 not now ; 250 ok") as server:
        served = await serve(route(server.port))
        acme = await served.customer()
        number = await served.hand_in(acme, "bob@remote.example")
        await served.reached(number, State.DEFERRED)
        await served.restart()
        await served.later(minutes=1.1)
        await served.until(lambda: tried(served, number, 2))
        await served.cli("dkim", "add", "acme.example", "--selector", "new")
        await served.follow()
        await served.later(minutes=6)
        story = await served.ended(number)
        assert await served.verified(unstuffed(server.mails[2]))
    first, second, third = [signatures(mail)[0] for mail in server.mails]
    assert first == second  # kept, over a restart too
    assert (first[b"s"], third[b"s"]) == (b"mw1", b"new")
    attempts = [event.data["signed"] for event in story.events if event.kind is EventKind.ATTEMPT]
    assert attempts == ["mw1._domainkey.acme.example"] * 2 + ["new._domainkey.acme.example"]


async def tried(served: Served, number: str, times: int) -> bool:
    (one,) = (await served.story(number)).deliveries
    return one.attempts == times and one.state is State.DEFERRED


async def test_many_recipients_share_one_signature(serve: Serve) -> None:
    async with ScriptedServer() as server:
        served = await serve(route(server.port))
        number = await served.hand_in(await served.customer(), *(f"r{n}@remote.example" for n in range(8)))
        await served.ended(number)
    assert len({signatures(mail)[0][b"b"] for mail in server.mails}) == 1
    assert len(server.mails) == 8


async def test_a_second_signature_with_ed25519(serve: Serve) -> None:
    async with ScriptedServer() as server:
        served = await serve(route(server.port))
        acme = await served.customer()
        await served.cli("dkim", "add", "acme.example", "--selector", "ed", "--algorithm", Algorithm.ED25519.value)
        await served.follow()
        story = await served.ended(await served.hand_in(acme, "bob@remote.example"))
        arrived = unstuffed(server.mails[0])
        keys = {key.selector: key for key in await served.house.storage.directory.dkim_keys(Domain("acme.example"))}
    found = [tags[b"s"].decode() for tags in signatures(arrived)]
    assert sorted(found) == ["ed", "mw1"]
    for at, selector in enumerate(found):
        assert naive_dkim.verifies(arrived, keys[selector].public_record, at=at)
    assert "ed._domainkey.acme.example" in told(story, EventKind.ATTEMPT).data["signed"]


async def test_a_second_signature_of_the_operator(serve: Serve) -> None:
    async with ScriptedServer("RCPT TO:<gone@remote.example> = 550 5.1.1 no") as server:
        served = await serve('operator.domain = "operator.example"\n' + route(server.port))
        await served.cli("dkim", "add", "operator.example", "--selector", "op", "--operator")
        acme = await served.customer()
        await served.ended(await served.hand_in(acme, "bob@remote.example"))
        arrived = unstuffed(server.mails[0])
        (key,) = await served.house.storage.directory.dkim_keys(Domain("operator.example"))
        assert [(tags[b"d"], tags[b"s"]) for tags in signatures(arrived)] == [
            (b"acme.example", b"mw1"),
            (b"operator.example", b"op"),
        ]
        assert naive_dkim.verifies(arrived, key.public_record, at=1)
        assert await served.verified(arrived)
        # Our own reports have no other author.
        await served.ended(await served.hand_in(acme, "gone@remote.example"))
        await served.rounds()
        await served.until(lambda: came(server, b"multipart/report"))
    report = next(unstuffed(mail) for mail in server.mails if b"multipart/report" in mail)
    assert naive_dkim.verifies(report, key.public_record)


async def came(server: ScriptedServer, text: bytes) -> bool:
    return any(text in mail for mail in server.mails)


async def test_a_key_that_retired_does_not_sign(serve: Serve) -> None:
    async with ScriptedServer() as server:
        served = await serve(route(server.port))
        acme = await served.customer()
        await served.ended(await served.hand_in(acme, "bob@remote.example"))
        await served.cli("dkim", "retire", "acme.example", "--selector", "mw1")
        await served.follow()
        await served.reached(await served.hand_in(acme, "bob@remote.example"), State.DEFERRED)
    assert len(server.mails) == 1


async def test_the_key_that_encrypts_the_secrets_is_changed_while_mail_flows(serve: Serve) -> None:
    async with ScriptedServer() as server:
        served = await serve(route(server.port))
        acme = await served.customer()
        await served.ended(await served.hand_in(acme, "bob@remote.example"))
        before = (served.folder / "var" / "keyring").read_bytes()
        assert "secrets are sealed with a new key" in await served.cli("secrets", "rotate")
        assert (served.folder / "var" / "keyring").read_bytes() != before
        await served.follow()
        await served.ended(await served.hand_in(acme, "bob@remote.example"))
        await served.restart()
        await served.ended(await served.hand_in(acme, "bob@remote.example"))
    assert all([await served.verified(unstuffed(mail)) for mail in server.mails])


async def test_without_its_keyring_the_house_does_not_open(serve: Serve) -> None:
    served = await serve()
    await served.customer()
    await served.stop()
    keyring, aside = served.folder / "var" / "keyring", served.folder / "aside"
    shutil.move(keyring, aside)
    faults: list[tuple[str, bytes | None, int]] = [
        ("missing", None, 0o600),
        ("not a keyring", b"hello\n", 0o600),
        ("empty", b"", 0o600),
        ("readable by others", aside.read_bytes(), 0o644),
    ]
    for because, content, mode in faults:
        keyring.unlink(missing_ok=True)
        if content is not None:
            keyring.write_bytes(content)
            keyring.chmod(mode)
        with pytest.raises(MailwrightError) as fault:
            await served.start()
        assert fault.value.remedy, because
        done = await served.run("domain", "add", "acme", "more.example") if because == "missing" else None
        assert done is None or (done.returncode == 1 and "keyring" in done.stderr)
    keyring.unlink()
    shutil.move(aside, keyring)
    await served.start()


async def test_the_keyring_of_another_installation_opens_nothing(serve: Serve) -> None:
    served = await serve()
    await served.customer()
    await served.stop()
    keyring = served.folder / "var" / "keyring"
    ours = keyring.read_bytes()
    keyring.unlink()
    vault_at(keyring, sealed=0)
    with pytest.raises(MailwrightError, match="which is not in"):
        await served.start()
    keyring.write_bytes(ours)
    await served.start()


async def test_a_private_key_never_leaves_again(serve: Serve) -> None:
    served = await serve()
    acme = await served.customer()
    key = await served.dkim_key(acme.id, "acme.example", "mw2")
    shown = await served.cli("dkim", "show", "acme.example") + await served.cli("domain", "list", "acme")
    assert public_record(key) in shown.replace("\n", "")
    await served.stop()
    stored = b"".join(file.read_bytes() for file in (served.folder / "var").glob("mailwright.db*"))
    assert key.secret() not in stored
    assert key.secret()[30:80] not in stored
    assert (served.folder / "var" / "keyring").stat().st_mode & 0o777 == 0o600
    await served.start()
