"""Capture mode: the whole flow up to the door out, and nothing of it ever leaves; secret mail is never shown."""

import pytest

from mailwright.queue import EventKind
from mailwright.values import Conflict, NotFound
from mailwright.values.ids import id_number
from tests.e2e.conftest import BOTH, Serve
from tests.e2e.raw import logged_in, raw
from tests.e2e.served import kinds, letter, parsed, route, states, told
from tests.net.scripted import ScriptedServer


@BOTH
async def test_captured_is_final_listed_read_exported_and_never_sent_afterwards(serve: Serve) -> None:
    async with ScriptedServer() as server:
        served = await serve(route(server.port), delivery="capture")
        acme = await served.customer()
        number = await served.hand_in(acme, "bob@remote.example", "eve@remote.example")
        story = await served.ended(number)
        assert kinds(story) == ["accepted", "captured", "captured"]
        assert set(states(story).values()) == {"CAPTURED"}
        assert told(story, EventKind.CAPTURED).data["signed"] == "mw1._domainkey.acme.example"
        (row,) = await served.shown("captured", "list")
        assert (row["id"], row["from"], row["subject"]) == (number, "anna@acme.example", "Hello")
        exported = await served.cli_bytes("captured", "export", number)
        assert await served.verified(exported)
        assert parsed(exported)["Message-ID"] == f"<{number}@mail.operator.example>"
        assert "Kept here in place of being sent." in await served.cli("why", number)

        await served.stop()
        served.write(route(server.port), delivery="live")
        await served.start()
        await served.later(days=1)
        for command in ("retry", "resume"):
            await served.cli("queue", command, "--message", number)
        assert "0 deliveries are cancelled" in await served.cli("queue", "cancel", number, "--yes")
        live = await served.hand_in(acme, "bob@remote.example")
        await served.ended(live)
        assert set(states(await served.story(number)).values()) == {"CAPTURED"}
    assert len(server.mails) == 1  # the one of afterwards


async def test_capture_is_the_default_and_everything_outgoing_is_captured(serve: Serve) -> None:
    """Also by an account's own server, to its own MX, and what waited in live mode and comes due in capture mode."""
    async with ScriptedServer("connect = 421 4.3.2 not now") as server:
        served = await serve(route(server.port))
        acme = await served.customer()
        waits = await served.hand_in(acme, "bob@remote.example")
        await served.until(lambda: deferred(served, waits))
        await served.stop()
        served.write(route(server.port), delivery="capture")
        await served.start()
        await served.external(acme, host="127.0.0.1", port=server.port, tls="none")
        other = await served.hand_in(acme, "bob@remote.example", "carl@elsewhere.example")
        connections = server.connections
        await served.ended(other)
        await served.later(hours=6)
        await served.ended(waits)
        assert server.connections == connections
    lines = [line for line in served.config.read_text().splitlines() if not line.startswith("delivery")]
    served.config.write_text("\n".join(lines))
    assert served.settings.delivery.value == "capture"


async def deferred(served: object, number: str) -> bool:
    from tests.e2e.served import Served

    assert isinstance(served, Served)
    return set(states(await served.story(number)).values()) == {"DEFERRED"}


async def test_a_report_of_a_failure_is_captured_too(serve: Serve) -> None:
    served = await serve('[subsystems.flash]\nlifetime = "1 s"\n', delivery="capture")
    acme = await served.customer()
    await served.cli("queue", "pause", "--account", "acme")
    await served.follow()
    mail = letter(acme.writes(), "b@remote.example", X_Mailwright_Subsystem="flash")
    number = await served.hand_in(acme, "b@remote.example", mail=mail)
    await served.later(seconds=5)
    assert states(await served.ended(number)) == {"b@remote.example": "BOUNCED"}
    await served.cli("queue", "resume", "--account", "acme")
    await served.follow()
    await served.rounds()
    (report,) = [one for one in await served.messages() if one != number]
    assert states(await served.ended(report)) == {"anna@acme.example": "CAPTURED"}


async def test_a_subsystem_that_is_not_set_up_is_said_to_be_treated_as_any_other(serve: Serve) -> None:
    """A misspelt "password" is not secret and not urgent: who looks must see why."""
    served = await serve(delivery="capture")
    acme = await served.customer()
    for name, said in (("pasword", "subsystem pasword (not set up, so treated as other):"), ("password", "subsystem password:")):
        number = await served.hand_in(acme, "b@remote.example", mail=letter(acme.writes(), X_Mailwright_Subsystem=name))
        assert said in await served.cli("why", number)


