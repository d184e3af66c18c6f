"""Outgoing connections against a server that plays a text, and against real peers."""

import asyncio
import shutil
import ssl
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import trustme
from aiosmtpd.smtp import SMTP, AuthResult, Envelope

from mailwright.net.plain_hosts import PlainHosts
from mailwright.net.smtp_connection import BeforeDot, Connection, Timeouts
from mailwright.net.smtp_out import SmtpSender
from mailwright.ports.sender import HostAddress, Login, Lost, OutgoingMail, Sender, Sent, Session, Target, Unreachable
from mailwright.transports import Tls
from mailwright.values import Conflict, Malformed, Reply
from tests.net.scripted import ScriptedServer

MAIL = b"From: a@me.test\r\nSubject: hello\r\n\r\n.dot\r\nend\r\n"
SHORT = Timeouts(*[0.15] * 10)
SOON = replace(SHORT, connect=20, greeting=20, tls=20, command=20)  # where the session itself must come about on a busy machine
STEPWISE = "EHLO = 250-mx.test / 250 8BITMIME"
TLS = "EHLO = 250-mx.test / 250-PIPELINING / 250 STARTTLS"


def target(*ports: int, tls: Tls = Tls.NONE, login: Login | None = None, name: str = "localhost", inner: bool = True) -> Target:
    hosts = tuple(HostAddress(name, "127.0.0.1", port) for port in ports)
    return Target(hosts, tls, "me.test", login=login, allow_private=inner)


def mail(*recipients: str, content: Sequence[bytes] | AsyncIterator[bytes] = (MAIL,), size: int = len(MAIL)) -> OutgoingMail:
    return OutgoingMail("a@me.test", recipients or ("b@mx.test",), content, size)


async def session(at: Target, sender: SmtpSender | None = None) -> Connection:
    door: Sender = sender or SmtpSender(timeouts=Timeouts(quit=1))
    found: Session | Unreachable = await door.open(at)
    assert isinstance(found, Connection), found
    return found


async def missing(at: Target, sender: SmtpSender | None = None) -> Unreachable:
    found = await (sender or SmtpSender(timeouts=SHORT)).open(at)
    assert isinstance(found, Unreachable)
    return found


async def one_mail(server: ScriptedServer, *recipients: str, sender: SmtpSender | None = None) -> tuple[Sent, Connection]:
    connection = await session(target(server.port), sender)
    return await connection.send(mail(*recipients)), connection


@pytest.mark.parametrize("script", ["", STEPWISE])
async def test_mails_go_over_one_connection(script: str) -> None:
    async with ScriptedServer(script) as server:
        connection = await session(target(server.port))
        for number in (1, 2, 3):
            sent = await connection.send(mail("b@mx.test", "c@mx.test"))
            assert sent.answers == dict.fromkeys(("b@mx.test", "c@mx.test"), Reply(250, "2.0.0", ("queued",)))
            assert connection.used == number
            assert connection.alive
        await connection.quit()
        assert not connection.alive
    assert server.mails == [MAIL.replace(b"\r\n.", b"\r\n..")] * 3
    assert server.connections == 1
    assert server.said[-1] == "QUIT"


async def test_the_transcript_has_the_dialogue_and_not_the_mail() -> None:
    async with ScriptedServer() as server:
        connection = await session(target(server.port))
        first, second = (await connection.send(mail())).transcript, (await connection.send(mail())).transcript
        await connection.quit()
    assert [line[7:] for line in second.splitlines()] == [
        "> MAIL FROM:<a@me.test> SIZE=46",
        "> RCPT TO:<b@mx.test>",
        "> DATA",
        "< 250 2.1.0 Ok",
        "< 250 2.1.5 Ok",
        "< 354 Go",
        "> <46 octets of mail>",
        "< 250 2.0.0 queued",
    ]
    assert "connected to localhost [127.0.0.1]" in first
    assert "> EHLO me.test" in first


