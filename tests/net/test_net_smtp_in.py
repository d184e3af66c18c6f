"""The SMTP listener against real clients over real sockets."""

import asyncio
import hashlib
import logging
import shutil
import smtplib
import socket
import ssl
import time
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import aiosmtplib
import pytest
import uvloop

from mailwright.net.logins import FailedLogins
from mailwright.net.smtp_door import Envelope, Session, Spooled
from mailwright.net.smtp_in import Listener
from mailwright.net.smtp_in_service import Rules
from mailwright.net.tls import make_self_signed, server_context
from mailwright.smtp.commands import MailFrom
from mailwright.smtp.server_events import Limits, Setup
from mailwright.values import Address, Domain, NoRoom, Reply, Unavailable

KEPT = Reply.of(250, "2.0.0", "kept")
HOST = Domain("mx.example.net")
MAIL = b"Subject: hello\r\n\r\ntext\r\n"


@dataclass
class Shelf:
    """A Spooled that keeps a digest; it waits for `gate` before each write."""

    gate: asyncio.Event
    digest: "hashlib._Hash" = field(default_factory=hashlib.sha256)
    largest: int = 0
    size: int = 0
    aborted: bool = False

    async def write(self, chunk: bytes) -> None:
        await self.gate.wait()
        self.digest.update(chunk)
        self.size += len(chunk)
        self.largest = max(self.largest, len(chunk))

    async def abort(self) -> None:
        self.aborted = True


@dataclass
class Desk:
    """A door that keeps mails in a list."""

    insider: str | None = "127.0.0.1"
    answer: Callable[[], Reply | Awaitable[Reply]] = lambda: KEPT
    bad_login: Callable[[], object] = lambda: None
    mails: list[tuple[Envelope, bytes | Spooled]] = field(default_factory=list)
    shelves: list[Shelf] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    def trusted(self, peer_ip: str) -> object | None:
        return "insider" if peer_ip == self.insider else None

    async def login(self, peer_ip: str, mechanism: str, username: str, password: str) -> object:
        await asyncio.sleep(0)
        return f"{username} by {mechanism}" if password == "secret" else self.bad_login()

    def mail(self, session: Session, mail_from: MailFrom) -> Reply | None:
        return None

    async def recipient(self, session: Session, address: Address) -> Reply | None:
        await asyncio.sleep(0)
        return Reply.of(550, "5.1.1", "nobody here") if address.local == "nobody" else None

    def spool(self, session: Session) -> Spooled:
        self.shelves.append(Shelf(self.gate))
        return self.shelves[-1]

    def submit(self, envelope: Envelope, content: bytes | Spooled) -> Reply | Awaitable[Reply]:
        self.mails.append((envelope, content))
        self.arrived.set()
        return self.answer()


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


class Place:
    """Listeners of one test; closed at its end."""

    def __init__(self, certificate: ssl.SSLContext) -> None:
        self.certificate = certificate
        self.listeners: list[Listener] = []

    async def __aenter__(self) -> "Place":
        return self

    async def __aexit__(self, *_: object) -> None:
        for listener in self.listeners:
            await listener.close(grace=1)

    async def open(
        self,
        desk: Desk,
        *,
        implicit: bool = False,
        tls: bool = True,
        limits: Limits | None = None,
        rules: Rules | None = None,
        clock: Clock | None = None,
    ) -> int:
        listener = Listener(
            desk,
            Setup(HOST, limits or Limits()),
            context=self.certificate if tls else None,
            implicit_tls=implicit,
            rules=rules,
            clock=clock,
        )
        await listener.open("127.0.0.1", 0)
        self.listeners.append(listener)
        return listener.addresses[0][1]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    return server_context(
        *make_self_signed("localhost", tmp_path_factory.mktemp("tls"), now=datetime.fromtimestamp(time.time(), UTC))
    )


@pytest.fixture
async def place(certificate: ssl.SSLContext) -> AsyncIterator[Place]:
    async with Place(certificate) as place:
        yield place


def unverified() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


