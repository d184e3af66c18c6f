"""What is in a mail: octets beyond ASCII, long lines, signatures of others, circles, and size."""

import base64
import quopri
from hashlib import sha256

import pytest

from mailwright.queue import State
from tests.e2e.conftest import BOTH, Serve
from tests.e2e.raw import logged_in, raw
from tests.e2e.served import letter, parsed, route, states, taken, unstuffed
from tests.net.scripted import ScriptedServer

PLAIN = "EHLO = 250-mx.test / 250 PIPELINING"
EIGHT = "EHLO = 250-mx.test / 250-PIPELINING / 250 8BITMIME"
UTF8 = "EHLO = 250-mx.test / 250-PIPELINING / 250-8BITMIME / 250 SMTPUTF8"
FROM = b"From: anna@acme.example\r\nTo: bob@remote.example\r\nSubject: s\r\nMIME-Version: 1.0\r\n"
GREETING = "Grüße aus München".encode()


def text(body: bytes, encoding: bytes = b"8bit") -> bytes:
    return FROM + b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: " + encoding + b"\r\n\r\n" + body


REENCODED: list[tuple[str, bytes, bytes]] = [
    # because, the mail as handed in, its text as it must still read
    ("8-bit text", text(GREETING + b"\r\n"), GREETING + b"\r\n"),
    ("8-bit that nobody announced", text(GREETING + b"\r\n", b"7bit"), GREETING + b"\r\n"),
    ("a line over 998 octets", text(b"x" * 2000 + b"\r\n", b"7bit"), b"x" * 2000 + b"\r\n"),
    ("mostly beyond ASCII", text(("ж" * 900).encode() + b"\r\n"), ("ж" * 900).encode() + b"\r\n"),
    ("a dot alone stays a dot", text(GREETING + b"\r\n.\r\nend\r\n"), GREETING + b"\r\n.\r\nend\r\n"),
]


@pytest.mark.parametrize("server", [PLAIN, EIGHT], ids=["7-bit server", "8-bit server"])
async def test_it_is_re_encoded_before_it_is_signed(serve: Serve, server: str) -> None:
    """So that no server on the way has to change it, which would break the signature (RFC 6376 §5.3)."""
    async with ScriptedServer(server) as peer:
        served = await serve("queue.connections_per_site = 2\n" + route(peer.port))
        acme = await served.customer()
        for because, mail, reads in REENCODED:
            number = await served.hand_in(acme, "bob@remote.example", mail=mail, options=["BODY=8BITMIME"])
            await served.ended(number)
            arrived = unstuffed(peer.mails[-1])
            assert await served.verified(arrived), because
            head, _, body = arrived.partition(b"\r\n\r\n")
            assert arrived.isascii(), because
            assert max(map(len, body.split(b"\r\n"))) <= 76, because
            decode = base64.b64decode if b"base64" in head else quopri.decodestring
            assert decode(body) == reads, because
    assert not any("BODY=8BITMIME" in command for command in peer.said)


SIGNED = (
    FROM + b'Content-Type: multipart/signed; boundary="b"; protocol="application/pgp-signature"; micalg=pgp-sha256\r\n\r\n'
    b"--b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" + GREETING + b"\r\n"
    b"--b\r\nContent-Type: application/pgp-signature\r\n\r\nMQ==\r\n--b--\r\n"
)  # fmt: skip


async def test_what_somebody_signed_is_left_alone(serve: Serve) -> None:
    async with ScriptedServer(EIGHT) as server:
        served = await serve(route(server.port))
        number = await served.hand_in(await served.customer(), "bob@remote.example", mail=SIGNED, options=["BODY=8BITMIME"])
        await served.ended(number)
        assert await served.verified(unstuffed(server.mails[0]))
    assert server.mails[0].partition(b"\r\n\r\n")[2] == SIGNED.partition(b"\r\n\r\n")[2]
    assert next(command for command in server.said if command.startswith("MAIL")).endswith("BODY=8BITMIME")


async def test_what_a_server_cannot_take_is_not_changed_for_it(serve: Serve) -> None:
    async with ScriptedServer(PLAIN) as server:
        served = await serve(route(server.port))
        number = await served.hand_in(await served.customer(), "bob@remote.example", mail=SIGNED, options=["BODY=8BITMIME"])
        story = await served.ended(number)
        assert states(story) == {"bob@remote.example": "BOUNCED"}
        assert "5.6.3" in story.deliveries[0].reply  # RFC 6152 §3: conversion required but not supported
        assert "8-bit" in story.deliveries[0].reply


# Addresses and fields beyond ASCII.

