"""external_smtp: the customer's own server, with login over TLS, and what a person is told where it does not take us."""

import ssl
from base64 import b64encode

import pytest
import trustme

from mailwright.net.smtp_connection import Timeouts
from mailwright.net.smtp_out import SmtpSender
from mailwright.queue import EventKind, State
from mailwright.values import Malformed
from mailwright.values.ids import id_text
from tests.e2e.conftest import BOTH, Serve
from tests.e2e.peers import Keeper, aiosmtpd
from tests.e2e.served import Served, route, states, told
from tests.net.scripted import ScriptedServer

HOST = "smtp.acme.example"
SECRET = "geheimes Wort 17"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> tuple[trustme.CA, str]:
    made, file = trustme.CA(), tmp_path_factory.mktemp("ca") / "ca.pem"
    made.cert_pem.write_to_path(str(file))
    return made, str(file)


def certified(authority: trustme.CA, name: str = HOST) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context


async def trusting(serve: Serve, ca_file: str, settings: str) -> Served:
    """A house that trusts the authority of the tests."""
    served = await serve(settings)
    await served.stop()
    served.sender = SmtpSender(timeouts=Timeouts(quit=1), ca_file=ca_file)
    await served.start()
    return served


@BOTH
async def test_it_logs_in_over_starttls_and_the_choice_is_told(serve: Serve, authority: tuple[trustme.CA, str]) -> None:
    keeper = Keeper(password=SECRET)
    async with aiosmtpd(keeper, context=certified(authority[0]), login=True) as port:
        served = await trusting(serve, authority[1], route(port, HOST))
        acme = await served.customer()
        added = await served.cli(
            *("transport", "add", "acme", "office", "--kind", "external_smtp", "--default", "--password-stdin"),
            *("--set", f"host={HOST}", "--set", "username=anna", "--set", "tls=starttls"),
            stdin=SECRET + "\n",
        )
        assert "All mail of the account leaves by it." in added
        await served.follow()
        number = await served.hand_in(acme, "bob@remote.example", "eve@remote.example", mail_from="bounces@acme.example")
        story = await served.ended(number)
        shown = await served.cli("why", number, "--transcript") + await served.cli("transport", "list", "acme")
        shown += str(await served.shown("why", number))
    ((mail_from, recipients, content),) = keeper.mails
    assert (mail_from, recipients) == ("anna@acme.example", ["bob@remote.example", "eve@remote.example"])  # the author's address
    assert await served.verified(content)  # signed by us all the same
    assert [(login.login, login.password) for login in keeper.logins] == [(b"anna", SECRET.encode())]
    assert told(story, EventKind.ATTEMPT).data["tls"].startswith("TLSv1.3")
    assert told(story, EventKind.ATTEMPT).data["host"] == HOST
    assert story.message.because == "It is the default transport of the account acme."
    assert "It leaves through office, because it is the default transport of the account acme." in shown
    await served.stop()
    stored = b"".join(file.read_bytes() for file in (served.folder / "var").glob("mailwright.db*"))
    assert SECRET not in shown
    assert SECRET.encode() not in stored
    await served.start()


async def test_tls_from_the_first_byte(serve: Serve, authority: tuple[trustme.CA, str]) -> None:
    script = "EHLO = 250-mx / 250 AUTH PLAIN\nAUTH = 235 2.7.0 welcome"
    async with ScriptedServer(script, context=certified(authority[0]), at_once=True) as server:
        served = await trusting(serve, authority[1], route(server.port, HOST))
        acme = await served.customer()
        await served.external(acme, host=HOST, tls="implicit", username="anna", password=SECRET)
        story = await served.ended(await served.hand_in(acme, "bob@remote.example"))
    assert states(story) == {"bob@remote.example": "DELIVERED"}
    assert told(story, EventKind.ATTEMPT).data["tls"].startswith("TLSv1.3")
    transcript = str(told(story, EventKind.ATTEMPT).data["transcript"])
    assert b64encode(f"\0anna\0{SECRET}".encode()).decode() not in transcript
    assert "> AUTH PLAIN" in transcript


async def test_a_customer_without_dkim_key_whose_server_signs(serve: Serve) -> None:
    async with ScriptedServer() as server:
        served = await serve(route(server.port, HOST))
        acme = await served.customer(dkim=False)
        await served.external(acme, host=HOST, tls="none")
        await served.ended(await served.hand_in(acme, "bob@remote.example"))
    assert b"DKIM-Signature" not in server.mails[0]


REFUSES_US: list[tuple[str, str, str, str]] = [
    # what the server says, the name in its certificate, words of the reply, because
    ("AUTH = 535 5.7.8 wrong", HOST, "535 5.7.8 wrong", "a wrong password"),
    ("AUTH = 454 4.7.0 not now", HOST, "454 4.7.0 not now", "logins cannot be checked now"),
    ("AUTH = 535 5.7.139 basic authentication is disabled", HOST, "535 5.7.139", "logins with a password are switched off"),
    ("EHLO = 250-mx / 250 STARTTLS", HOST, "no way to log in", "no login is offered"),
    ("EHLO = 250-mx / 250 AUTH PLAIN", HOST, "does not offer encryption", "no TLS is offered: the password stays here"),
    ("AUTH = 235 ok", "other.example", "certificate not accepted", "a certificate for another name"),
    ("STARTTLS = 454 4.7.0 no", HOST, "454 4.7.0 no", "TLS is refused"),
]


