"""The main job: real programs hand in for two accounts, real servers receive; what arrived is signed and whole."""

import asyncio
import re
from pathlib import Path

import pytest

from mailwright.auth import public_record
from mailwright.queue import EventKind
from mailwright.routing.return_path import delivery_of
from mailwright.values.ids import id_text
from tests.e2e.conftest import BOTH, Serve
from tests.e2e.peers import Client, Keeper, aiosmtpd, opendkim_says, postfix, python_aiosmtplib, python_smtplib, swaks
from tests.e2e.raw import logged_in, raw
from tests.e2e.served import BOUNCE_DOMAIN, HOSTNAME, kinds, letter, parsed, route, states, told, unstuffed
from tests.net.scripted import ScriptedServer

CLIENTS: list[tuple[str, Client]] = [
    ("swaks, STARTTLS", swaks(False)),
    ("swaks, implicit TLS", swaks(True)),
    ("smtplib, STARTTLS", python_smtplib(False)),
    ("smtplib, implicit TLS", python_smtplib(True)),
    ("aiosmtplib, STARTTLS", python_aiosmtplib(False)),
    ("aiosmtplib, implicit TLS", python_aiosmtplib(True)),
]


@BOTH
async def test_every_client_hands_in_for_two_accounts_and_each_mail_is_signed_as_its_author(serve: Serve) -> None:
    keeper = Keeper()
    async with aiosmtpd(keeper) as port:
        served = await serve(route(port))
        customers = [await served.customer("acme"), await served.customer("bolt")]
        for n, (_, client) in enumerate(CLIENTS):
            customer, to = customers[n % 2], f"r{n}@remote.example"
            number = await client(served, customer, to, letter(customer.writes(), to, subject=f"mail {n}"))
            story = await served.ended(number)
            assert states(story) == {to: "DELIVERED"}
            assert kinds(story) == ["accepted", "attempt", "delivered"]
            assert story.message.account == customer.id
        assert len(keeper.mails) == len(CLIENTS)
        for n, (mail_from, recipients, content) in enumerate(keeper.mails):
            mail = parsed(content)
            assert recipients == [f"r{n}@remote.example"], CLIENTS[n][0]
            assert mail_from.endswith("@" + BOUNCE_DOMAIN)
            assert f"d={customers[n % 2].domain};" in str(mail["DKIM-Signature"]).replace("\n", "")
            assert mail["Subject"] == f"mail {n}"
            assert await served.verified(content), CLIENTS[n][0]


@pytest.mark.slow
async def test_postfix_takes_it_and_passes_it_on_with_its_signature(serve: Serve) -> None:
    keeper = Keeper()
    async with aiosmtpd(keeper) as sink:
        with postfix(sink=sink) as port:
            served = await serve(route(port))
            acme = await served.customer()
            ids = [await served.hand_in(acme, f"r{n}@remote.example") for n in range(5)]
            for number in ids:
                story = await served.ended(number)
                assert "Ok: queued as" in story.deliveries[0].reply
            await served.until(lambda: asyncio.sleep(0, len(keeper.mails) == 5))
            for mail_from, _, content in keeper.mails:
                assert mail_from.startswith("b+")
                assert await served.verified(content)


async def test_what_arrives_passes_opendkim_and_a_changed_or_added_field_does_not(serve: Serve, tmp_path: Path) -> None:
    async with ScriptedServer() as server:
        served = await serve(route(server.port))
        acme = await served.customer()
        key = await served.dkim_key(acme.id, acme.domain, "mw2")
        await served.follow()
        await served.ended(await served.hand_in(acme, "bob@remote.example"))
        arrived, records = unstuffed(server.mails[0]), {key.dns_name: public_record(key)}
    changes = {
        "as it arrived": (arrived, True),
        "with a second Subject": (b"Subject: You have won\r\n" + arrived, False),  # over-signed
        "with a Reply-To": (b"Reply-To: thief@other.example\r\n" + arrived, False),  # signed as absent
        "with another body": (arrived.replace(b"all is well", b"all is lost"), False),
        "with a trace field on top": (b"Received: from a by b; Sun, 22 Nov 2026 02:57:31 +0000\r\n" + arrived, True),
    }
    for because, (mail, good) in changes.items():
        folder = tmp_path / because.replace(" ", "-")
        folder.mkdir()
        assert await served.verified(mail) is good, because
        verdict = await asyncio.to_thread(opendkim_says, folder, mail, records)
        assert ("verification (s=mw2" in verdict and "succeeded" in verdict) is good, verdict