FIELD = "From: anna@acme.example\r\nTo: jürgen@remote.example\r\nSubject: Grüße\r\n\r\nhi\r\n".encode()
INTERNATIONAL: list[tuple[str, str, bytes, str, str]] = [
    # server, recipient, mail, state, because
    (UTF8, "jürgen@remote.example", letter("anna@acme.example"), "DELIVERED", "the server has SMTPUTF8"),
    (EIGHT, "jürgen@remote.example", letter("anna@acme.example"), "BOUNCED", "never downgraded: 5.6.7"),
    (UTF8, "bob@remote.example", FIELD, "DELIVERED", "UTF-8 in a field, to a server that has it"),
    (EIGHT, "bob@remote.example", FIELD, "BOUNCED", "UTF-8 in a field, to one without"),
    (EIGHT, "bob@remote.example", letter("anna@acme.example"), "DELIVERED", "announced, but nothing needs it"),
]


@pytest.mark.parametrize("server, to, mail, state, because", INTERNATIONAL, ids=[row[4] for row in INTERNATIONAL])
async def test_smtputf8(serve: Serve, server: str, to: str, mail: bytes, state: str, because: str) -> None:
    async with ScriptedServer(server) as peer:
        served = await serve(route(peer.port))
        number = await served.hand_in(await served.customer(), to, mail=mail, options=["SMTPUTF8"])
        story = await served.ended(number)
        assert states(story) == {to: state}, because
        if state == "DELIVERED":
            assert await served.verified(unstuffed(peer.mails[0]))
            sender = next(command for command in peer.said if command.startswith("MAIL"))
            assert sender.endswith("SMTPUTF8") is (server == UTF8)
            assert b"with UTF8SMTPSA id" in peer.mails[0]
        else:
            assert story.deliveries[0].reply.split()[1] == "5.6.7"
            assert not any(command.startswith("RCPT") for command in peer.said)


async def test_one_international_recipient_does_not_stop_the_others(serve: Serve) -> None:
    async with ScriptedServer(EIGHT) as peer:
        served = await serve(route(peer.port))
        acme = await served.customer()
        to = ["jürgen@remote.example", "bob@remote.example"]
        story = await served.ended(await served.hand_in(acme, *to, mail=letter(acme.writes()), options=["SMTPUTF8"]))
    assert states(story) == {"jürgen@remote.example": "BOUNCED", "bob@remote.example": "DELIVERED"}


async def test_beyond_ascii_without_smtputf8_is_refused_at_hand_in(serve: Serve) -> None:
    served = await serve(delivery="capture")
    acme = await served.customer()
    async with raw(served) as client:
        await logged_in(served, acme.key, client)
        assert (await client.say("MAIL FROM:<anna@acme.example>")).startswith("250")
        assert (await client.say("RCPT TO:<jürgen@remote.example>"))[0] == "5"
        await client.say("RSET")
        assert "SMTPUTF8" in await client.hand_in(FIELD, "bob@remote.example", mail_from="anna@acme.example")
    assert await served.messages() == []


async def test_a_mail_in_chunks_leaves_as_one_mail(serve: Serve) -> None:
    """RFC 3030: what would end it after DATA is a part of it, and leaves with its dot doubled; its last line gets an end."""
    hidden = b"\r\n.\r\nMAIL FROM:<anna@acme.example>\r\nRCPT TO:<eve@evil.example>\r\nDATA\r\n"
    async with ScriptedServer(PLAIN) as peer:
        served = await serve(route(peer.port))
        acme = await served.customer()
        async with raw(served) as client:
            await logged_in(served, acme.key, client)
            for command in ("MAIL FROM:<anna@acme.example>", "RCPT TO:<bob@remote.example>"):
                await client.say(command)
            head, answer = FROM + b"\r\nHello", ""
            for part, last in ((head, ""), (hidden, ""), (b"end", " LAST")):
                client.writer.write(f"BDAT {len(part)}{last}\r\n".encode() + part)
                answer = await client.reply()
                assert answer.startswith("250"), answer
        await served.ended(taken(answer))
    (arrived,) = map(unstuffed, peer.mails)
    assert arrived.endswith(b"\r\n\r\nHello" + hidden + b"end\r\n")
    assert await served.verified(arrived)
    assert not any("evil" in command for command in peer.said)


# Circles.


async def test_a_mail_that_goes_in_a_circle(serve: Serve) -> None:
    served = await serve(delivery="capture")
    acme = await served.customer()
    async with raw(served) as client:
        await logged_in(served, acme.key, client)
        for hops, answer in ((99, "250"), (100, "250"), (101, "554 5.4.6")):
            mail = b"Received: from a by b; Sun, 22 Nov 2026 02:57:31 +0000\r\n" * hops + letter(acme.writes())
            assert (await client.hand_in(mail, "bob@remote.example", mail_from="")).startswith(answer), hops


BROKEN: list[tuple[str, bytes]] = [
    ("a bare LF", b"line\nline\r\n"),
    ("a bare CR", b"line\rline\r\n"),
    ("NUL", b"line\x00line\r\n"),
]


