"""Time goes by: servers that are down for days, mail that comes too late, and the report of a failure."""

import sqlite3
from email.message import EmailMessage, Message

import pytest

from mailwright.ports.store import Story
from mailwright.queue import EventKind, State
from tests.e2e.conftest import BOTH, Serve
from tests.e2e.served import HOSTNAME, Customer, Served, kinds, letter, parsed, route, states, told, unstuffed
from tests.net.scripted import ScriptedServer

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000


async def test_a_server_that_is_down_for_five_days(serve: Serve, unused_tcp_port: int) -> None:
    """It is tried ever more rarely, told as delayed after 15 minutes, given up after five days, and reported to the submitter."""
    async with ScriptedServer() as back:
        served = await serve(route(unused_tcp_port, "dead.example") + route(back.port))
        acme = await served.customer()
        number = await served.hand_in(acme, "bob@dead.example")
        story = await served.reached(number, State.DEFERRED)
        waits = []
        while story.deliveries[0].state is State.DEFERRED:
            (one,) = story.deliveries
            waits.append(one.due_at - story.events[-1].at if story.events[-1].kind is EventKind.DEFERRED else None)
            served.clock.ahead += max(0, min(one.due_at, one.expires_at) - served.clock()) + 1
            await served.rounds()
            story = await tried_or_over(served, number, one.attempts)
        created = story.message.created_at
        told_late = told(story, EventKind.DELAYED).at - created
        bounced = told(story, EventKind.BOUNCED)
        report = await the_report(served, number)
        words = await served.cli("why", number)
    assert [wait for wait in waits if wait][:8] == [n * MINUTE for n in (1, 5, 15, 30, 60, 120, 240, 240)]
    assert kinds(story).count("delayed") == 1
    assert 15 * MINUTE <= told_late < 60 * MINUTE  # at the next look, which here comes with the next try
    assert bounced.data["reason"] == "expired"
    assert 5 * DAY <= bounced.at - created < 5 * DAY + MINUTE
    assert "Given up after" in words
    assert "It takes longer than usual: the mail still waits." in words
    assert report["To"] == acme.writes()
    assert back.said[1].startswith("MAIL FROM:<>")


async def tried_or_over(served: Served, number: str, attempts: int) -> Story:
    async def look() -> Story | None:
        story = await served.story(number)
        (one,) = story.deliveries
        over = one.state is State.BOUNCED or (one.state is State.DEFERRED and one.attempts > attempts)
        return story if over else None

    return await served.until(look)


async def test_a_delay_is_told_on_the_minute(serve: Serve, unused_tcp_port: int) -> None:
    """Also where the mail waits for something else than its own time: a pause, or a site that backs off."""
    served = await serve(route(unused_tcp_port))
    acme = await served.customer()
    await served.cli("queue", "pause", "--account", "acme")
    await served.follow()
    number = await served.hand_in(acme, "bob@dead.example")
    await served.later(minutes=14.9)
    assert kinds(await served.story(number)) == ["accepted"]
    await served.later(minutes=0.2)
    story = await served.story(number)
    assert kinds(story) == ["accepted", "delayed"]
    await served.later(minutes=30)
    assert kinds(await served.story(number)) == ["accepted", "delayed"]


@BOTH
async def test_a_password_mail_that_comes_too_late_is_not_sent(serve: Serve) -> None:
    async with ScriptedServer("RCPT = 451 4.7.1 later ; 451 4.7.1 later ; 250 ok") as server:
        served = await serve(route(server.port))
        acme = await served.customer()
        mail = letter(acme.writes(), "bob@remote.example", X_Mailwright_Subsystem="password")
        number = await served.hand_in(acme, "bob@remote.example", mail=mail, mail_from="")
        story = await served.reached(number, State.DEFERRED)
        assert story.deliveries[0].expires_at - story.message.created_at == HOUR
        await served.cli("queue", "pause", "--account", "acme")
        await served.follow()
        await served.later(hours=1)
        story = await served.ended(number)
        assert told(story, EventKind.BOUNCED).data["reason"] == "expired"
        assert not story.has_body
        await served.cli("queue", "resume", "--account", "acme")
        await served.follow()
        await served.later(hours=1)
        assert "its time was up before it could be delivered" in await served.cli("why", number)
    assert [mail for mail in server.mails if mail] == []


async def test_a_subsystem_has_the_lifetime_that_the_operator_gives_it(serve: Serve) -> None:
    served = await serve('[subsystems.flash]\nlifetime = "10 min"\npriority = 1\n')
    acme = await served.customer()
    for name, lifetime in (("flash", 10 * MINUTE), ("billing", 5 * DAY), ("calendar", DAY), ("unheard-of", 5 * DAY)):
        mail = letter(acme.writes(), "bob@remote.example", X_Mailwright_Subsystem=name)
        story = await served.story(await served.hand_in(acme, "bob@remote.example", mail=mail))
        assert story.message.expires_at - story.message.created_at == lifetime, name