KEPT = (
    b"Received: from app by relay.acme.example; Sat, 21 Nov 2026 10:00:00 +0000\r\n"
    b"X-Odd:   two  blanks,\ta tab \r\n\t  folded oddly\r\n"
    b"From: \"Anna  =?utf-8?q?M=C3=BCller?=\" <anna@acme.example>\r\n"
    b"TO:bob@remote.example\r\n"
    b"to: second-to@remote.example\r\n"
    b"Subject:no blank before me \r\n"
    b"X-Empty:\r\n"
    b"Sender: robot@acme.example\r\n"
    b"List-Unsubscribe: <https://acme.example/u?1>\r\n"
    b"MIME-Version: 1.0\r\n"
    b"Content-Type: text/plain; charset=us-ascii\r\n"
)  # fmt: skip
BODY = b"\r\n.\r\n..two dots\r\n trailing blanks   \r\n\r\n\r\nFrom here on\r\n\r\n"


@BOTH
async def test_every_octet_that_the_house_does_not_name_stays(serve: Serve) -> None:
    handed = (
        b"Return-Path: <forged@other.example>\r\nBcc: secret@remote.example,\r\n hidden@remote.example\r\n" + KEPT
        + b"X-Mailwright-Subsystem: billing\r\nX-Mailwright-Tag: run-7\r\nX-Mailwright-Idempotency-Key: k1\r\n" + BODY
    )  # fmt: skip
    async with ScriptedServer() as server:
        served = await serve(route(server.port))
        acme = await served.customer()
        number = await served.hand_in(acme, "secret@remote.example", mail=handed)
        story = await served.ended(number)
        arrived = unstuffed(server.mails[0])
    signature, received, rest = re.findall(
        rb"\A(DKIM-Signature:.*?\r\n(?=\S))(Received:.*?\r\n(?=\S))(.*)\Z", arrived, re.DOTALL
    )[0]
    added = re.search(rb"Date: [^\r]+\r\nMessage-ID: [^\r]+\r\n", rest)
    assert added
    assert rest == KEPT + added[0] + BODY
    assert parsed(arrived)["Message-ID"] == f"<{number}@{HOSTNAME}>"
    assert signature.startswith(b"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;")
    here = rf"Received: from \S+\r\n\tby mail\.operator\.example with ESMTPSA id {number};\r\n\t[^\r]+ \+0000\r\n"
    assert re.fullmatch(here.encode(), received)
    assert b"127.0.0.1" not in received  # the client's address is hidden by default
    assert (story.message.subsystem, story.message.tag, story.message.idempotency_key) == ("billing", "run-7", "k1")


async def test_date_and_message_id_that_are_there_stay(serve: Serve) -> None:
    given = {"Date": "Fri, 20 Nov 2026 08:00:00 +0100", "Message_ID": "<mine@app.acme.example>"}
    async with ScriptedServer() as server:
        served = await serve(route(server.port))
        acme = await served.customer()
        mail = letter(acme.writes(), "b@remote.example", **given)
        await served.ended(await served.hand_in(acme, "b@remote.example", mail=mail))
        arrived = unstuffed(server.mails[0])
    assert arrived.lower().count(b"\ndate:") == arrived.lower().count(b"\nmessage-id:") == 1
    assert b"\r\nDate: Fri, 20 Nov 2026 08:00:00 +0100\r\nMessage-ID: <mine@app.acme.example>\r\n" in arrived


async def test_the_clients_address_is_shown_where_the_listener_says_so(serve: Serve) -> None:
    async with ScriptedServer() as server:
        served = await serve(route(server.port), listen='[[listen]]\naddress = "127.0.0.1:0"\nshow_client = true\n')
        acme = await served.customer()
        await served.ended(await served.hand_in(acme, "b@remote.example"))
    assert b"([127.0.0.1])\r\n\tby" in server.mails[0]