async def test_broken_lines_are_refused(serve: Serve) -> None:
    served = await serve(delivery="capture")
    acme = await served.customer()
    for because, body in BROKEN:
        for mail in (letter(acme.writes()) + body, b"X-Odd: " + body + letter(acme.writes())):
            async with raw(served) as client:
                await logged_in(served, acme.key, client)
                assert (await client.hand_in(mail, "bob@remote.example", mail_from="")).startswith("5"), because
    assert await served.messages() == []


INJECTED = [
    "MAIL FROM:<anna@acme.example>\rRCPT TO:<x@y.example>",
    "MAIL FROM:<anna@acme.example\n>",
    "MAIL FROM:<an\x00na@acme.example>",
    "MAIL FROM:<anna@acme.example> SIZE=1\nRCPT TO:<x@y.example>",
]


async def test_line_ends_in_an_envelope_are_refused(serve: Serve) -> None:
    served = await serve(delivery="capture")
    acme = await served.customer()
    for command in INJECTED:
        async with raw(served) as client:
            await logged_in(served, acme.key, client)
            assert (await client.say(command))[:1] in {"5", "4", ""}, command


# Size.


@BOTH
async def test_six_megabytes_arrive_as_they_were(serve: Serve) -> None:
    body = b"".join(b"%06d and so on until the end of the line\r\n" % n for n in range(140_000))
    mail = letter("anna@acme.example").partition(b"\r\n\r\n")[0] + b"\r\n\r\n" + body
    async with ScriptedServer() as server:
        served = await serve("queue.memory = 0\n" + route(server.port))
        number = await served.hand_in(await served.customer(), "bob@remote.example", "eve@remote.example", mail=mail)
        await served.ended(number)
        assert await served.verified(unstuffed(server.mails[0]))
    assert len(body) > 6_000_000
    for arrived in server.mails:
        assert sha256(arrived.partition(b"\r\n\r\n")[2]).digest() == sha256(body).digest()
    assert any(f"SIZE={len(server.mails[0])}" in command for command in server.said)


async def test_six_megabytes_of_8_bit_text_are_re_encoded(serve: Serve) -> None:
    body = b"".join(b"%06d " % n + GREETING + b"\r\n" for n in range(230_000))
    async with ScriptedServer() as server:
        served = await serve(route(server.port))
        mail = text(body)
        number = await served.hand_in(await served.customer(), "bob@remote.example", mail=mail, options=["BODY=8BITMIME"])
        await served.ended(number)
        arrived = unstuffed(server.mails[0])
        assert await served.verified(arrived)
    assert len(body) > 6_000_000
    assert arrived.isascii()
    assert parsed(arrived).get_payload(decode=True) == body


async def test_a_mail_over_the_limit_is_refused_before_and_while_it_comes(serve: Serve) -> None:
    served = await serve("[limits]\nsize = '1 MiB'\n", delivery="capture")
    acme = await served.customer()
    async with raw(served) as client:
        await logged_in(served, acme.key, client)
        assert (await client.say("MAIL FROM:<anna@acme.example> SIZE=2000000")).startswith("552 5.3.4")
        line = b"x" * 70 + b"\r\n"
        answer = await client.hand_in(letter(acme.writes()) + line * 20_000, "b@remote.example", mail_from="")
        assert answer.startswith("552 5.3.4")
    async with raw(served) as client:
        await logged_in(served, acme.key, client)
        assert (await client.hand_in(letter(acme.writes()), "b@remote.example", mail_from="")).startswith("250")
    assert len(await served.messages()) == 1


LIMITS: list[tuple[str, bytes]] = [
    ("a header field of 300 KB", b"X-Long: " + b"x " * 150_000 + b"\r\n"),
    ("1200 header fields", b"X-One: more\r\n" * 1200),
]


async def test_limits_of_the_header(serve: Serve) -> None:
    served = await serve(delivery="capture")
    acme = await served.customer()
    for because, fields in LIMITS:
        async with raw(served) as client:
            await logged_in(served, acme.key, client)
            assert (await client.hand_in(fields + letter(acme.writes()), "b@remote.example", mail_from=""))[0] == "5", because


async def test_more_recipients_than_the_limit_come_with_the_next_mail(serve: Serve) -> None:
    served = await serve("[limits]\nrecipients = 100\n", delivery="capture")
    acme = await served.customer()
    async with raw(served) as client:
        await logged_in(served, acme.key, client)
        await client.say("MAIL FROM:<>")
        answers = [await client.say(f"RCPT TO:<r{n}@remote.example>") for n in range(102)]
        assert {answer[:3] for answer in answers[:100]} == {"250"}
        assert {answer[:9] for answer in answers[100:]} == {"452 4.5.3"}
        await client.say("DATA")
        assert (await client.say(letter(acme.writes()) + b".")).startswith("250")
    (number,) = await served.messages()
    assert len((await served.reached(number, State.CAPTURED)).deliveries) == 100