async def test_one_refused_recipient_of_twenty_does_not_stop_the_others() -> None:
    codes = ["550 5.1.1 no such user", "452 4.2.2 mailbox full", "451 4.3.0 try later"]
    refused = {f"r{n}@mx.test": code for n, code in zip((3, 11, 19), codes, strict=True)}
    rules = "\n".join(f"RCPT TO:<{recipient}> = {code}" for recipient, code in refused.items())
    for stepwise in ("", STEPWISE):
        async with ScriptedServer(f"{rules}\n{stepwise}") as server:
            sent, connection = await one_mail(server, *(f"r{n}@mx.test" for n in range(20)))
            await connection.quit()
        assert {name: str(answer) for name, answer in sent.answers.items()} == {
            f"r{n}@mx.test": refused.get(f"r{n}@mx.test", "250 2.0.0 queued") for n in range(20)
        }


async def test_when_nobody_is_taken_no_content_leaves_and_the_next_mail_goes() -> None:
    async with ScriptedServer("RCPT = 550 5.1.1 no ; 250 ok") as server:  # DATA is answered 354 all the same
        sent, connection = await one_mail(server)
        assert str(sent.answers["b@mx.test"]) == "550 5.1.1 no"
        assert str((await connection.send(mail())).answers["b@mx.test"]) == "250 2.0.0 queued"
        await connection.quit()
    assert server.mails == [b"", MAIL.replace(b"\r\n.", b"\r\n..")]


LOSSES = [
    ("MAIL = <drop>", False, "at MAIL"),
    ("RCPT = <reset>", False, "at RCPT"),
    ("DATA = <drop>", False, "at DATA"),
    ("DATA = 354 go / <reset>", None, "after DATA: before or after the dot, whichever came first"),
    (". = <drop>", True, "after the dot"),
    (". = <hang>", True, "no answer to the dot"),
    ("MAIL = <hang>", False, "no answer to MAIL"),
    ("DATA = <hang>", False, "no answer to DATA"),
    ("RCPT = <endless>", False, "a reply without end"),
    (". = <endless>", True, "a reply without end after the dot"),
    (". = hello there", True, "nonsense after the dot"),
    (". = 354 more", True, "a reply without meaning"),
    ("MAIL = 250 ok / 250 ok / 250 ok / 354 go / 250 ok", None, "answers to what was not asked"),
]


@pytest.mark.parametrize("rule, after_dot, because", LOSSES)
@pytest.mark.parametrize("opening", ["", STEPWISE])
async def test_a_lost_connection_is_told_apart_by_the_dot(rule: str, after_dot: bool | None, because: str, opening: str) -> None:
    async with ScriptedServer(f"{rule}\n{opening}") as server:
        sent, connection = await one_mail(server, sender=SmtpSender(timeouts=SOON))
        answer = sent.answers["b@mx.test"]
        assert isinstance(answer, Lost), because
        assert answer.cause
        assert after_dot is None or answer.after_dot is after_dot, because
        assert not connection.alive
        again = await connection.send(mail())
        assert again.answers == {"b@mx.test": Lost("the connection had ended before")}
        await connection.quit()


CLOSINGS = ["connect", "EHLO", "MAIL", "RCPT", "DATA", "."]


@pytest.mark.parametrize("at", CLOSINGS)
async def test_a_421_at_any_point_is_an_answer_and_the_end(at: str) -> None:
    async with ScriptedServer(f"{at} = 421 4.3.2 busy / <drop>") as server:
        if at in {"connect", "EHLO"}:
            found = await missing(target(server.port))
            assert str(found.reply) == "421 4.3.2 busy"
            assert not found.permanent
        else:
            sent, connection = await one_mail(server)
            assert str(sent.answers["b@mx.test"]) == "421 4.3.2 busy"
            assert not connection.alive
            await connection.quit()


async def test_a_421_while_idle_ends_the_session() -> None:
    async with ScriptedServer("MAIL = 250 ok\n. = 250 queued / 421 4.4.2 idle / <drop>") as server:
        sent, connection = await one_mail(server)
        assert str(sent.answers["b@mx.test"]) == "250 queued"
        await connection.quit()
        assert not connection.alive


DRIPS = [("MAIL", False), ("RCPT", False), ("DATA", False), (".", True)]
IN_ALL = Timeouts(dot=0.4, quit=0.1, opening=20, whole=0.4)  # `quit` is also how often the clock is looked at