# Reports.


async def reports(served: Served, number: str) -> list[str]:
    return [one for one in await served.messages() if one != number]


async def the_report(served: Served, number: str) -> EmailMessage:
    async def written() -> list[str]:
        await served.rounds()
        return await reports(served, number)

    (only,) = await served.until(written)
    await served.ended(only)
    return parsed(await served.kept(only))


REFUSES = """
RCPT TO:<gone@remote.example> = 550-5.1.1 The mailbox / 550 5.1.1 does not exist
RCPT TO:<full@remote.example> = 552 5.2.2 full
"""


@BOTH
async def test_a_failure_is_reported_to_the_submitter(serve: Serve) -> None:
    """RFC 3464: what failed, in words and for programs, with the header of the mail that it is about."""
    async with ScriptedServer(REFUSES) as server:
        served = await serve(route(server.port))
        acme = await served.customer()
        mail = letter(acme.writes("boss"), "gone@remote.example", subject="Your bill", Message_ID="<7@acme.example>")
        number = await served.hand_in(
            acme, "gone@remote.example", "fine@remote.example", mail=mail, mail_from="billing@acme.example"
        )
        story = await served.ended(number)
        report = await the_report(served, number)
        story = await served.story(number)
        (other,) = await reports(served, number)
        sent = next(mail for mail in map(unstuffed, server.mails) if b"multipart/report" in mail)
    assert states(story) == {"gone@remote.example": "BOUNCED", "fine@remote.example": "DELIVERED"}
    assert told(story, EventKind.REPORTED).data == {"to": "billing@acme.example", "report": other}
    assert report["To"] == "billing@acme.example"
    assert report["From"] == f"Mail delivery <mailer-daemon@{HOSTNAME}>"
    assert report["Auto-Submitted"] == "auto-replied"
    assert report["In-Reply-To"] == "<7@acme.example>"
    assert (report.get_content_type(), report.get_param("report-type")) == ("multipart/report", "delivery-status")
    words, status, header = report.iter_parts()
    assert "gone@remote.example" in words.get_content()
    assert "550" in words.get_content()
    fields = status_fields(status)
    assert fields[0]["Reporting-MTA"] == f"dns; {HOSTNAME}"
    assert fields[1]["Final-Recipient"] == "rfc822; gone@remote.example"
    assert (fields[1]["Action"], fields[1]["Status"]) == ("failed", "5.1.1")
    assert fields[1]["Diagnostic-Code"].startswith("smtp; 550 5.1.1")
    assert len(fields) == 2
    assert "Subject: Your bill" in str(header)
    assert sent.endswith(await served.kept(other))
    assert "A report of the failure was sent to billing@acme.example." in await served.cli("why", number)


def status_fields(status: Message) -> list[dict[str, str]]:
    """The groups of fields of a message/delivery-status (RFC 3464 §2.1)."""
    groups = status.get_payload()
    assert isinstance(groups, list)
    return [dict(group.items()) for group in groups if isinstance(group, Message)]


NOT_REPORTED: list[tuple[str, dict[str, str], dict[str, bool], str]] = [
    # MAIL FROM, fields of the mail, the account, because
    ("", {}, {}, "the null sender (RFC 5321 §6.1)"),
    ("someone@elsewhere.example", {}, {}, "not an address of the account: nobody else is ever mailed"),
    ("anna@bolt.example", {}, {}, "an address of another account"),
    ("anna@acme.example", {}, {"reports": False}, "switched off for the account"),
    ("anna@acme.example", {"Auto_Submitted": "auto-replied"}, {}, "an automatic answer (RFC 3834 §2)"),
    (
        "anna@acme.example",
        {"Content_Type": "multipart/report; report-type=delivery-status; boundary=x"},
        {},
        "a report: reports of reports would go on for ever",
    ),
]


@pytest.mark.parametrize("mail_from, fields, account, because", NOT_REPORTED, ids=[row[3] for row in NOT_REPORTED])
async def test_nobody_is_told_who_should_not_be(
    serve: Serve, mail_from: str, fields: dict[str, str], account: dict[str, bool], because: str
) -> None:
    async with ScriptedServer(REFUSES) as server:
        served = await serve(route(server.port))
        acme, _ = await served.customer("acme", **account), await served.customer("bolt")
        number = await failed(served, acme, mail_from, **fields)
        await served.rounds()
        assert await reports(served, number) == [], because
        assert await served.house.storage.queue.owed() == [], because


async def failed(served: Served, customer: Customer, mail_from: str, **fields: str) -> str:
    mail = letter(customer.writes(), "gone@remote.example", **fields)
    number = await served.hand_in(customer, "gone@remote.example", mail=mail, mail_from=mail_from)
    assert states(await served.ended(number)) == {"gone@remote.example": "BOUNCED"}
    return number