@pytest.mark.parametrize("rule, name, words, because", REFUSES_US, ids=[row[3] for row in REFUSES_US])
async def test_it_waits_and_says_why(
    serve: Serve, authority: tuple[trustme.CA, str], rule: str, name: str, words: str, because: str
) -> None:
    """Nothing is lost: the customer mends the transport, and the mail leaves."""
    script = f"EHLO = 250-mx / 250-STARTTLS / 250 AUTH PLAIN LOGIN\n{rule}"
    async with ScriptedServer(script, context=certified(authority[0], name)) as server:
        served = await trusting(serve, authority[1], route(server.port, HOST))
        acme = await served.customer()
        await served.external(acme, host=HOST, username="anna", password=SECRET)
        number = await served.hand_in(acme, "bob@remote.example")
        story = await served.reached(number, State.DEFERRED)
        other = await served.hand_in(acme, "carl@remote.example")
        await served.rounds()
        assert server.connections == 1, "accounts get locked where a wrong password is tried again and again"
        assert states(await served.story(other)) == {"carl@remote.example": "READY"}
    assert words in story.deliveries[0].reply, because
    assert not any(command.startswith(("MAIL", "RCPT")) for command in server.said)
    assert SECRET not in str(told(story, EventKind.ATTEMPT).data)
    if "TLS" in because or "certificate" in because:
        assert not any(command.startswith("AUTH") for command in server.said)


async def test_a_certificate_of_nobody_we_trust(serve: Serve, authority: tuple[trustme.CA, str]) -> None:
    async with ScriptedServer("EHLO = 250-mx / 250-STARTTLS / 250 AUTH PLAIN", context=certified(authority[0])) as server:
        served = await serve(route(server.port, HOST))
        acme = await served.customer()
        await served.external(acme, host=HOST, username="anna", password=SECRET)
        story = await served.reached(await served.hand_in(acme, "bob@remote.example"), State.DEFERRED)
    assert "certificate not accepted" in story.deliveries[0].reply
    assert not any(command.startswith("AUTH") for command in server.said)


async def test_a_mended_transport_takes_what_waited(serve: Serve) -> None:
    """The old one was taken away: what waits for it says so, and does not leave another way by itself."""
    async with ScriptedServer("connect = 554 5.7.1 not you") as strict, ScriptedServer() as server:
        served = await serve(route(strict.port, HOST) + route(server.port))
        acme = await served.customer()
        await served.external(acme, host=HOST, tls="none")
        number = await served.hand_in(acme, "bob@remote.example")
        await served.reached(number, State.DEFERRED)
        (old,) = await served.house.storage.directory.transports(acme.id)
        await served.cli("transport", "remove", "acme", id_text(old.id), "--yes")
        await served.follow()
        await served.later(minutes=2)

        async def told_so() -> bool:
            return "does not have this transport any more" in (await served.story(number)).deliveries[0].reply

        await served.until(told_so)
        fresh = await served.hand_in(acme, "bob@remote.example")
        assert (await served.ended(fresh)).message.transport is None
        assert server.mails


INNER = ["127.0.0.1", "10.0.0.5", "169.254.169.254", "[::1]", "[fd00:ec2::254]", "[::ffff:127.0.0.1]"]


async def test_a_customer_cannot_reach_inner_machines(serve: Serve) -> None:
    async with ScriptedServer() as server:
        served = await serve(route(server.port, "other.example"))
        for n, host in enumerate(INNER):
            customer = await served.customer(f"acme{n}")
            await served.external(customer, host=host, port=server.port, tls="none")
            story = await served.reached(await served.hand_in(customer, "bob@remote.example"), State.DEFERRED)
            assert "Mailwright does not connect to" in story.deliveries[0].reply, host
    assert server.connections == 0


BAD_SETTINGS = [
    ("host=smtp.acme.example", "tls=none", "username=anna"),
    ("host=not a host", "tls=starttls", "port=25"),
    ("host=smtp.acme.example", "tls=perhaps", "port=25"),
    ("host=smtp.acme.example", "port=70000", "tls=starttls"),
    ("host=smtp.acme.example", "hots=x", "tls=starttls"),
]


async def test_settings_that_cannot_work_are_refused_when_they_are_made(serve: Serve) -> None:
    served = await serve()
    await served.customer()
    for pairs in BAD_SETTINGS:
        settings = [word for pair in pairs for word in ("--set", pair)]
        with pytest.raises(Malformed) as fault:
            await served.cli("transport", "add", "acme", "office", "--kind", "external_smtp", *settings, stdin="x\n")
        assert fault.value.remedy, pairs
    assert "no transport" in await served.cli("transport", "list", "acme")


async def test_no_more_connections_than_the_transport_allows(serve: Serve) -> None:
    async with ScriptedServer() as server:
        served = await serve(route(server.port, HOST))
        acme = await served.customer()
        await served.external(acme, host=HOST, tls="none", connections=1)
        for number in [await served.hand_in(acme, f"r{n}@remote.example") for n in range(12)]:
            await served.ended(number)
    assert server.connections <= 2  # one at a time; the slot of the top priority is the same one