@pytest.mark.parametrize("at, after_dot", DRIPS)
@pytest.mark.parametrize("opening", ["", STEPWISE])
async def test_a_server_that_drips_does_not_hold_a_connection_for_ever(at: str, after_dot: bool, opening: str) -> None:
    """It is in time for each time-out, an octet after the other."""
    async with ScriptedServer(f"{at} = <drip>\n{opening}") as server:
        sent, connection = await one_mail(server, sender=SmtpSender(timeouts=IN_ALL))
        answer = sent.answers["b@mx.test"]
        assert isinstance(answer, Lost)
        assert answer.after_dot is after_dot
        assert answer.cause.startswith("no answer at DOT" if after_dot else "the server took so long in all")
        assert not connection.alive


async def test_a_goodbye_that_drips_is_not_waited_for() -> None:
    async with ScriptedServer("QUIT = <drip>") as server:
        _, connection = await one_mail(server, sender=SmtpSender(timeouts=IN_ALL))
        await connection.quit()


async def test_each_mail_has_its_own_time() -> None:
    """A connection that is used for long is not given up for it."""
    async with ScriptedServer() as server:
        connection = await session(target(server.port), SmtpSender(timeouts=Timeouts(quit=0.1, opening=0.3, whole=20)))
        for _ in range(5):
            await asyncio.sleep(0.1)
            assert str((await connection.send(mail())).answers["b@mx.test"]) == "250 2.0.0 queued"
        await connection.quit()


@pytest.mark.parametrize("at", ["connect", "EHLO"])
async def test_an_opening_that_drips_ends_and_no_further_host_is_tried(at: str) -> None:
    async with ScriptedServer(f"{at} = <drip>") as first, ScriptedServer() as second:
        sender = SmtpSender(timeouts=Timeouts(quit=0.1, opening=0.3))
        found = await missing(target(first.port, second.port), sender)
        assert found.finding.code == "connection-lost"
        assert "took so long in all" in found.transcript
        assert second.connections == 0


BAD_OPENINGS = [
    ("connect = 554 5.7.1 listed", "greeting-refused", True),
    ("connect = 450 4.7.1 later", "greeting-refused", False),
    ("connect = <hang>", "connection-lost", False),
    ("connect = <drop>", "connection-lost", False),
    ("connect = <reset>", "connection-lost", False),
    ("connect = <endless>", "reply-too-long", False),
    ("connect = SSH-2.0-OpenSSH", "reply-malformed", False),
    ("EHLO = <hang>", "connection-lost", False),
    ("EHLO = <endless>", "reply-too-long", False),
    ("EHLO = 554 5.7.1 no", "ehlo-refused", True),
]


@pytest.mark.parametrize("rule, code, permanent", BAD_OPENINGS)
async def test_sessions_that_do_not_come_about(rule: str, code: str, permanent: bool) -> None:
    async with ScriptedServer(rule) as server:
        found = await missing(target(server.port))
    assert found.finding.code == code
    assert found.permanent is permanent
    assert (found.host, found.ip) == ("localhost", "127.0.0.1")
    assert f"connected to localhost [127.0.0.1] port {server.port}" in found.transcript


async def test_the_next_host_is_tried_and_the_transcript_tells() -> None:
    async with ScriptedServer("connect = 451 4.3.0 not now") as first, ScriptedServer() as second:
        connection = await session(target(first.port, second.port))
        assert "The server refused the connection at GREETING." in connection.transcript
        await connection.quit()


async def test_inner_addresses_are_refused_unless_it_is_the_operators_route() -> None:
    async with ScriptedServer() as server:
        found = await missing(target(server.port, name="mx.example.com", inner=False))
        assert found.finding.code == "address-refused"
        assert found.permanent
        assert server.connections == 0


async def test_no_hosts() -> None:
    assert (await missing(Target((), Tls.NONE, "me.test"))).finding.code == "no-address"


# Before the dot.


async def yes() -> bool:
    await asyncio.sleep(0)
    return True


async def no() -> bool:
    await asyncio.sleep(0)
    return False


def done(verdict: bool) -> asyncio.Future[bool]:
    future = asyncio.get_running_loop().create_future()
    future.set_result(verdict)
    return future