async def until(true: Callable[[], bool]) -> None:
    """Let the loop run until something is so; pytest's own time-out ends it otherwise."""
    while not true():  # noqa: ASYNC110 - what is waited for has no event of its own
        await asyncio.sleep(0.001)


class Raw:
    """A client that says what it likes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @staticmethod
    async def connect(port: int) -> "Raw":
        return Raw(*await asyncio.open_connection("127.0.0.1", port))

    async def __aenter__(self) -> "Raw":
        return self

    async def __aexit__(self, *_: object) -> None:
        self.writer.close()
        try:
            await self.writer.wait_closed()
        except OSError:
            return

    async def reply(self) -> str:
        lines = [await self.reader.readline()]
        while lines[-1][3:4] == b"-":
            lines.append(await self.reader.readline())
        return b"".join(lines).decode()

    async def say(self, data: bytes) -> str:
        self.writer.write(data)
        return await self.reply()

    async def begin_data(self) -> None:
        await self.reply()
        self.writer.write(b"EHLO a\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n")
        said = [await self.reply() for _ in range(4)]
        assert said[-1].startswith("354"), said

    async def to_the_end(self) -> str:
        return (await self.reader.read()).decode()


# --- clients as they are ---


def by_smtplib(port: int, implicit: bool, mechanism: str) -> None:
    client: smtplib.SMTP = (
        smtplib.SMTP_SSL("127.0.0.1", port, context=unverified()) if implicit else smtplib.SMTP("127.0.0.1", port)
    )
    with client:
        if not implicit:
            client.starttls(context=unverified())
        client.ehlo("app.example.com")
        client.user, client.password = "acme", "secret"
        client.auth(mechanism, getattr(client, f"auth_{mechanism.lower()}"))
        refused = client.sendmail("a@app.example.com", ["b@example.org", "nobody@example.org"], MAIL)
        assert list(refused) == ["nobody@example.org"]


async def by_aiosmtplib(port: int, implicit: bool, mechanism: str) -> None:
    client = aiosmtplib.SMTP(hostname="127.0.0.1", port=port, use_tls=implicit, start_tls=not implicit, validate_certs=False)
    async with client:
        await client.ehlo()
        await (client.auth_plain if mechanism == "PLAIN" else client.auth_login)("acme", "secret")
        refused, _ = await client.sendmail("a@app.example.com", ["b@example.org", "nobody@example.org"], MAIL)
        assert list(refused) == ["nobody@example.org"]


async def by_swaks(port: int, implicit: bool, mechanism: str) -> None:
    if shutil.which("swaks") is None:
        pytest.skip("swaks is not installed: apt-get install swaks libnet-ssleay-perl")
    program = await asyncio.create_subprocess_exec(
        *(
            "swaks",
            "--server",
            "127.0.0.1",
            "--port",
            str(port),
            "--tls-on-connect" if implicit else "--tls",
            "--auth",
            mechanism,
        ),
        *(
            "--auth-user",
            "acme",
            "--auth-password",
            "secret",
            "--from",
            "a@app.example.com",
            "--to",
            "b@example.org,nobody@example.org",
        ),
        *("--helo", "app.example.com"),
        *("--data", "Subject: hello\\n\\ntext"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    told, _ = await program.communicate()
    assert b"250 2.0.0 kept" in told, told.decode()


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
@pytest.mark.parametrize("implicit", [False, True], ids=["STARTTLS", "implicit TLS"])
@pytest.mark.parametrize("client", ["smtplib", "aiosmtplib", "swaks"])
async def test_clients(place: Place, client: str, implicit: bool, mechanism: str) -> None:
    desk = Desk(insider=None)
    port = await place.open(desk, implicit=implicit)
    match client:
        case "smtplib":
            await asyncio.to_thread(by_smtplib, port, implicit, mechanism)
        case "aiosmtplib":
            await by_aiosmtplib(port, implicit, mechanism)
        case _:
            await by_swaks(port, implicit, mechanism)
    ((envelope, content),) = desk.mails
    assert envelope.identity == f"acme by {mechanism}"
    assert envelope.protocol == "ESMTPSA"
    assert envelope.tls is not None
    assert envelope.tls.version == "TLSv1.3"
    assert str(envelope.mail_from) == "a@app.example.com"
    assert [str(one) for one in envelope.recipients] == ["b@example.org"]
    assert isinstance(content, bytes)
    assert content.startswith(b"Subject: hello\r\n\r\ntext\r\n")


async def test_many_mails_over_one_connection(place: Place) -> None:
    desk = Desk()
    port = await place.open(desk, tls=False)
    async with aiosmtplib.SMTP(hostname="127.0.0.1", port=port, start_tls=False) as client:
        for _ in range(20):
            await client.sendmail("a@app.example.com", ["b@example.org"], MAIL)
    assert [content for _, content in desk.mails] == [MAIL] * 20
    assert {envelope.protocol for envelope, _ in desk.mails} == {"ESMTP"}


# --- what attackers try ---

SMUGGLED = [b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r.\r\n", b"\r\n.\r", b"\r.\n", b"\n.\r", b"\r\n\0.\r\n"]


@pytest.mark.parametrize("end", SMUGGLED, ids=repr)
async def test_a_smuggled_mail_is_never_heard(place: Place, end: bytes) -> None:
    """The whole is refused at its true end, and the session ends before what follows is read."""
    desk = Desk()
    async with await Raw.connect(await place.open(desk)) as client:
        await client.begin_data()
        hidden = b"MAIL FROM:<evil@b.example>\r\nRCPT TO:<victim@d.example>\r\nDATA\r\nhidden\r\n.\r\n"
        client.writer.write(b"Subject: x\r\n\r\ntext" + end + hidden + b"MAIL FROM:<next@b.example>\r\n")
        said = await client.to_the_end()
    assert [line[:9] for line in said.splitlines()] == ["550 5.6.0", "421 4.7.0"]
    assert desk.mails == []


async def test_plaintext_behind_starttls_ends_the_session(place: Place) -> None:
    """CVE-2011-0411: in the same packet."""
    async with await Raw.connect(await place.open(Desk())) as client:
        await client.reply()
        await client.say(b"EHLO a\r\n")
        client.writer.write(b"STARTTLS\r\nMAIL FROM:<evil@b.example>\r\n")
        assert (await client.to_the_end()).startswith("421 4.7.0 Something came after STARTTLS")


async def test_plaintext_instead_of_the_handshake_is_never_heard(place: Place) -> None:
    """CVE-2011-0411: in the next packet, where it can only spoil the handshake."""
    desk = Desk()
    async with await Raw.connect(await place.open(desk)) as client:
        await client.reply()
        await client.say(b"EHLO a\r\n")
        assert (await client.say(b"STARTTLS\r\n")).startswith("220")
        client.writer.write(b"MAIL FROM:<evil@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n")
        try:
            rest = await client.reader.read()
        except ConnectionResetError:
            rest = b""
    assert b"250" not in rest
    assert b"354" not in rest
    await until(lambda: not place.listeners[0].connections)
    assert desk.mails == []


async def test_a_client_that_leaves_during_the_handshake_is_counted_out(place: Place) -> None:
    async with await Raw.connect(await place.open(Desk())) as client:
        await client.reply()
        await client.say(b"EHLO a\r\n")
        await client.say(b"STARTTLS\r\n")
    await until(lambda: not place.listeners[0].connections)


async def test_what_was_said_before_tls_is_forgotten(place: Place) -> None:
    async with await Raw.connect(await place.open(Desk())) as client:
        await client.reply()
        await client.say(b"EHLO a\r\n")
        await client.say(b"STARTTLS\r\n")
        await client.writer.start_tls(unverified())
        assert (await client.say(b"MAIL FROM:<a@b.example>\r\n")).startswith("503 5.5.1 Say EHLO first")
        assert "AUTH PLAIN LOGIN" in await client.say(b"EHLO a\r\n")


async def test_guessing_passwords_gets_nowhere(place: Place) -> None:
    """After ten failures the address is not heard, not even with the right password."""
    port = await place.open(Desk(insider=None), implicit=True)
    for code, password in [(535, "wrong")] * 10 + [(421, "secret")]:
        client = aiosmtplib.SMTP(hostname="127.0.0.1", port=port, use_tls=True, validate_certs=False)
        await client.connect()
        await client.ehlo()
        with pytest.raises(aiosmtplib.SMTPAuthenticationError) as refused:
            await client.auth_plain("acme", password)
        assert (refused.value.code, "Too many logins" in refused.value.message) == (code, code == 421)
        client.close()


# --- the door fails ---


def gone() -> Reply:
    raise Unavailable("disk /var/secret is broken", "Look into it.")


def full() -> Reply:
    raise NoRoom("disk /var/secret is full", "Make room.")


def broken() -> Reply:
    raise RuntimeError("token 12345 in module x")


@pytest.mark.parametrize(
    "answer, said, logged",
    [
        (gone, "451 4.3.0 The mail store does not answer", "the store does not answer: disk /var/secret is broken"),
        (full, "452 4.3.1 The disk of this mail server is full", "no room for mail: disk /var/secret is full"),
        (broken, "451 4.3.0 Something went wrong on this server", "token 12345"),
    ],
)
async def test_a_failing_store_is_a_4xx(
    place: Place, caplog: pytest.LogCaptureFixture, answer: Callable[[], Reply], said: str, logged: str
) -> None:
    """The client tries again later; the log has the cause, the wire has not."""
    desk = Desk(answer=answer)
    async with await Raw.connect(await place.open(desk)) as client:
        await client.begin_data()
        with caplog.at_level(logging.WARNING):
            reply = await client.say(MAIL + b".\r\n")
        assert reply.startswith(said)
        assert (await client.say(b"NOOP\r\n")).startswith("250")
    assert logged in caplog.text


@pytest.mark.parametrize("answer", [gone, full])
async def test_logins_that_cannot_be_checked_are_a_4xx(place: Place, answer: Callable[[], Reply]) -> None:
    port = await place.open(Desk(insider=None, bad_login=answer), implicit=True)
    async with aiosmtplib.SMTP(hostname="127.0.0.1", port=port, use_tls=True, validate_certs=False) as client:
        await client.ehlo()
        with pytest.raises(aiosmtplib.SMTPAuthenticationError) as refused:
            await client.auth_plain("acme", "wrong")
    assert (refused.value.code, refused.value.message[:5]) == (454, "4.7.0")


# --- large mails ---


def upload(port: int, content: bytes) -> bytes:
    """One large mail from a thread; the last reply."""
    with socket.create_connection(("127.0.0.1", port)) as sock, sock.makefile("rb") as replies:
        replies.readline()
        for line in (b"HELO a", b"MAIL FROM:<a@b.example>", b"RCPT TO:<c@d.example>", b"DATA"):
            sock.sendall(line + b"\r\n")
            replies.readline()
        sock.sendall(content)
        sock.sendall(b".\r\n")
        return replies.readline()


async def uploads(place: Place, count: int, megabytes: int) -> int:
    """Many large mails at once through a door that waits; the most memory that Python held meanwhile, in octets."""
    content = b"\r\n" + (b"x" * 98 + b"\r\n") * (10_000 * megabytes)
    desk = Desk()
    port = await place.open(desk)
    loop = asyncio.get_running_loop()
    tracemalloc.start()
    try:
        with ThreadPoolExecutor(count) as threads:
            clients = [loop.run_in_executor(threads, upload, port, content) for _ in range(count)]
            await until(lambda: len(desk.shelves) == count)  # all of them are held up at their first chunk
            desk.gate.set()
            replies = await asyncio.gather(*clients)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert replies == [b"250 2.0.0 kept\r\n"] * count
    expected = hashlib.sha256(content).digest()
    for envelope, shelf in desk.mails:
        assert isinstance(shelf, Shelf)
        assert (shelf.digest.digest(), shelf.largest, envelope.size) == (expected, 256 * 1024, len(content))
    return peak


async def test_large_mails_do_not_fill_the_memory(place: Place) -> None:
    assert await uploads(place, count=4, megabytes=4) < 8 * (1 << 20)


@pytest.mark.slow
async def test_twenty_large_mails_do_not_fill_the_memory(place: Place) -> None:
    assert await uploads(place, count=20, megabytes=25) < 40 * (1 << 20)


async def test_a_client_that_leaves_in_the_middle_leaves_nothing(place: Place) -> None:
    desk = Desk()
    desk.gate.set()
    port = await place.open(desk, limits=Limits(chunk=1000))
    async with await Raw.connect(port) as client:
        await client.begin_data()
        client.writer.write(b"x\r\n" * 1000)
        await until(lambda: any(shelf.size for shelf in desk.shelves))
    await place.listeners[0].close(grace=5)
    assert desk.mails == []
    assert desk.shelves[0].aborted


async def test_too_big_is_said_before_and_after(place: Place) -> None:
    port = await place.open(Desk(), limits=Limits(size=1000))
    async with await Raw.connect(port) as client:
        await client.reply()
        await client.say(b"EHLO a\r\n")
        assert (await client.say(b"MAIL FROM:<a@b.example> SIZE=1001\r\n")).startswith("552 5.3.4")
    async with await Raw.connect(port) as client:
        await client.begin_data()
        assert (await client.say(b"x" * 1000 + b"\r\n.\r\n")).startswith("552 5.3.4")
        assert (await client.say(b"NOOP\r\n")).startswith("250")


# --- the pace ---


async def test_a_client_that_does_not_read_is_not_read(place: Place) -> None:
    """Replies back up, reading stops, and nothing is lost when the client reads at last."""
    port = await place.open(Desk(), limits=Limits(idle_commands=10**9))
    async with await Raw.connect(port) as client:
        count = 100_000
        client.writer.write(b"NOOP\r\n" * count)
        client.writer.write(b"QUIT\r\n")
        assert (await client.to_the_end()).count("250 2.0.0") == count


SLOW = [
    ("nothing at all", [], 121.0, "421 4.7.0"),
    ("a login that never comes", [b"EHLO a\r\n"], 121.0, "421 4.7.0"),
]


@pytest.mark.parametrize("name, lines, later, said", SLOW)
async def test_whoever_does_not_log_in_must_go(place: Place, name: str, lines: list[bytes], later: float, said: str) -> None:
    clock = Clock()
    async with await Raw.connect(await place.open(Desk(insider=None), clock=clock)) as client:
        await client.reply()
        for line in lines:
            await client.say(line)
        clock.now = later
        place.listeners[0].sweep()
        assert (await client.to_the_end()).startswith(said), name


async def test_no_command_for_five_minutes(place: Place) -> None:
    clock = Clock()
    async with await Raw.connect(await place.open(Desk(), clock=clock)) as client:
        await client.reply()
        clock.now = 299.0
        place.listeners[0].sweep()
        assert (await client.say(b"EHLO a\r\n")).startswith("250")
        clock.now = 299.0 + 301.0
        place.listeners[0].sweep()
        assert (await client.to_the_end()).startswith("421 4.4.2")


async def test_content_that_trickles_is_given_up(place: Place) -> None:
    """Each octet in time, and yet too slow all in all."""
    clock, desk = Clock(), Desk()
    desk.gate.set()
    port = await place.open(desk, clock=clock, limits=Limits(chunk=1))
    async with await Raw.connect(port) as client:
        await client.begin_data()
        for count in (1, 2):
            clock.now += 100.0
            client.writer.write(b"xx")
            await until(lambda: sum(shelf.size for shelf in desk.shelves) >= 2 * count - 1)  # noqa: B023 - used at once
            place.listeners[0].sweep()
        assert (await client.to_the_end()).startswith("421 4.4.2")
    assert desk.mails == []


async def test_too_many_connections_from_one_address(place: Place) -> None:
    port = await place.open(Desk(), rules=Rules(per_address=2))
    async with await Raw.connect(port) as first, await Raw.connect(port) as second:
        assert (await first.reply())[:3] + (await second.reply())[:3] == "220220"
        async with await Raw.connect(port) as third:
            assert (await third.to_the_end()).startswith("421 4.7.0 Too many connections from your address")
    await until(lambda: not place.listeners[0].connections)
    async with await Raw.connect(port) as fourth:
        assert (await fourth.reply()).startswith("220")


async def turned_away(client: Raw) -> bool:
    """Whether the connection ends without a word."""
    try:
        return await client.reader.read() == b""
    except ConnectionResetError:
        return True


async def test_half_open_tls_counts_and_ends(place: Place) -> None:
    """Whoever opens connections with implicit TLS and ends no handshake has no more of them than others, and not for long."""
    clock, hello = Clock(), b"\x16\x03\x01\x02\x00\x01"  # the first octets of a ClientHello
    port = await place.open(Desk(insider=None), implicit=True, rules=Rules(per_address=3, handshake=30.0), clock=clock)
    listener = place.listeners[0]
    async with await Raw.connect(port) as silent, await Raw.connect(port) as slow, await Raw.connect(port) as third:
        await until(lambda: listener.connections == 3)
        for n in range(20):
            async with await Raw.connect(port) as further:
                further.writer.write(hello[: n % 6])
                assert await turned_away(further)
        await until(lambda: listener.connections == 3)
        for octet in hello:
            slow.writer.write(bytes([octet]))
            clock.now += 4.9
            listener.sweep()
        assert listener.connections == 3
        clock.now = 30.1
        listener.sweep()
        assert [await turned_away(client) for client in (silent, slow, third)] == [True] * 3
    await until(lambda: not listener.connections)
    async with aiosmtplib.SMTP(hostname="127.0.0.1", port=port, use_tls=True, validate_certs=False) as client:
        assert (await client.noop()).code == 250


async def test_a_handshake_has_its_own_time_out(place: Place) -> None:
    port = await place.open(Desk(), implicit=True, rules=Rules(handshake=0.1, tick=100))
    async with await Raw.connect(port) as client:
        assert await turned_away(client)
    await until(lambda: not place.listeners[0].connections)


async def test_half_open_tls_counts_among_all(place: Place) -> None:
    port = await place.open(Desk(), implicit=True, rules=Rules(connections=1))
    async with await Raw.connect(port), await Raw.connect(port) as second:
        assert await turned_away(second)


async def test_shutdown_during_an_implicit_handshake(place: Place) -> None:
    port = await place.open(Desk(), implicit=True)
    async with await Raw.connect(port) as client:
        await until(lambda: place.listeners[0].connections == 1)
        await place.listeners[0].close(grace=30)
        assert await turned_away(client)


async def test_too_many_connections_at_all(place: Place) -> None:
    port = await place.open(Desk(), rules=Rules(connections=1))
    async with await Raw.connect(port) as first:
        await first.reply()
        async with await Raw.connect(port) as second:
            assert (await second.to_the_end()).startswith("421 4.3.2")


# --- the end ---


async def test_shutdown_lets_a_mail_on_its_way_end(place: Place) -> None:
    """RFC 5321 §3.8: the idle are told to come back, the busy finish first."""
    desk = Desk()
    port = await place.open(desk)
    async with await Raw.connect(port) as idle, await Raw.connect(port) as busy:
        await idle.reply()
        await busy.begin_data()
        closing = asyncio.create_task(place.listeners[0].close(grace=30))
        assert (await idle.to_the_end()).startswith("421 4.3.2")
        busy.writer.write(MAIL + b".\r\n")
        said = await busy.to_the_end()
    await closing
    assert [line[:9] for line in said.splitlines()] == ["250 2.0.0", "421 4.3.2"]
    assert len(desk.mails) == 1


async def test_a_large_mail_in_chunks(place: Place) -> None:
    """RFC 3030, all at once; what is larger than a chunk of ours goes to the door while it comes."""
    desk, piece = Desk(), MAIL * 2000
    desk.gate.set()
    async with await Raw.connect(await place.open(desk, limits=Limits(chunk=10_000))) as client:
        await client.reply()
        chunks = b"".join(b"BDAT %d%s\r\n%s" % (len(piece), b" LAST" * last, piece) for last in (0, 0, 1))
        client.writer.write(b"EHLO a\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\n" + chunks)
        said = [(await client.reply())[:3] for _ in range(6)]
        assert said == ["250"] * 6
    (envelope, shelf), *more = desk.mails
    assert more == []
    assert envelope.size == 3 * len(piece)
    assert shelf is desk.shelves[0]
    assert desk.shelves[0].digest.digest() == hashlib.sha256(piece * 3).digest()


@pytest.mark.parametrize("chunk", [b"BDAT 1\r\nx", b"BDAT 0\r\n"])
async def test_chunks_that_trickle_are_given_up(place: Place, chunk: bytes) -> None:
    """The replies to chunks give a mail no more time than it has after DATA."""
    clock, desk = Clock(), Desk()
    async with await Raw.connect(await place.open(desk, clock=clock)) as client:
        await client.reply()
        client.writer.write(b"EHLO a\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\n")
        for _ in range(3):
            await client.reply()
        said = [await client.say(chunk)]
        while said[-1].startswith("250"):
            clock.now += 50
            place.listeners[0].sweep()
            said.append(await client.say(chunk))
    assert said[-1].startswith("421 4.4.2")
    assert clock.now < 300


@pytest.mark.parametrize("implicit", [False, True])
async def test_whose_mail_is_still_coming_when_the_grace_ends_is_told(place: Place, implicit: bool) -> None:
    """RFC 5321 §3.8."""
    desk = Desk()
    port = await place.open(desk, implicit=implicit, rules=Rules(linger=5))
    context = unverified() if implicit else None
    async with Raw(*await asyncio.open_connection("127.0.0.1", port, ssl=context)) as client:
        await client.begin_data()
        client.writer.write(MAIL)
        closing = asyncio.create_task(place.listeners[0].close(grace=0.1))
        assert (await client.reply()).startswith("421 4.3.2")
        client.writer.write(MAIL + b".\r\n")
    await asyncio.wait_for(closing, 3)
    assert desk.mails == []


async def test_what_was_put_away_of_a_mail_that_was_cut_off_is_thrown_away(place: Place) -> None:
    """Also where it was just being written."""
    desk = Desk()
    async with await Raw.connect(await place.open(desk, limits=Limits(chunk=10))) as client:
        await client.begin_data()
        client.writer.write(MAIL)
        await until(lambda: bool(desk.shelves))
        closing = asyncio.create_task(place.listeners[0].close(grace=0.1))
        assert (await client.to_the_end()).startswith("421 4.3.2")
        assert not desk.shelves[0].aborted
        desk.gate.set()
        await until(lambda: desk.shelves[0].aborted)
    await closing
    assert desk.mails == []


async def test_shutdown_waits_for_a_slow_store(place: Place) -> None:
    promise: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
    desk = Desk(answer=lambda: promise)
    async with await Raw.connect(await place.open(desk)) as client:
        await client.begin_data()
        client.writer.write(MAIL + b".\r\n")
        await desk.arrived.wait()
        closing = asyncio.create_task(place.listeners[0].close(grace=30))
        await asyncio.sleep(0)
        promise.set_result(KEPT)
        assert [line[:9] for line in (await client.to_the_end()).splitlines()] == ["250 2.0.0", "421 4.3.2"]
    await closing


async def test_shutdown_during_a_handshake(place: Place) -> None:
    """Nothing in the clear is written between TLS records, and nobody waits for the client."""
    async with await Raw.connect(await place.open(Desk())) as client:
        await client.reply()
        await client.say(b"EHLO a\r\n")
        await client.say(b"STARTTLS\r\n")
        await place.listeners[0].close(grace=30)
        try:
            assert await client.to_the_end() == ""
        except ConnectionResetError:
            pass


async def test_a_store_that_answers_after_the_client_left_harms_nobody(place: Place) -> None:
    promise: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
    desk = Desk(answer=lambda: promise)
    async with await Raw.connect(await place.open(desk)) as client:
        await client.begin_data()
        client.writer.write(MAIL + b".\r\n")
        await desk.arrived.wait()
    await until(lambda: not place.listeners[0].connections)
    promise.set_result(KEPT)
    await asyncio.sleep(0)
    assert len(desk.mails) == 1


async def every_client(place: Place) -> None:
    for implicit in (False, True):
        for mechanism in ("PLAIN", "LOGIN"):
            for client in ("smtplib", "aiosmtplib", "swaks"):
                await test_clients(place, client, implicit, mechanism)


ON_UVLOOP = [  # what serves in production differs from asyncio where TLS begins, where reading pauses and where a session ends
    every_client,
    test_a_client_that_leaves_during_the_handshake_is_counted_out,
    test_plaintext_behind_starttls_ends_the_session,
    test_plaintext_instead_of_the_handshake_is_never_heard,
    test_what_was_said_before_tls_is_forgotten,
    test_guessing_passwords_gets_nowhere,
    test_large_mails_do_not_fill_the_memory,
    test_a_client_that_leaves_in_the_middle_leaves_nothing,
    test_a_client_that_does_not_read_is_not_read,
    test_no_command_for_five_minutes,
    test_too_many_connections_from_one_address,
    test_half_open_tls_counts_and_ends,
    test_a_handshake_has_its_own_time_out,
    test_half_open_tls_counts_among_all,
    test_shutdown_during_an_implicit_handshake,
    test_shutdown_lets_a_mail_on_its_way_end,
    test_shutdown_waits_for_a_slow_store,
    test_shutdown_during_a_handshake,
    test_a_store_that_answers_after_the_client_left_harms_nobody,
]


@pytest.mark.parametrize("scenario", ON_UVLOOP, ids=lambda scenario: scenario.__name__)
def test_on_uvloop(scenario: Callable[[Place], Awaitable[None]], certificate: ssl.SSLContext) -> None:
    async def run() -> None:
        async with Place(certificate) as place:
            await scenario(place)

    uvloop.run(run())


def test_failed_logins_are_bounded_and_forgotten() -> None:
    logins = FailedLogins(per_address=3, per_name=5, window=100.0)
    for _ in range(3):
        assert logins.refusal("192.0.2.1", "acme", 0.0) is None
        logins.failed("192.0.2.1", "acme", 0.0)
    assert (reply := logins.refusal("192.0.2.1", "other", 1.0)) is not None
    assert reply.code == 421
    assert logins.refusal("192.0.2.2", "acme", 1.0) is None, "another address is heard"
    for n in range(2):
        logins.failed(f"2001:db8::{n}", "ACME", 1.0)
    assert (reply := logins.refusal("2001:db8::ffff", "acme", 2.0)) is not None, "one IPv6 network is one address"
    assert reply.code == 454
    assert logins.refusal("192.0.2.9", "acme", 2.0) is None, "guessing at a name does not lock it out elsewhere"
    assert logins.refusal("192.0.2.1", "acme", 101.0) is None, "after the window all is forgotten"
    for n in range(30_000):
        logins.failed(f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}", f"name{n}", 200.0)
    assert len(logins._seen) <= 20_000


def test_a_self_signed_certificate_is_made_once_and_private(tmp_path: Path) -> None:
    certificate, key = make_self_signed("mx.example.net", tmp_path / "tls", now=datetime(2026, 11, 1, tzinfo=UTC))
    assert key.stat().st_mode & 0o777 == 0o600
    before = key.read_bytes()
    assert make_self_signed("mx.example.net", tmp_path / "tls", now=datetime(2026, 11, 2, tzinfo=UTC)) == (certificate, key)
    assert key.read_bytes() == before
    assert server_context(certificate, key).minimum_version == ssl.TLSVersion.TLSv1_2
    with pytest.raises(Unavailable, match="cannot be used"):
        server_context(key, certificate)
