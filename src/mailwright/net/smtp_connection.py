"""One outgoing SMTP connection: drives the client machine over an asyncio transport, one future a mail."""

import asyncio
import socket
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Final

from mailwright.net.client_tls import ClientContext
from mailwright.ports.sender import HostAddress, Lost, OutgoingMail, Sent
from mailwright.smtp.client import Client
from mailwright.smtp.client_events import Event, Failed, NeedTls, Pour, Ready, TransactionDone
from mailwright.smtp.transaction import Envelope
from mailwright.values import Reply

AT_ONCE = 256 * 1024  # octets of content that go out in one write; larger mails are poured chunk by chunk
BARE_LINE_END = Reply(554, "5.6.0", ("Not sent: the mail has a CR or LF that is not part of a line end (RFC 5321 §2.3.8).",))
OPENING, WHOLE = 600.0, 1800.0  # seconds
PACE = 10_000  # octets a second: a mail that goes out more slowly may take no more than this allows and `Timeouts.whole`
TAKEN_BACK = "given up by us before the end of the mail"
BeforeDot = Callable[[], "Awaitable[bool | None] | bool | None"]


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long each reply is awaited, in seconds (RFC 5321 §4.5.3.2); a banner that takes minutes never came to anything.

    A server that sends a little now and then is in time for each of them: `opening` and `whole` end it all the same.
    """

    connect: float = 30
    greeting: float = 60  # RFC 5321 §4.5.3.2.1 says 300
    tls: float = 60
    command: float = 120  # EHLO, STARTTLS, AUTH, RSET
    mail: float = 300  # §4.5.3.2.2
    rcpt: float = 300  # §4.5.3.2.3
    data: float = 120  # §4.5.3.2.4
    block: float = 180  # §4.5.3.2.5
    dot: float = 600  # §4.5.3.2.6: too short an end makes doubles
    quit: float = 10
    opening: float = OPENING  # from the connection until the first mail may be sent; no further host is tried after it
    whole: float = WHOLE  # one mail, from MAIL up to its final dot

    def by_phase(self) -> Mapping[str, float]:
        """The limit for each phase of the machine that awaits something; idle has none, the handshake has its own timer."""
        opening = dict.fromkeys(("ehlo", "helo", "starttls", "auth"), self.command) | {"greeting": self.greeting}
        mail = {"mail": self.mail, "rcpt": self.rcpt, "data": self.data, "content": self.block, "dot": self.dot}
        return opening | mail | {"quit": self.quit, "closed": self.quit}


class Connection(asyncio.Protocol):
    """An open session to one host, ready for the next mail; see ports.sender.Session."""

    def __init__(self, client: Client, address: HostAddress, timeouts: Timeouts) -> None:
        self.host, self.ip = address.name, address.ip
        self.tls = ""  # version and cipher
        self.verified: bool | None = None  # whether the certificate was checked; None without TLS
        self.note = ""  # why TLS was not used
        self.used = 0
        self.failed: Failed | None = None
        self._client = client
        self._loop = asyncio.get_running_loop()
        self._limits: Final = timeouts.by_phase()
        self._handshake, self._whole = timeouts.tls, timeouts.whole
        self._tick = min(self._limits.values())  # no deadline is ever nearer than this when it is set
        self._deadline: float | None = None
        self._ends = self._loop.time() + timeouts.opening  # no deadline is later: of the opening, of a mail, of a goodbye
        self._timer: asyncio.TimerHandle | None = None
        self._transport: Any = None  # an asyncio.Transport: uvloop's share no class with it
        self._waiter: asyncio.Future[Event] = self._loop.create_future()
        self._unheard: Event | None = None  # what came before somebody waited for it
        self._gone: asyncio.Future[None] = self._loop.create_future()
        self._flowing: asyncio.Future[None] | None = None  # set while the peer reads too slowly
        self._content: Sequence[bytes] | None = None  # the whole mail, where it goes out at once
        self._before_dot: BeforeDot | None = None
        self._verdict: Awaitable[bool | None] | None = None

    @property
    def alive(self) -> bool:
        """Whether another mail may be sent over it."""
        return self._client.phase == "idle" and not self._transport.is_closing()

    @property
    def transcript(self) -> str:
        """What was said since the session or the last mail began."""
        return str(self._client.transcript)

    def remark(self, text: str) -> None:
        """A line for the transcript."""
        self._client.transcript.remark(self._loop.time(), text)

    async def open(self, sock: socket.socket, context: ClientContext | None, *, at_once: bool) -> Failed | None:
        """Bring the session up over a connected socket; None is success. Raises OSError (ssl.SSLError) where TLS fails.

        `at_once`: TLS from the first byte (RFC 8314 §3); else `context` is for STARTTLS.
        """
        if context is not None and at_once:
            await self._loop.create_connection(
                lambda: self, sock=sock, ssl=context, server_hostname=self.host, ssl_handshake_timeout=self._handshake
            )
            self.remark(self._describe_tls())
        else:
            await self._loop.create_connection(lambda: self, sock=sock)
        event = await self._waiter
        if isinstance(event, NeedTls) and context is not None:
            event = await self._start_tls(context)
        self.note = self.note or self._client.note
        if isinstance(event, Ready) and context is not None and self.tls:
            context.keep(self.host, self._transport.get_extra_info("ssl_object"))
        return event if isinstance(event, Failed) else self.failed

    async def send(self, mail: OutgoingMail, *, before_dot: BeforeDot | None = None) -> Sent:
        """Send one mail. Raises Malformed (an address), Conflict (a mail is under way), and what `before_dot` raises.

        `before_dot` is asked when the server waits for the content: False abandons the transaction and the connection.
        """
        if self._client.phase == "closed":
            return Sent(dict.fromkeys(mail.recipients, Lost("the connection had ended before")), self.transcript)
        envelope = Envelope(mail.mail_from, mail.recipients, mail.size, mail.eightbit, mail.smtputf8)
        now = self._loop.time()
        events = self._client.begin(envelope, now)
        self._ends = now + self._whole + mail.size / PACE
        whole = mail.content if mail.size <= AT_ONCE and not isinstance(mail.content, AsyncIterator) else None
        self._content, self._before_dot, self._verdict = whole, before_dot, None
        self._waiter, self._unheard = self._loop.create_future(), None
        self.used += 1
        try:
            self._act(events)
            event = await self._waiter
            if isinstance(event, Pour):
                event = await (self._pour_whole(whole) if whole is not None else self._pour(mail))
        except BaseException:
            self.abort()
            raise
        answers = event.answers if isinstance(event, TransactionDone) else {}
        return Sent(answers, str(self._client.transcript))

    async def quit(self) -> None:
        """Say goodbye, wait a moment for the answer, close."""
        if self.alive:
            self._client.quit(self._loop.time())
            self._ends = self._loop.time() + self._limits["quit"]
            self._act([])
        else:
            self._transport.close()
        await self._gone

    def abort(self) -> None:
        """Close at once."""
        self._client.lost("given up by us", self._loop.time())
        self._deadline = None
        if self._transport is not None:
            self._transport.abort()

    # What the transport calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection stands: the greeting is awaited."""
        self._transport = transport
        self._await_reply()

    def data_received(self, data: bytes) -> None:
        """Bytes from the server."""
        self._act(self._client.receive(data, self._loop.time()))

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection ended."""
        self._act(self._client.lost(_cause(exc), self._loop.time()))
        if not self._gone.done():
            self._gone.set_result(None)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def pause_writing(self) -> None:
        """The peer reads more slowly than we write."""
        self._flowing = self._loop.create_future()

    def resume_writing(self) -> None:
        """The peer has caught up."""
        flowing, self._flowing = self._flowing, None
        if flowing is not None and not flowing.done():
            flowing.set_result(None)
        self._await_reply()

    # The steps.

    def _act(self, events: Sequence[Event]) -> None:
        out = self._client.outgoing()
        if out:
            self._transport.write(out)
        for event in events:
            if isinstance(event, Pour):
                self._pour_at_once(event)
                continue
            if isinstance(event, Failed):
                self.failed = event
            elif isinstance(event, NeedTls):
                self._transport.pause_reading()  # what comes now belongs to TLS (RFC 3207 §4)
            self._wake(event)
        self._await_reply()
        if self._client.phase == "closed":
            self._transport.close()  # after what is still to be written: QUIT

    def _wake(self, event: Event) -> None:
        if not self._waiter.done():
            self._waiter.set_result(event)
        elif self._unheard is None:
            self._unheard = event
        if self._flowing is not None and not self._flowing.done() and not isinstance(event, Ready):
            self._flowing.set_result(None)

    def _waits(self) -> asyncio.Future[Event]:
        """For the next event; it may be there already, where two came before the first was taken."""
        waiter: asyncio.Future[Event] = self._loop.create_future()
        self._waiter = waiter
        if self._unheard is not None:
            waiter.set_result(self._unheard)
        return waiter

    def _pour_at_once(self, event: Pour) -> None:
        """The usual case: the whole mail with its dot in one write, while the server's 354 is being read."""
        if self._content is None:
            self._wake(event)
            return
        try:
            verdict = _settled(self._before_dot() if self._before_dot else True)
        except Exception as fault:  # noqa: BLE001 - raised again by `send`
            self._waiter.set_exception(fault)
            return
        if not isinstance(verdict, bool):
            self._verdict = verdict
            self._wake(event)
        elif verdict:
            self._finish(list(map(self._client.content, self._content)))
        else:
            self._abandon(TAKEN_BACK)

    async def _pour_whole(self, content: Sequence[bytes]) -> Event:
        """The verdict was not there yet when the server was ready: then all in one write after all."""
        waiter = self._waits()
        await self._end(waiter, content)
        return await waiter

    async def _pour(self, mail: OutgoingMail) -> Event:
        """Content that is large or still comes in."""
        waiter = self._waits()
        async with aclosing(_chunks(mail.content)) as chunks:
            async for chunk in chunks:
                if waiter.done():  # the server refused the rest, or is gone
                    break
                self._transport.write(self._client.content(chunk))
                self._await_reply()
                if self._flowing is not None:
                    await self._flowing
        if not waiter.done():
            await self._end(waiter, ())
        return await waiter

    async def _end(self, waiter: asyncio.Future[Event], content: Sequence[bytes]) -> None:
        verdict = self._verdict or (self._before_dot() if self._before_dot else True)
        allowed = await verdict if isinstance(verdict, Awaitable) else verdict
        if waiter.done():
            return
        if allowed is False:
            self._abandon(TAKEN_BACK)
        else:
            self._finish([self._client.content(chunk) for chunk in content])

    def _finish(self, content: list[bytes]) -> None:
        """Write the dot: from here on the mail may have arrived (RFC 5321 §4.5.4.1)."""
        now = self._loop.time()
        dot = self._client.end(now)
        if dot is None:
            self._abandon(BARE_LINE_END.text[0], BARE_LINE_END)
        else:
            self._ends = now + self._limits["dot"]
            self._transport.write(b"".join((*content, dot)))
            self._await_reply()

    def _abandon(self, cause: str, reply: Reply | None = None) -> None:
        self._act(self._client.abandon(cause, self._loop.time(), reply=reply))
        self._transport.abort()

    async def _start_tls(self, context: ClientContext) -> Event:
        waiter = self._waits()
        transport = await self._loop.start_tls(
            self._transport, self, context, server_hostname=self.host, ssl_handshake_timeout=self._handshake
        )
        if transport is None or transport.get_extra_info("ssl_object") is None:  # the server hung up meanwhile
            raise ConnectionResetError
        self._transport = transport
        self._client.tls_started(self._describe_tls(), self._loop.time())
        self._act([])
        return await waiter

    def _describe_tls(self) -> str:
        """Take down version and cipher of the TLS that stands now, and give them in words."""
        used: ssl.SSLObject = self._transport.get_extra_info("ssl_object")
        cipher = used.cipher()
        self.tls = f"{used.version()} {cipher[0] if cipher else ''}".strip()
        self.verified = used.context.verify_mode == ssl.CERT_REQUIRED
        checked = "certificate checked" if self.verified else "certificate not checked"
        return f"TLS: {self.tls}, {checked}{', session resumed' if used.session_reused else ''}"

    # The one timer.

    def _await_reply(self) -> None:
        """Set the deadline of the present phase; the timer is left where it is, for it never comes too late."""
        limit = self._limits.get(self._client.phase)
        if limit is None:
            self._deadline = None
            return
        self._deadline = min(self._loop.time() + limit, self._ends)
        if self._timer is None and not self._gone.done():
            self._timer = self._loop.call_later(self._tick, self._look)

    def _look(self) -> None:
        self._timer = None
        if self._deadline is None:
            return
        now = self._loop.time()
        left = self._deadline - now
        if left > 0:
            self._timer = self._loop.call_later(min(left, self._tick), self._look)
            return
        phase = self._client.phase
        if now < self._ends or phase == "dot":
            cause = f"no answer at {phase.upper()} within {self._limits[phase]:g} s"
        else:
            cause = f"the server took so long in all that it was given up at {phase.upper()}"
        self._act(self._client.lost(cause, now))
        self._deadline = None
        self._transport.abort()


def _settled(verdict: Awaitable[bool | None] | bool | None) -> Awaitable[bool | None] | bool:
    """The verdict itself where it is there already."""
    if isinstance(verdict, asyncio.Future) and verdict.done():
        verdict = verdict.result()
    if isinstance(verdict, Awaitable):
        return verdict
    return verdict is not False


async def _chunks(content: Sequence[bytes] | AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    """The content in pieces that do not hold up the loop."""
    if isinstance(content, AsyncIterator):
        async for chunk in content:
            yield chunk
        return
    for chunk in content:
        for start in range(0, len(chunk), AT_ONCE):
            yield chunk[start : start + AT_ONCE]


def _cause(exc: Exception | None) -> str:
    if exc is None:
        return "the server closed the connection"
    if isinstance(exc, ssl.SSLError):
        return "the TLS connection broke"
    return "the connection was reset" if isinstance(exc, ConnectionError) else "the connection broke"