@pytest.mark.parametrize("how", ["plain", "future", "awaited"])
@pytest.mark.parametrize("verdict", [True, False])
async def test_the_dot_is_written_only_when_allowed(verdict: bool, how: str) -> None:
    asked: dict[str, BeforeDot] = {"plain": lambda: verdict, "future": lambda: done(verdict), "awaited": yes if verdict else no}
    async with ScriptedServer() as server:
        connection = await session(target(server.port))
        sent = await connection.send(mail(), before_dot=asked[how])
        answer = sent.answers["b@mx.test"]
        assert isinstance(answer, Reply) if verdict else answer == Lost("given up by us before the end of the mail")
        assert connection.alive is verdict
        await connection.quit()
    assert len(server.mails) == int(verdict)


@pytest.mark.parametrize("how", ["plain", "future", "awaited"])
async def test_a_failing_check_before_the_dot_is_raised_and_nothing_was_sent(how: str) -> None:
    def plain() -> bool:
        raise Conflict("the lease is gone")

    def future() -> asyncio.Future[bool]:
        failed = asyncio.get_running_loop().create_future()
        failed.set_exception(Conflict("the lease is gone"))
        return failed

    async def awaited() -> bool:
        raise Conflict("the lease is gone")

    asked: dict[str, BeforeDot] = {"plain": plain, "future": future, "awaited": awaited}
    async with ScriptedServer() as server:
        connection = await session(target(server.port))
        with pytest.raises(Conflict):
            await connection.send(mail(), before_dot=asked[how])
        assert not connection.alive
        await connection.quit()
    assert server.mails == []


async def test_an_end_right_behind_the_354_is_heard_although_nobody_waited_yet() -> None:
    """Two turns of the protocol before one of the task, while the mark is still being stored."""
    async with ScriptedServer("MAIL = <hang>") as server:
        connection, marked = await session(target(server.port)), asyncio.get_running_loop().create_future()
        sending = asyncio.create_task(connection.send(mail(), before_dot=lambda: marked))
        while not server.said[1:]:  # noqa: ASYNC110 - the server has no event for us
            await asyncio.sleep(0.01)
        connection.data_received(b"250 ok\r\n250 ok\r\n354 go\r\n")
        connection.data_received(b"421 4.3.2 closing\r\n")
        await asyncio.sleep(0)
        marked.set_result(True)
        async with asyncio.timeout(5):
            sent = await sending
        assert {str(answer) for answer in sent.answers.values()} == {"421 4.3.2 closing"}
        await connection.quit()


async def test_a_cancelled_send_closes_the_connection() -> None:
    async with ScriptedServer("MAIL = <hang>") as server:
        connection = await session(target(server.port))
        sending = asyncio.get_running_loop().create_task(connection.send(mail()))
        await asyncio.sleep(0)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        assert not connection.alive
        await connection.quit()


async def test_a_hostile_address_is_raised_and_the_connection_lives() -> None:
    async with ScriptedServer() as server:
        connection = await session(target(server.port))
        with pytest.raises(Malformed):
            await connection.send(mail("b@mx.test>\r\nRCPT TO:<c@mx.test"))
        assert isinstance((await connection.send(mail())).answers["b@mx.test"], Reply)
        await connection.quit()


@pytest.mark.parametrize("content", [b"a\n.\nb\r\n", b"a\r\n.\rb\r\n", b"a\r"])
@pytest.mark.parametrize("large", [False, True])
async def test_bare_line_ends_are_never_sent(content: bytes, large: bool) -> None:
    async with ScriptedServer() as server:
        connection = await session(target(server.port))
        sent = await connection.send(mail(content=[content], size=10**6 if large else len(content)))
        assert str(sent.answers["b@mx.test"]).startswith("554 5.6.0 Not sent")
        await connection.quit()
    assert server.mails == []


# Large mails.

CHUNK = (b"x" * 70 + b"\r\n.\r\n") * 3000


async def stream(times: int) -> AsyncIterator[bytes]:
    for _ in range(times):
        yield CHUNK


@pytest.mark.parametrize("kind", ["sequence", "whole", "stream"])
async def test_a_large_mail_arrives_as_it_was(kind: str) -> None:
    times = 20
    async with ScriptedServer() as server:
        connection = await session(target(server.port))
        content: dict[str, Sequence[bytes] | AsyncIterator[bytes]]
        content = {"sequence": [CHUNK] * times, "whole": [CHUNK * times], "stream": stream(times)}
        sent = await connection.send(mail(content=content[kind], size=len(CHUNK) * times))
        assert isinstance(sent.answers["b@mx.test"], Reply)
        assert f"<{len(CHUNK) * times} octets of mail>" in sent.transcript
        await connection.quit()
    assert server.mails[0].replace(b"\r\n..", b"\r\n.") == CHUNK * times