@BOTH
async def test_the_envelope_is_the_truth(serve: Serve) -> None:
    """Neither To nor Cc nor Bcc says who gets a mail, and each recipient has a return path that finds its delivery."""
    async with ScriptedServer() as server:
        served = await serve(route(server.port))
        acme = await served.customer()
        mail = letter(acme.writes(), "shown@remote.example", Cc="other@remote.example", Bcc="third@remote.example")
        number = await served.hand_in(acme, "real@remote.example", "Real.Two@remote.example", "real@remote.example", mail=mail)
        story = await served.ended(number)
        said = server.said
    recipients = sorted(command for command in said if command.startswith("RCPT"))
    assert recipients == ["RCPT TO:<Real.Two@remote.example>", "RCPT TO:<real@remote.example>"]
    paths = re.findall(r"MAIL FROM:<(b\+[a-z0-9]+)@bounce\.operator\.example>", "\n".join(said))
    secret = served.house.works.return_secret
    found = [delivery_of(path, secret=secret) for path in paths]
    assert set(found) == {one.id for one in story.deliveries}
    assert delivery_of(paths[0].upper(), secret=secret) == found[0]
    assert delivery_of(paths[0], secret=b"the secret of another house") is None


async def test_why_tells_the_story_beside_a_served_house_and_after_it(serve: Serve) -> None:
    async with ScriptedServer("RCPT TO:<gone@remote.example> = 550 5.1.1 no such user") as server:
        served = await serve(route(server.port))
        acme = await served.customer()
        number = await served.hand_in(acme, "bob@remote.example", "gone@remote.example")
        await served.ended(number)
    beside = await served.run("why", number, "--transcript")
    assert beside.returncode == 0, beside.stderr
    for words in (
        "The mail was handed in by ESMTPSA with the API key",
        "It leaves through own_server, because the account has no default transport",
        "bob@remote.example\nDelivered.",
        "Signed with the key at mw1._domainkey.acme.example.",
        "gone@remote.example\nNot delivered.",
        "Refused for good.",
        "Who acts: ",
        "550 5.1.1 no such user",
        "> EHLO mail.operator.example",
    ):
        assert words in beside.stdout, beside.stdout
    by_delivery = (await served.story(number)).deliveries[1].id
    assert await served.cli("why", id_text(by_delivery), "--transcript") == beside.stdout
    await served.stop()
    assert await served.cli("why", number, "--transcript") == beside.stdout
    await served.start()


async def test_the_transcript_has_the_dialogue_with_times_and_not_the_mail(serve: Serve) -> None:
    async with ScriptedServer() as server:
        served = await serve(route(server.port))
        acme = await served.customer()
        story = await served.ended(await served.hand_in(acme, "bob@remote.example"))
    transcript = str(told(story, EventKind.ATTEMPT).data["transcript"])
    assert all(re.match(r" *\d+ [<>=] ", line) for line in transcript.splitlines()), transcript  # milliseconds
    assert "octets of mail>" in transcript
    assert "all is well" not in transcript


NINE_ENDS = [b"\n.\n", b"\n.\r", b"\n.\r\n", b"\r.\n", b"\r.\r", b"\r.\r\n", b"\r\n.\n", b"\r\n.\r", b"\r\n.\x00\r\n"]


async def test_a_hidden_end_of_data_is_refused_and_never_sent_out(serve: Serve) -> None:
    async with ScriptedServer() as server:
        served = await serve(route(server.port))
        acme = await served.customer()
        for end in NINE_ENDS:
            async with raw(served) as client:
                await logged_in(served, acme.key, client)
                for command in ("MAIL FROM:<anna@acme.example>", "RCPT TO:<b@remote.example>", "DATA"):
                    assert (await client.say(command))[0] in "23"
                hidden = end + b"MAIL FROM:<anna@acme.example>\r\nRCPT TO:<y@remote.example>\r\nDATA\r\n"
                whole = letter(acme.writes(), "b@remote.example") + b"first" + hidden + letter(acme.writes())
                answer = await client.say(whole + b".")
                assert answer.startswith("5"), end
        assert await served.messages() == []
    assert server.mails == []