@BOTH
async def test_the_text_of_a_secret_mail_goes_at_its_final_state_and_is_never_shown(serve: Serve) -> None:
    async with ScriptedServer("connect = 421 4.3.2 not now ; 220 mx.test") as server:
        served = await serve(route(server.port))
        acme = await served.customer()
        mail = letter(acme.writes(), "bob@remote.example", subject="Your code is 4711", X_Mailwright_Subsystem="password")
        number = await served.hand_in(acme, "bob@remote.example", mail=mail)
        await served.until(lambda: deferred(served, number))
        assert b"4711" in await served.kept(number)  # it is still to be sent
        with pytest.raises(Conflict):
            await served.cli("captured", "export", number)
        shown = await served.cli("why", number) + await served.cli("why", number, "--json", "--transcript")
        assert "(secret)" in shown
        assert "4711" not in shown
        await served.cli("queue", "retry", "--message", number)
        await served.rounds()
        assert states(await served.ended(number)) == {"bob@remote.example": "DELIVERED"}
        with pytest.raises(NotFound):
            await served.kept(number)
        assert not (await served.story(number)).has_body
        assert b"4711" in server.mails[0]
    await served.stop()
    if not served.settings.database.url.startswith("postgres"):
        kept = (served.folder / "var" / "mailwright.db").read_bytes()
        assert b"Your code" not in kept or b"4711" in kept  # pages are freed, not wiped
    await served.start()


async def test_a_captured_secret_mail_is_listed_without_subject_and_has_no_text(serve: Serve) -> None:
    served = await serve(delivery="capture")
    acme = await served.customer()
    mail = letter(acme.writes(), "bob@remote.example", subject="Your code is 4711", X_Mailwright_Subsystem="password")
    number = await served.hand_in(acme, "bob@remote.example", mail=mail)
    await served.ended(number)
    (row,) = await served.shown("captured", "list")
    assert row["subject"] == "(secret)"
    with pytest.raises(Conflict, match="secret"):
        await served.cli("captured", "export", number)
    with pytest.raises(NotFound):
        await served.kept(number)


async def test_secret_mail_to_many_keeps_its_text_until_the_last_is_final(serve: Serve) -> None:
    async with ScriptedServer("RCPT TO:<slow@remote.example> = 451 4.7.1 later ; 250 ok") as server:
        served = await serve(route(server.port))
        acme = await served.customer()
        mail = letter(acme.writes(), subject="Your code", X_Mailwright_Subsystem="password")
        number = await served.hand_in(acme, "quick@remote.example", "slow@remote.example", mail=mail)

        async def half_way() -> bool:
            return set(states(await served.story(number)).values()) == {"DELIVERED", "DEFERRED"}

        await served.until(half_way)
        assert b"Your code" in await served.kept(number)
        await served.later(minutes=2)
        await served.ended(number)
        assert not (await served.story(number)).has_body


async def test_bodies_go_when_their_time_is_up(serve: Serve) -> None:
    served = await serve(delivery="capture")
    week, never = await served.customer("week", retention_days=7), await served.customer("month")
    mails = [await served.hand_in(week, "b@remote.example"), await served.hand_in(never, "b@remote.example")]
    for number in mails:
        await served.ended(number)
    store = served.house.storage.store
    for days, left in ((6, 2), (2, 1), (21, 1), (2, 0)):
        served.clock.advance(days=days)
        await store.purge(now=served.clock())
        assert sum([(await served.story(number)).has_body for number in mails]) == left
    assert "Kept here" in await served.cli("why", mails[0])
    with pytest.raises(Conflict, match="its time was up"):
        await served.cli("captured", "export", mails[0])


async def test_an_idempotency_key_makes_one_mail_also_over_a_restart(serve: Serve) -> None:
    served = await serve(delivery="capture")
    acme = await served.customer()
    mail = letter(acme.writes(), "b@remote.example", X_Mailwright_Idempotency_Key="invoice-1")
    first = await served.hand_in(acme, "b@remote.example", mail=mail)
    assert await served.hand_in(acme, "b@remote.example", mail=mail) == first
    await served.restart()
    async with raw(served) as client:
        await logged_in(served, acme.key, client)
        again = await client.hand_in(mail, "b@remote.example", mail_from="")
        assert again == f"250 2.0.0 Taken before as {first}"
    assert await served.messages() == [first]
    served.clock.advance(hours=25)
    assert await served.hand_in(acme, "b@remote.example", mail=mail) != first
    assert id_number(first)
