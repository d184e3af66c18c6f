"""One client of the SMTP listener: drives the server machine, asks the door, keeps the client from running ahead."""

import asyncio
import logging
import ssl
from collections.abc import Callable
from typing import cast

from mailwright.net.smtp_door import Envelope, Session, Spooled, TlsInfo
from mailwright.net.smtp_in_asking import Asking, excuse
from mailwright.net.smtp_in_service import (
    LOGIN_UNAVAILABLE,
    SHUTTING_DOWN,
    TOO_SLOW,
    TOO_SLOW_TO_LOG_IN,
    UNAVAILABLE,
    UNKNOWN_LOGIN,
    Service,
    plain_ip,
)
from mailwright.smtp import answers
from mailwright.smtp.commands import MailFrom
from mailwright.smtp.login import Login
from mailwright.smtp.machine import State
from mailwright.smtp.server import Server
from mailwright.smtp.server_events import Chunk, Closed, ContentRefused, EndOfData, Event, Recipient, StartTls
from mailwright.values import Reply

log = logging.getLogger("mailwright.smtp_in")

AHEAD = 64 * 1024  # octets that may wait behind an unanswered question before the client is not read any more
LINGER = 1 << 20  # octets that are read and thrown away after the last reply, so that a reset does not swallow it


class Connection(asyncio.Protocol):
    """From the handshake to the goodbye; everything happens in callbacks, tasks are made only where the door must wait."""

    __slots__ = (
        "_asking",
        "_blocked",
        "_early",
        "_gone",
        "_handshake",
        "_heard",
        "_left",
        "_machine",
        "_opened",
        "_paused",
        "_service",
        "_session",
        "_spooled",
        "_transport",
        "_turn",
    )

    def __init__(self, service: Service) -> None:
        self._service = service
        self._machine: Server | None = None  # None where the client was turned away, and after it left
        self._transport: asyncio.Transport
        self._session: Session
        self._spooled: Spooled | None = None
        self._asking = Asking(self._go_on)
        self._blocked = self._paused = False  # the client does not read; we do not read the client
        self._early: bytes | None = None  # while the handshake ends: what already came under TLS
        self._handshake: asyncio.Task[None] | None = None
        self._gone = False
        self._left: int | None = None  # after the last reply: octets that may still be thrown away
        self._opened = self._heard = self._turn = service.clock()  # connected; last octets from the client; last reply to it

    # --- asyncio calls ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        peer = transport.get_extra_info("peername") or ("", 0)
        self._session = Session(plain_ip(str(peer[0])), int(peer[1]))
        refusal = self._service.admit(self, self._session.peer_ip)
        if not peer[0]:  # gone before it was accepted
            self._transport.abort()
        elif refusal is not None:
            self._transport.write(refusal.encode())
            self._transport.close()
        else:
            self._note_tls(transport)
            self._open()

    def data_received(self, data: bytes) -> None:
        machine = self._machine
        self._heard = self._service.clock()
        if self._early is not None:
            self._early += data
        elif machine is None or self._left is not None:
            self._throw_away(len(data))
        else:
            machine.receive(data)
            self._pump(machine)

    def pause_writing(self) -> None:
        self._blocked = True
        self._throttle()

    def resume_writing(self) -> None:
        self._blocked = False
        self._throttle()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._gone:
            return
        self._gone = True
        machine, self._machine = self._machine, None
        self._service.leave(self, self._session.peer_ip)
        if machine is not None and machine.received is not None:
            log.info("client left in the middle of a mail", extra={"peer": self._session.peer_ip, "octets": machine.received})
        if not self._asking.waiting:
            self._drop_spool()

    # --- the listener calls ---

    def check(self, now: float) -> None:
        """End what takes too long (RFC 5321 §4.5.3.2.7); called every second or so."""
        machine, rules = self._machine, self._service.rules
        if self._left is not None or self._blocked:
            if now - self._turn > (rules.write if self._blocked else rules.linger):
                self._transport.abort()
        elif machine is None:
            if now - self._opened > rules.handshake:  # turned away, and still here
                self._transport.abort()
        elif machine.waiting:
            return  # the handshake has its own limit; a door that takes its time is not the client's fault
        elif machine.received is not None:
            allowed = rules.data + machine.received / rules.octets_per_second
            if now - self._heard > rules.data or now - self._turn > allowed:
                self._dismiss(machine, TOO_SLOW, "slow content")
        elif now - self._turn > rules.command:
            self._dismiss(machine, TOO_SLOW, "no command")
        elif self._session.identity is None and now - self._opened > rules.login:
            self._dismiss(machine, TOO_SLOW_TO_LOG_IN, "no login")

    def wind_up(self) -> None:
        """The listener closes: a mail on its way may come to its end, everything else ends now."""
        if self._machine is None or self._machine.state is State.TLS:
            self.abort()
            return
        self._machine.wind_up(SHUTTING_DOWN)
        self._pump(self._machine)

    def part(self) -> None:
        """The grace is over: who still sends a mail is told so (RFC 5321 §3.8), everything else ends without a word."""
        if self._machine is not None and self._machine.received is not None:
            self._dismiss(self._machine, SHUTTING_DOWN, "shutdown")
        else:
            self.abort()

    def abort(self) -> None:
        """End at once."""
        if self._handshake is not None:
            self._handshake.cancel()
        self._transport.abort()

    # --- the machine ---

    def _open(self) -> None:
        service, session = self._service, self._session
        session.identity = service.door.trusted(session.peer_ip)
        self._machine = Server(service.setup, tls=session.tls is not None, trusted=session.identity is not None)
        self._pump(self._machine)

    def _pump(self, machine: Server) -> None:
        """Everything that can be done with what was received; one write for all replies (RFC 2920 §3.2)."""
        coming = machine.received  # a mail keeps its own time: the reply to one of its chunks begins no new turn
        while (event := machine.next_event()) is not None:
            self._hear(event, machine)
        out = machine.outgoing()
        if out:
            self._transport.write(out)
            if coming is None or machine.received is None:
                self._turn = self._service.clock()
        if self._left is not None:
            self._turn_away()
        elif self._paused or machine.waiting:
            self._throttle()

    def _hear(self, event: Event, machine: Server) -> None:
        match event:
            case EndOfData():
                self._end_of_data(event, machine)
            case Chunk():
                self._spool(event)
            case Recipient():
                self._session.helo = machine.helo
                self._consider(lambda: self._service.door.recipient(self._session, event.address), answers.RECIPIENT_OK)
            case MailFrom():
                self._session.helo = machine.helo
                self._consider(lambda: self._service.door.mail(self._session, event), answers.SENDER_OK)
            case Login():
                self._login(event, machine)
            case StartTls():
                self._begin_tls()
            case ContentRefused():
                log.info("content refused", extra={"peer": self._session.peer_ip, "reply": str(event.reply)})
                self._drop_spool()
            case Closed():
                self._close(event)

    def _go_on(self) -> None:
        if self._machine is not None:
            self._pump(self._machine)

    def _reply(self, reply: Reply) -> None:
        if self._machine is not None:
            self._machine.reply(reply)

    # --- questions ---

    def _consider(self, ask: Callable[[], object], yes: Reply) -> None:
        def then(answer: object) -> None:
            if answer is None:
                self._reply(yes)
            else:
                self._reply(answer if isinstance(answer, Reply) else excuse(answer))

        self._asking.ask(ask, then)

    def _login(self, login: Login, machine: Server) -> None:
        session, service = self._session, self._service
        refusal = service.logins.refusal(session.peer_ip, login.username, service.clock())
        if refusal is not None:
            machine.reply(refusal)
            return
        session.helo = machine.helo
        self._asking.ask(
            lambda: service.door.login(session.peer_ip, login.mechanism, login.username, login.password),
            lambda answer: self._logged_in(login.username, answer),
        )

    def _logged_in(self, username: str, answer: object) -> None:
        session, service = self._session, self._service
        if isinstance(answer, BaseException):
            self._reply(excuse(answer, LOGIN_UNAVAILABLE))
            return
        refusal = UNKNOWN_LOGIN if answer is None else answer if isinstance(answer, Reply) else None
        if refusal is None:
            session.identity = answer
            service.logins.succeeded(session.peer_ip)
            self._reply(answers.LOGGED_IN)
            return
        if refusal.permanent:
            service.logins.failed(session.peer_ip, username, service.clock())
            log.info("login failed", extra={"peer": session.peer_ip})  # not the name: keys are put there by mistake
        self._reply(refusal)

    # --- content ---

    def _spool(self, event: Chunk) -> None:
        try:
            if self._spooled is None:
                self._spooled = self._service.door.spool(self._session)
        except Exception as fault:  # noqa: BLE001 - `excuse` logs it
            self._spool_written(fault)
            return
        spooled = self._spooled
        self._asking.ask(lambda: spooled.write(event.content), self._spool_written)

    def _spool_written(self, answer: object) -> None:
        self._heard = self._service.clock()
        if isinstance(answer, BaseException):
            reply = excuse(answer)
            self._drop_spool()
            if self._machine is not None:
                self._machine.refuse_content(reply)
        elif self._machine is not None and self._left is None:
            self._machine.taken()
        else:
            self._drop_spool()  # the client left meanwhile, or was sent away

    def _end_of_data(self, event: EndOfData, machine: Server) -> None:
        envelope = self._envelope(event, machine)
        spooled, self._spooled = self._spooled, None
        if spooled is None:
            self._asking.ask(lambda: self._service.door.submit(envelope, event.content), self._submitted)
        else:
            self._asking.ask(lambda: self._submit_spooled(envelope, spooled, event.content), self._submitted)

    async def _submit_spooled(self, envelope: Envelope, spooled: Spooled, rest: bytes) -> Reply:
        try:
            if rest:
                await spooled.write(rest)
        except BaseException:
            self._service.in_background(spooled.abort())
            raise
        if self._machine is None:  # the client left while the rest was written: nobody would hear the promise
            self._service.in_background(spooled.abort())
            return UNAVAILABLE
        answer = self._service.door.submit(envelope, spooled)
        return answer if isinstance(answer, Reply) else await answer

    def _submitted(self, answer: object) -> None:
        self._reply(answer if isinstance(answer, Reply) else excuse(answer))

    def _envelope(self, event: EndOfData, machine: Server) -> Envelope:
        session, mail = self._session, machine.mail or MailFrom(None)
        return Envelope(
            session.identity, session.peer_ip, session.peer_port, machine.helo, session.tls, machine.protocol, mail.address,
            tuple(machine.recipients), event.size, event.eight_bit, event.long_line, mail.smtputf8, mail.body,
        )  # fmt: skip

    def _drop_spool(self) -> None:
        spooled, self._spooled = self._spooled, None
        if spooled is not None:
            self._service.in_background(spooled.abort())

    # --- TLS ---

    def _begin_tls(self) -> None:
        """Nothing is read until the handshake has the socket: what came in the clear is never heard (RFC 3207 §4.2)."""
        if self._machine is not None:
            self._transport.write(self._machine.outgoing())
        self._transport.pause_reading()
        self._handshake = self._service.in_background(self._shake_hands())

    async def _shake_hands(self) -> None:
        service = self._service
        if service.context is None or self._left is not None:  # said goodbye already, to plaintext behind STARTTLS
            return
        self._early = b""  # from here on the TLS layer has the socket: what is heard now was encrypted
        transport = None
        try:
            transport = await asyncio.get_running_loop().start_tls(
                self._transport, self, service.context, server_side=True, ssl_handshake_timeout=service.rules.handshake
            )
        except (OSError, ssl.SSLError) as fault:
            log.info("TLS handshake failed", extra={"peer": self._session.peer_ip, "cause": str(fault)})
        finally:
            self._handshake = None
            if transport is None:  # a loss during the handshake is not told by `connection_lost`
                self._transport.abort()
                self.connection_lost(None)
        if transport is None or self._gone:
            return
        self._transport = transport
        self._note_tls(transport)
        early, self._early = self._early, None
        if self._machine is not None:
            self._session.identity = service.door.trusted(self._session.peer_ip)
            self._machine.tls_started()
        if early:
            self.data_received(early)

    def _note_tls(self, transport: asyncio.BaseTransport) -> None:
        tls: ssl.SSLObject | None = transport.get_extra_info("ssl_object")
        if tls is not None:
            cipher = tls.cipher()
            self._session.tls = TlsInfo(tls.version() or "", cipher[0] if cipher else "")
        self._turn = self._heard = self._service.clock()

    # --- the pace and the end ---

    def _throttle(self) -> None:
        """Read the client only while it reads us and while there is room for what it says."""
        machine = self._machine
        pause = self._blocked or (machine is not None and machine.waiting and machine.ahead > AHEAD)
        if pause == self._paused or self._transport.is_closing() or (machine is not None and machine.state is State.TLS):
            return
        self._paused = pause
        if pause:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def _dismiss(self, machine: Server, reply: Reply, why: str) -> None:
        machine.dismiss(reply, why)
        self._pump(machine)

    def _close(self, event: Closed) -> None:
        if not self._asking.waiting:  # else once its last chunk is written: a row that came after would stay
            self._drop_spool()
        self._left = 0 if event.polite else LINGER
        if not event.polite:
            log.info("session ended: %s", event.why, extra={"peer": self._session.peer_ip})

    def _turn_away(self) -> None:
        """Close, but let the last reply arrive: closing with unread octets would reset the connection and lose it."""
        if self._transport.is_closing():
            return
        if not self._left:
            self._transport.close()
        elif self._transport.can_write_eof():
            self._transport.write_eof()

    def _throw_away(self, octets: int) -> None:
        self._left = (self._left or 0) - octets
        if self._left <= 0:
            self._left = 0
            self._transport.close()
