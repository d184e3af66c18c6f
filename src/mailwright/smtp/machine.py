"""What every SMTP server session is made of, whatever its commands: input, questions to the outside, content, replies."""

from enum import Enum
from functools import lru_cache
from typing import TypeVar

from mailwright.smtp import answers
from mailwright.smtp.chunks import ChunkReader
from mailwright.smtp.commands import MailFrom
from mailwright.smtp.data import DataReader
from mailwright.smtp.login import Asked, Login
from mailwright.smtp.server_events import Chunk, Closed, ContentRefused, EndOfData, Event, Recipient, Setup
from mailwright.values import Address, Reply

Reader = TypeVar("Reader", bound=DataReader)


class State(Enum):
    """Where a session stands."""

    START = "no EHLO yet"
    READY = "between mails"
    MAIL = "a sender, no recipient"
    RCPT = "a sender and recipients"
    DATA = "content comes in, or waits for its answer"
    CHUNKS = "content came in, and more is to come"
    AUTH = "an answer to AUTH comes in"
    TLS = "the handshake is on"
    CLOSED = "over"


class Machine:
    """The half of a session that the outside drives; Server adds the lines and commands."""

    __slots__ = (
        "_asked",
        "_at",
        "_attempts",
        "_buffer",
        "_chunks",
        "_closing",
        "_errors",
        "_event",
        "_held",
        "_idle",
        "_out",
        "_question",
        "_reader",
        "_refusal",
        "_setup",
        "extended",
        "helo",
        "logged_in",
        "mail",
        "recipients",
        "state",
        "tls",
        "trusted",
    )

    def __init__(self, setup: Setup, *, tls: bool = False, trusted: bool = False) -> None:
        """`trusted`: this client may send without logging in."""
        self._setup, self.tls, self.trusted = setup, tls, trusted
        self.state = State.START
        self.helo, self.extended, self.logged_in = "", False, False
        self.mail: MailFrom | None = None
        self.recipients: list[Address] = []
        self._attempts = self._errors = self._idle = 0
        self._buffer: bytes | bytearray = b""  # what was received; read up to `_at`
        self._at = 0
        self._held: bytes | bytearray = b""  # content that was not passed on yet
        self._reader: DataReader | None = None
        self._chunks: ChunkReader | None = None  # the same, of a mail that comes by BDAT, until its end
        self._refusal: Reply | None = None  # what the outside said to the content before its end
        self._asked: Asked | None = None
        self._question: Event | None = None
        self._event: Event | None = None
        self._closing: Reply | None = None  # said after the mail that is on its way
        self._out = bytearray(_greeting(setup.host.name))

    # --- the outside feeds, asks, answers --------------------------------------------------------------------------------------

    def receive(self, data: bytes) -> None:
        """Octets from the client, in any split."""
        if self.state is State.TLS:
            self._hang_up(answers.EARLY_PLAINTEXT, "plaintext after STARTTLS")
        if self.state is State.CLOSED:
            return
        if not self._buffer:
            self._buffer = data
            return
        if not isinstance(self._buffer, bytearray):
            self._buffer = bytearray(self._buffer)
        del self._buffer[: self._at]
        self._at = 0
        self._buffer += data
        if self._question is not None and len(self._buffer) > self._setup.limits.ahead:
            self._hang_up(answers.FLOODED, "too much sent ahead")

    def next_event(self) -> Event | None:
        """The next thing that the outside must know; None: nothing until more is received or answered."""
        while self._event is None and self._question is None and self._step():
            pass
        event, self._event = self._event, None
        return event

    def outgoing(self) -> bytes:
        """What must be written now; taken once."""
        out = bytes(self._out)
        self._out.clear()
        return out

    def reply(self, reply: Reply) -> None:
        """The answer to the question that stands; a 421 ends the session (RFC 5321 §3.8)."""
        question, self._question = self._question, None
        match question:
            case None:  # the session ended meanwhile
                return
            case EndOfData():
                self._end_mail(taken=reply.positive)
            case Recipient() if reply.positive:
                self.recipients.append(question.address)
                self.state = State.RCPT
            case MailFrom() if reply.positive:
                self.mail, self.state = question, State.MAIL
            case Login():
                self.logged_in = reply.positive
                self._errors += not reply.positive
        self._answer(reply)

    def taken(self) -> None:
        """The Chunk was put away: go on reading."""
        self._question = None

    def refuse_content(self, reply: Reply) -> None:
        """What the content will get at its end, whatever still comes: it cannot be stored."""
        self._refusal, self._held, self._question = reply, b"", None

    def tls_started(self) -> None:
        """The handshake is done: all that was said before it is forgotten (RFC 3207 §4.2)."""
        self._end_mail(taken=False)
        self.tls, self._question, self.state = True, None, State.START
        self.helo, self.extended, self.logged_in = "", False, False

    def dismiss(self, reply: Reply, why: str) -> None:
        """End the session now: a time-out."""
        self._hang_up(reply, why)

    def wind_up(self, reply: Reply) -> None:
        """End the session as soon as no mail is on its way: a shutdown."""
        if self.state in {State.DATA, State.CHUNKS}:
            self._closing = reply
        else:
            self._hang_up(reply, "shutdown")

    @property
    def waiting(self) -> bool:
        """Whether a question stands."""
        return self._question is not None

    @property
    def ahead(self) -> int:
        """Octets that were received and wait."""
        return len(self._buffer) - self._at

    @property
    def received(self) -> int | None:
        """Octets of the mail that is coming in; None while none is."""
        reader = self._reader or (self._chunks if self.state is State.CHUNKS else None)
        return reader.size if reader is not None else None

    @property
    def protocol(self) -> str:
        """The word after `with` in Received (RFC 5321 §4.4, RFC 3848, RFC 6531 §4.3)."""
        if not self.extended:
            return "SMTP"
        name = "UTF8SMTP" if self.mail is not None and self.mail.smtputf8 else "ESMTP"
        return name + "S" * self.tls + "A" * self.logged_in

    # --- what commands say and ask ---------------------------------------------------------------------------------------------

    def _step(self) -> bool:
        """Read one line or one piece of content; False where there is none."""
        raise NotImplementedError

    def _ask(self, question: Event) -> None:
        self._question = self._event = question

    def _answer(self, reply: Reply) -> None:
        self._out += reply.encode()
        if reply.code == 421:
            self._hang_up(None, "told to close")
        elif self._errors >= self._setup.limits.errors:
            self._hang_up(answers.TOO_MANY_ERRORS, "too many errors")
        elif self._closing is not None:
            self._hang_up(self._closing, "shutdown")

    def _refuse(self, reply: Reply) -> None:
        """Answer a command that failed by the client's own doing."""
        self._errors += 1
        self._answer(reply)

    def _pass_time(self, reply: Reply) -> None:
        """Answer a command that brings no mail closer."""
        self._idle += 1
        self._answer(reply if self._idle <= self._setup.limits.idle_commands else answers.TOO_MANY_IDLE)

    def _hang_up(self, reply: Reply | None, why: str, *, polite: bool = False) -> None:
        if self.state is State.CLOSED:
            return
        if reply is not None:
            self._out += reply.encode()
        self._end_mail(taken=False)
        self._buffer, self._at, self._question = b"", 0, None
        self.state, self._event = State.CLOSED, Closed(why, polite)

    # --- content ---------------------------------------------------------------------------------------------------------------

    def _begin_content(self) -> None:
        self._reader = self._new_reader(DataReader)
        self.state = State.DATA

    def _new_reader(self, kind: type[Reader]) -> Reader:
        limits = self._setup.limits
        return kind(size=limits.size, header_fields=limits.header_fields, header_octets=limits.header_octets)

    def _read_content(self, reader: DataReader) -> bool:
        if len(self._held) > self._setup.limits.chunk:
            self._pass_on()
        elif reader.done:
            self._end_content(reader)
        elif self._buffer:
            data = bytes(self._buffer[self._at :] if self._at else self._buffer)
            self._buffer, self._at = b"", 0
            self._hold(reader.feed(data))
            if reader.flooded and not reader.done:
                self._hang_up(answers.too_big(self._setup.limits.size), "flooded")
        else:
            return False
        return True

    def _pass_on(self) -> None:
        chunk = self._setup.limits.chunk
        held = self._held if isinstance(self._held, bytearray) else bytearray(self._held)
        self._ask(Chunk(bytes(held[:chunk])))
        del held[:chunk]
        self._held = held

    def _hold(self, content: bytes) -> None:
        if not content or self._refusal is not None:
            return
        if not self._held:
            self._held = content
            return
        if not isinstance(self._held, bytearray):
            self._held = bytearray(self._held)
        self._held += content

    def _end_content(self, reader: DataReader) -> None:
        self._buffer, self._reader = reader.rest, None
        refusal, fault = self._objection(reader), reader.fault
        if refusal is None:
            self._ask(EndOfData(bytes(self._held), reader.size, reader.eight_bit, reader.long_line))
            return
        self._end_mail(taken=False)
        self._event = ContentRefused(refusal)
        self._answer(refusal)
        if fault is not None and fault.hostile:
            self._hang_up(answers.UNSAFE_END, fault.value)  # what follows may be a mail that somebody hid in this one

    def _objection(self, reader: DataReader) -> Reply | None:
        """Why the content so far cannot be taken: what the outside said, or what was found in it."""
        if reader.fault is None:
            return self._refusal
        limits = self._setup.limits
        return answers.content_fault(
            reader.fault, size=limits.size, header_fields=limits.header_fields, header_octets=limits.header_octets
        )

    def _end_mail(self, *, taken: bool) -> None:
        self.mail, self.recipients, self._attempts = None, [], 0
        self._reader, self._chunks, self._held, self._refusal = None, None, b"", None
        self.state = State.READY
        if taken:
            self._errors = self._idle = 0


@lru_cache(maxsize=64)
def _greeting(host: str) -> bytes:
    return Reply.of(220, "", f"{host} ESMTP Mailwright").encode()  # without an enhanced code, RFC 2034 §4
