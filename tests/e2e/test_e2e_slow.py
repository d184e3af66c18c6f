"""A slow network: the whole way in small pieces, and clients that stall while others go on."""

import ssl

import aiosmtplib
import pytest
import trustme

from mailwright.queue import EventKind
from tests.e2e.conftest import Serve
from tests.e2e.raw import logged_in, raw
from tests.e2e.served import letter, route, states, taken, told, unstuffed
from tests.e2e.slow_line import PIECE, SlowLine
from tests.net.scripted import ScriptedServer

PATIENCE = 30.0  # seconds: a TLS handshake alone takes some hundred pieces
BODY = "A line that is longer than one piece.\r\n.a dot at its start\r\n" * 60


@pytest.fixture(scope="module")
def certified() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    return context


@pytest.mark.parametrize("implicit", [False, True], ids=["starttls", "implicit"])
async def test_the_whole_way_in_small_pieces(serve: Serve, certified: ssl.SSLContext, implicit: bool) -> None:
    offer = "EHLO = 250-mx.test / 250-PIPELINING / 250 STARTTLS"
    async with ScriptedServer(offer, context=certified) as server, SlowLine(server.port) as far:
        served = await serve(route(far.port))
        acme = await served.customer()
        async with SlowLine(served.port(implicit=implicit)) as near:
            mail = letter(acme.writes(), "bob@remote.example", body=BODY)
            _, answer = await aiosmtplib.send(
                mail, sender=acme.writes(), recipients=["bob@remote.example"], hostname="localhost", port=near.port,
                use_tls=implicit, start_tls=not implicit, tls_context=served.client_context(), username="any",
                password=acme.key, timeout=PATIENCE,
            )  # fmt: skip
        story = await served.ended(taken(answer))
        assert states(story) == {"bob@remote.example": "DELIVERED"}
        assert told(story, EventKind.ATTEMPT).data["tls"].startswith("TLSv1.3")
        assert min(near.pieces, far.pieces) > len(mail) / PIECE
        (heard,) = server.mails
        assert unstuffed(heard).endswith(BODY.encode())
        assert await served.verified(unstuffed(heard))


async def test_who_stalls_is_told_to_come_back_while_others_go_on(serve: Serve) -> None:
    async with ScriptedServer() as server:
        served = await serve("timeouts.command = '2 s'\ntimeouts.data = '2 s'\n" + route(server.port))
        acme = await served.customer()
        async with raw(served) as silent, raw(served) as halfway, SlowLine(served.port(implicit=True)) as line:
            await logged_in(served, acme.key, silent)
            await logged_in(served, acme.key, halfway)
            for command in (f"MAIL FROM:<{acme.writes()}>", "RCPT TO:<bob@remote.example>", "DATA"):
                await halfway.say(command)
            halfway.writer.write(letter(acme.writes(), "bob@remote.example")[:50])
            slow = aiosmtplib.SMTP(
                hostname="localhost", port=line.port, use_tls=True, tls_context=served.client_context(), username="any",
                password=acme.key, timeout=PATIENCE,
            )  # fmt: skip
            async with slow:  # it takes longer than both time-outs, but never falls silent
                mail = letter(acme.writes(), "eve@remote.example", body=BODY * 8)
                _, answer = await slow.sendmail(acme.writes(), ["eve@remote.example"], mail)
            assert (await silent.reply()).startswith("421 4.4.2")
            assert (await halfway.reply()).startswith("421 4.4.2")
            assert states(await served.ended(taken(answer))) == {"eve@remote.example": "DELIVERED"}
        assert await served.messages() == [taken(answer)], "of the mail that was cut off nothing is kept"