async def test_a_report_that_comes_back_is_not_reported(serve: Serve) -> None:
    async with ScriptedServer("RCPT = 550 5.1.1 nobody here") as server:
        served = await serve(route(server.port))
        acme = await served.customer()
        number = await failed(served, acme, acme.writes())
        await the_report(served, number)
        await served.rounds()
        assert len(await reports(served, number)) == 1


async def test_a_report_is_written_once_though_the_process_ends_between(serve: Serve) -> None:
    """The mail is stored, the note that it was owed is not yet taken off: written again it is the same mail."""
    async with ScriptedServer(REFUSES) as server:
        served = await serve(route(server.port))
        acme = await served.customer()
        number = await failed(served, acme, acme.writes())
        await the_report(served, number)
        (one,) = (await served.story(number)).deliveries
        await served.stop()
        with sqlite3.connect(served.folder / "var" / "mailwright.db") as database:
            database.execute("INSERT INTO owed (delivery) VALUES (?)", (one.id,))
        database.close()
        await served.start()
        await served.rounds()
        assert len(await reports(served, number)) == 1
        assert await served.house.storage.queue.owed() == []
        assert kinds(await served.story(number)).count("reported") == 1
    assert sum(b"multipart/report" in mail for mail in server.mails) == 1


async def test_a_later_failure_is_reported_though_the_first_is_still_noted_as_owed(serve: Serve) -> None:
    script = REFUSES + "RCPT TO:<slow@remote.example> = 451 4.7.1 later ; 550 5.1.1 no such user"
    async with ScriptedServer(script) as server:
        served = await serve(route(server.port))
        acme = await served.customer()
        number = await served.hand_in(acme, "gone@remote.example", "slow@remote.example")
        await served.reached(number, State.BOUNCED, State.DEFERRED)
        first = await the_report(served, number)
        gone = (await served.story(number)).deliveries[0].id
        await served.stop()
        with sqlite3.connect(served.folder / "var" / "mailwright.db") as database:
            database.execute("INSERT INTO owed (delivery) VALUES (?)", (gone,))
        database.close()
        served.clock.advance(minutes=2)
        await served.start()
        await served.ended(number)

        async def both() -> bool:
            await served.rounds()
            return len(await reports(served, number)) == 2

        await served.until(both)
        await served.rounds()
        (newest, oldest) = await reports(served, number)
        await served.ended(newest)
        assert "gone@remote.example" in str(first)
        assert "slow@remote.example" in (second := str(parsed(await served.kept(newest))))
        assert "Final-Recipient: rfc822; gone@remote.example" not in second
        assert oldest != newest
        assert kinds(await served.story(number)).count("reported") == 2


@BOTH
async def test_a_report_that_is_owed_is_written_by_the_next_process(serve: Serve) -> None:
    async with ScriptedServer(REFUSES) as server:
        served = await serve(route(server.port))
        acme = await served.customer()
        await served.stop()
        served.write('[subsystems.flash]\nlifetime = "1 s"\n' + route(server.port))
        await served.start()
        mail = letter(acme.writes(), "gone@remote.example", X_Mailwright_Subsystem="flash")
        await served.cli("queue", "pause", "--account", "acme")
        await served.follow()
        number = await served.hand_in(acme, "gone@remote.example", mail=mail)
        await served.stop()
        served.clock.advance(days=1)
        await served.start()
        report = await the_report_of_paused(served, number)
    assert report["To"] == acme.writes()
    assert "5.4.7" in str(report)


async def the_report_of_paused(served: Served, number: str) -> EmailMessage:
    await served.until(lambda: bounced(served, number))
    await served.cli("queue", "resume", "--account", "acme")
    await served.follow()
    return await the_report(served, number)


async def bounced(served: Served, number: str) -> bool:
    return states(await served.story(number)) == {"gone@remote.example": "BOUNCED"}


async def test_several_failures_of_one_mail_are_one_report(serve: Serve) -> None:
    async with ScriptedServer(REFUSES) as server:
        served = await serve(route(server.port))
        acme = await served.customer()
        await served.external(acme, host="smtp.acme.example", tls="none")
        number = await served.hand_in(acme, "gone@remote.example", "full@remote.example", "fine@remote.example")
        await served.ended(number)
        report = await the_report(served, number)
    assert report["Subject"] == "Not delivered to 2 recipients"
    _, status, _ = report.iter_parts()
    assert [fields["Status"] for fields in status_fields(status)[1:]] == ["5.1.1", "5.2.2"]


async def test_the_report_of_a_secret_mail_does_not_show_it(serve: Serve) -> None:
    async with ScriptedServer(REFUSES) as server:
        served = await serve(route(server.port))
        acme = await served.customer()
        mail = letter(acme.writes(), "gone@remote.example", subject="Your code is 4711", X_Mailwright_Subsystem="password")
        number = await served.hand_in(acme, "gone@remote.example", mail=mail)
        await served.ended(number)
        report = await the_report(served, number)
    assert "4711" not in str(report)
    assert "gone@remote.example" in str(report)