async def test_a_peer_that_reads_nothing_does_not_fill_the_memory() -> None:
    taken = 0

    async def source() -> AsyncIterator[bytes]:
        nonlocal taken
        while True:
            taken += 1
            yield CHUNK

    async with ScriptedServer("DATA = 354 go / <stop-reading>") as server:
        connection = await session(target(server.port), SmtpSender(timeouts=SOON))
        sent = await connection.send(mail(content=source(), size=10**9 // 200))
        assert sent.answers == {"b@mx.test": Lost("no answer at CONTENT within 0.15 s")}
        await connection.quit()
    assert taken * len(CHUNK) < 20_000_000


async def test_a_server_that_refuses_while_the_content_comes_is_heard() -> None:
    async with ScriptedServer("DATA = 354 go / 552 5.3.4 too big / <hang>") as server:
        connection = await session(target(server.port))
        sent = await connection.send(mail(content=stream(100_000), size=9_000_000))
        assert str(sent.answers["b@mx.test"]) == "552 5.3.4 too big"
        await connection.quit()


# TLS.


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def trusted(authority: trustme.CA, tmp_path: Path) -> str:
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    return str(tmp_path / "ca.pem")


def server_context(authority: trustme.CA, name: str = "localhost") -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context


async def test_opportunistic_tls_takes_any_certificate(authority: trustme.CA) -> None:
    async with ScriptedServer(TLS, context=server_context(authority, "other.test")) as server:
        connection = await session(target(server.port, tls=Tls.OPPORTUNISTIC))
        assert connection.tls.startswith("TLSv1.3 ")
        assert (connection.verified, connection.note) == (False, "")
        assert isinstance((await connection.send(mail())).answers["b@mx.test"], Reply)
        await connection.quit()
    assert server.said[:3] == ["EHLO me.test", "STARTTLS", "EHLO me.test"]


FALLBACKS = [
    (TLS + "\nSTARTTLS = 454 4.7.0 not available", "STARTTLS was refused: 454 4.7.0 not available", 1, "refused: goes on"),
    (TLS + "\nSTARTTLS = 220 go / <garbage>", "TLS failed, so this was sent without: ", 2, "no handshake: a new connection"),
    (TLS + "\nSTARTTLS = 220 go / <drop>", "TLS failed, so this was sent without: ", 2, "hangs up: a new connection"),
    (
        f"{TLS} ; <reset> ; 250 mx.test",
        "TLS failed, so this was sent without: ",
        2,
        "objects after the handshake: a new connection",
    ),
    (TLS + "\nSTARTTLS = 220 go / <hang>", "TLS failed, so this was sent without: ", 2, "says nothing: a new connection"),
]


@pytest.mark.parametrize("script, note, connections, because", FALLBACKS)
async def test_opportunistic_tls_falls_back_and_says_so(
    authority: trustme.CA, script: str, note: str, connections: int, because: str
) -> None:
    async with ScriptedServer(script, context=server_context(authority)) as server:
        sender = SmtpSender(timeouts=replace(SOON, tls=0.15))
        connection = await session(target(server.port, tls=Tls.OPPORTUNISTIC), sender)
        assert connection.note.startswith(note), because
        assert (connection.tls, connection.verified) == ("", None)
        assert note in (await connection.send(mail())).transcript or connections == 1
        await connection.quit()
    assert server.connections == connections, because


FAILS = TLS + "\nSTARTTLS = 220 go / <garbage>"
MENDED = TLS + "\nSTARTTLS = 220 go / <garbage> ; 220 go / <tls>"


async def twice(server: ScriptedServer, plain: PlainHosts) -> list[Connection]:
    sender = SmtpSender(timeouts=SOON, plain=plain)
    connections = []
    for _ in range(2):
        connections.append(await session(target(server.port, tls=Tls.OPPORTUNISTIC), sender))
        await connections[-1].send(mail())
        await connections[-1].quit()
    return connections


async def test_a_host_whose_tls_failed_is_not_asked_again_at_once(authority: trustme.CA) -> None:
    async with ScriptedServer(FAILS, context=server_context(authority)) as server:
        first, second = await twice(server, PlainHosts())
    assert first.note.startswith("TLS failed, so")
    assert second.note == first.note.replace("TLS failed, so", "TLS failed here a short time ago, so")
    assert server.said.count("STARTTLS") == 1
    assert server.connections == 3
    assert len(server.mails) == 2


async def test_after_a_while_it_is_asked_again(authority: trustme.CA) -> None:
    async with ScriptedServer(MENDED, context=server_context(authority)) as server:
        first, second = await twice(server, PlainHosts(seconds=0))
    assert (bool(first.tls), bool(second.tls)) == (False, True)


async def test_who_requires_tls_does_not_hear_of_it(authority: trustme.CA) -> None:
    plain = PlainHosts()
    async with ScriptedServer(MENDED, context=server_context(authority)) as server:
        connection = await session(target(server.port, tls=Tls.OPPORTUNISTIC), SmtpSender(timeouts=SOON, plain=plain))
        await connection.quit()
        found = await missing(target(server.port, tls=Tls.STARTTLS), SmtpSender(timeouts=SOON, plain=plain))
    assert found.finding.code == "tls-failed"
    assert server.mails == []


async def test_a_host_that_fails_without_tls_too_is_given_tls_again(authority: trustme.CA) -> None:
    script = MENDED + "\nconnect = 220 mx.test ; 220 mx.test ; 421 4.3.2 not now ; 220 mx.test"
    async with ScriptedServer(script, context=server_context(authority)) as server:
        sender = SmtpSender(timeouts=SOON)
        at = target(server.port, tls=Tls.OPPORTUNISTIC)
        await (await session(at, sender)).quit()
        await missing(at, sender)
        connection = await session(at, sender)
        assert connection.tls
        await connection.quit()


def test_only_so_many_plain_hosts_are_remembered() -> None:
    plain = PlainHosts(seconds=10, most=2)
    one, two, three = (HostAddress("mx.test", f"192.0.2.{n}", 25) for n in (1, 2, 3))
    for now, address in enumerate((one, two, one, three)):
        plain.remember(address, "why", now)
    assert [plain.cause(address, 5) for address in (one, two, three)] == ["why", "", "why"]
    assert [plain.cause(address, 12) for address in (one, two, three)] == ["", "", "why"]


@pytest.mark.parametrize("script, note, connections, because", FALLBACKS)
async def test_required_tls_never_falls_back(
    authority: trustme.CA, trusted: str, script: str, note: str, connections: int, because: str
) -> None:
    async with ScriptedServer(script, context=server_context(authority)) as server:
        found = await missing(target(server.port, tls=Tls.STARTTLS), SmtpSender(timeouts=SHORT, ca_file=trusted))
        assert found.finding.code in {"tls-refused", "tls-failed", "connection-lost"}, because
        assert not found.permanent
    assert server.connections == 1
    assert server.mails == []


CERTIFICATES = [
    ("localhost", True, None, "its own name"),
    ("other.test", True, "tls-failed", "another's name"),
    ("localhost", False, "tls-failed", "an authority that nobody trusts"),
]


@pytest.mark.parametrize("name, trust, code, because", CERTIFICATES)
@pytest.mark.parametrize("tls", [Tls.STARTTLS, Tls.IMPLICIT])
async def test_certificates_are_checked_where_tls_is_required(
    authority: trustme.CA, trusted: str, name: str, trust: bool, code: str | None, because: str, tls: Tls
) -> None:
    context = server_context(authority, name)
    async with ScriptedServer(TLS, context=context, at_once=tls is Tls.IMPLICIT) as server:
        sender = SmtpSender(timeouts=Timeouts(quit=1), ca_file=trusted if trust else None)
        found = await sender.open(target(server.port, tls=tls))
        if code is None:
            assert isinstance(found, Connection), because
            assert found.verified
            assert "certificate checked" in found.transcript
            assert isinstance((await found.send(mail())).answers["b@mx.test"], Reply)
            await found.quit()
        else:
            assert isinstance(found, Unreachable)
            assert found.finding.code == code, because
            assert not found.permanent
            assert server.mails == []


async def test_sessions_are_resumed(authority: trustme.CA, trusted: str) -> None:
    sender = SmtpSender(timeouts=Timeouts(quit=1), ca_file=trusted)
    async with ScriptedServer(TLS, context=server_context(authority)) as server:
        transcripts = []
        for _ in range(3):
            connection = await session(target(server.port, tls=Tls.STARTTLS), sender)
            transcripts.append(connection.transcript)
            await connection.quit()
    assert ["session resumed" in text for text in transcripts] == [False, True, True]


async def test_the_password_goes_under_tls_only_and_is_never_told(authority: trustme.CA, trusted: str) -> None:
    script = "EHLO = 250-mx.test / 250-STARTTLS / 250 AUTH PLAIN\nAUTH = 535 5.7.8 geheim is wrong"
    login = Login("user", "geheim")
    async with ScriptedServer(script, context=server_context(authority)) as server:
        sender = SmtpSender(timeouts=Timeouts(quit=1), ca_file=trusted)
        refused = await missing(target(server.port, server.port, tls=Tls.STARTTLS, login=login), sender)
        assert refused.finding.code == "login-refused"
        assert refused.permanent
        assert "geheim" not in repr(refused)
        assert "AHVzZXIAZ2VoZWlt" not in repr(refused)
        assert server.connections == 1  # a wrong password is not tried again elsewhere
        assert (await missing(target(server.port, login=login), sender)).finding.code == "login-in-clear"
    assert sum(line.startswith("AUTH") for line in server.said) == 1


# Real peers.


class Keeper:
    """An aiosmtpd handler that keeps what it is given."""

    def __init__(self) -> None:
        self.kept: list[tuple[str | None, list[str], bytes]] = []

    async def handle_DATA(self, _server: SMTP, _session: object, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        self.kept.append((envelope.mail_from, envelope.rcpt_tos, envelope.original_content or b""))
        return "250 2.0.0 kept"


async def test_aiosmtpd_with_tls_and_login(authority: trustme.CA, trusted: str) -> None:
    keeper = Keeper()
    context = server_context(authority)

    def peer() -> SMTP:
        return SMTP(
            keeper,
            tls_context=context,
            require_starttls=True,
            auth_required=True,
            authenticator=lambda *_: AuthResult(success=True),
            enable_SMTPUTF8=True,
            loop=loop,
        )

    loop = asyncio.get_running_loop()
    server = await loop.create_server(peer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    sender = SmtpSender(timeouts=Timeouts(quit=1), ca_file=trusted)
    connection = await session(target(port, tls=Tls.STARTTLS, login=Login("user", "geheim")), sender)
    for recipients in (["b@mx.test"], ["c@mx.test", "grüße@mx.test"]):
        sent = await connection.send(mail(*recipients))
        assert {str(answer) for answer in sent.answers.values()} == {"250 2.0.0 kept"}
    await connection.quit()
    server.close()
    assert keeper.kept == [("a@me.test", ["b@mx.test"], MAIL), ("a@me.test", ["c@mx.test", "grüße@mx.test"], MAIL)]


@pytest.mark.skipif(
    not shutil.which("smtp-sink", path="/usr/sbin:/usr/bin"), reason="smtp-sink is not installed: apt install postfix"
)
@pytest.mark.parametrize("options", [[], ["-p"], ["-8"], ["-e"]], ids=["all", "no-pipelining", "no-8bitmime", "no-ehlo"])
async def test_smtp_sink(options: list[str], unused_tcp_port: int) -> None:
    sink = shutil.which("smtp-sink", path="/usr/sbin:/usr/bin")
    assert sink
    process = await asyncio.create_subprocess_exec(
        sink, "-u", "nobody", *options, f"127.0.0.1:{unused_tcp_port}", "100", stderr=asyncio.subprocess.DEVNULL
    )
    try:
        found: Connection | Unreachable | None = None
        while not isinstance(found, Connection):
            found = await SmtpSender().open(target(unused_tcp_port, tls=Tls.OPPORTUNISTIC))
        for _ in range(50):
            assert str((await found.send(mail("b@mx.test", "c@mx.test"))).answers["c@mx.test"]).startswith("250 2.0.0")
        large = await found.send(mail(content=stream(20), size=20 * len(CHUNK)))
        assert str(large.answers["b@mx.test"]).startswith("250 2.0.0")
        await found.quit()
    finally:
        process.terminate()
        await process.wait()
