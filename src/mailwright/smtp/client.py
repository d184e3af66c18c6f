"""The client's side of an SMTP session as a machine over bytes (RFC 5321 §3): greeting, EHLO, STARTTLS, AUTH, transactions."""

from collections.abc import Callable
from typing import ClassVar

from mailwright.smtp import words
from mailwright.smtp.client_events import Event, Failed, NeedTls, Pour, Ready, Starttls, TransactionDone
from mailwright.smtp.credentials import Dialogue, Login, dialogue, without_secrets
from mailwright.smtp.replies import Fault, ReplyReader
from mailwright.smtp.stuffing import Stuffer
from mailwright.smtp.transaction import CLOSING, Envelope, Offer, Step, Transaction, compose, unsendable
from mailwright.smtp.transcript import Transcript
from mailwright.values import Conflict, Finding, Reply

FINAL_GREETINGS = frozenset({521, 554})  # "no SMTP service here" (RFC 5321 §3.1, RFC 7504): HELO would not help
NO_TLS_OFFERED = "The server does not offer encryption (STARTTLS)."

_NEED_TLS, _READY, _POUR = NeedTls(), Ready(), Pour()


class Client:
    """One session. Feed it with `receive`, send what `outgoing` gives, follow the events; `now` is in seconds of any clock.

    `phase` names whose reply is awaited: greeting, ehlo, starttls, tls, auth, idle, mail, rcpt, data, content, dot, quit, closed.
    """

    def __init__(
        self,
        *,
        ehlo: str,
        starttls: Starttls = Starttls.TRY,
        login: Login | None = None,
        login_in_clear: bool = False,
        encrypted: bool = False,
        now: float = 0.0,
    ) -> None:
        """`encrypted`: TLS stands before the greeting (RFC 8314 §3); `login_in_clear`: a password may go out without TLS."""
        self._ehlo, self._starttls, self._login, self._login_in_clear = ehlo, starttls, login, login_in_clear
        self.encrypted = encrypted
        self.offer = Offer()
        self.phase = "greeting"
        self.transcript = Transcript(now)
        self.note = ""  # why there is no TLS although it was wanted
        self.used = 0  # transactions begun
        self._reader = ReplyReader()
        self._out = b""
        self._events: list[Event] = []
        self._dialogue: Dialogue | None = None
        self._said = 0  # answers given in the login dialogue
        self._needs_rset = False
        self._transaction: Transaction | None = None
        self._script: list[bytes] = []  # commands still to be sent one by one, last first
        self._stuffer = Stuffer()
        self._octets = 0
        self._after_dot = False

    def outgoing(self) -> bytes:
        """What is to be sent now; call it after every other call."""
        out, self._out = self._out, b""
        return out

    def receive(self, data: bytes, now: float) -> list[Event]:
        """Take bytes from the server. Nothing that it sends raises."""
        events: list[Event] = []
        self._events = events
        for heard in self._reader.feed(data):
            if isinstance(heard, Fault):
                self._break(heard, now)
            elif self.phase != "closed":
                self._hear(heard, now)
        if self.phase == "tls" and not self._reader.empty:
            self._break(Fault("plaintext-after-starttls", "The server sent text after agreeing to start TLS."), now)
        elif self.phase == "tls":
            events.append(_NEED_TLS)
        elif self.phase == "pour":  # only now: a refusal may have come right behind the 354
            self.phase = "content"
            events.append(_POUR)
        return events

    def tls_started(self, how: str, now: float) -> None:
        """TLS stands (`how`: version and cipher); what was said before it is forgotten (RFC 3207 §4.2)."""
        self.encrypted = True
        self.offer = Offer()
        self.transcript.remark(now, how)
        self._say(f"EHLO {self._ehlo}\r\n".encode("ascii"), "ehlo", now)

    def begin(self, mail: Envelope, now: float) -> list[Event]:
        """Start a transaction; where this server cannot take it, it is done at once. Raises Malformed (an address), Conflict."""
        if self.phase != "idle":
            raise Conflict(f"The connection is not idle but at {self.phase}.", "Await the end of the mail before.")
        self._events = []
        refused = unsendable(mail, self.offer)
        recipients = [one for one in mail.recipients if one not in refused] if refused else mail.recipients
        wire = compose(mail, recipients, self.offer)
        if self.used:
            self.transcript = Transcript(now)
        self.used += 1
        self._transaction = Transaction(recipients, refused, pipelined=self.offer.pipelining, reset=self._needs_rset)
        self._stuffer, self._octets, self._after_dot = Stuffer(), 0, False
        if recipients:
            self._send_commands(wire, now)
        else:
            self.transcript.remark(now, str(next(iter(refused.values()), "")))
            self._finish()
        return self._events

    def content(self, chunk: bytes) -> bytes:
        """A chunk as it goes out (RFC 5321 §4.5.2); nothing from a chunk on that has a bare CR or LF, then `end` says None."""
        self._octets += len(chunk)
        return self._stuffer.feed(chunk)

    def end(self, now: float) -> bytes | None:
        """The final dot. From here on the mail may have arrived (RFC 5321 §4.5.4.1). None: the content must not leave."""
        dot = self._stuffer.end()
        if self._stuffer.broken or self.phase != "content":
            return None
        self.transcript.remark(now, f"<{self._octets} octets of mail>", ">")
        self._after_dot = True
        self.phase = "dot"
        return dot

    def abandon(self, cause: str, now: float, *, reply: Reply | None = None) -> list[Event]:
        """Stop before the final dot; `reply` is then the answer for those who have none. The driver closes without a dot."""
        if reply and self._transaction:
            self._transaction.closing(reply)
        return self.lost(cause, now)

    def lost(self, cause: str, now: float) -> list[Event]:
        """The connection ended or was given up, with the cause in words."""
        self._events = []
        if self.phase != "closed":
            self.transcript.remark(now, cause)
            self._close(words.lost(cause), cause)
        return self._events

    def quit(self, now: float) -> None:
        """Say goodbye (RFC 5321 §4.1.1.10); only while idle."""
        if self.phase == "idle":
            self._say(b"QUIT\r\n", "quit", now)

    def _hear(self, reply: Reply, now: float) -> None:
        if self.phase == "auth" and self._login is not None:
            reply = without_secrets(reply, self._login)
        self.transcript.heard(now, reply)
        hear = self._HEAR.get(self.phase)
        if reply.code == CLOSING:
            if self._transaction is not None:
                self._transaction.closing(reply)
            self._close(words.closing(reply), "the server closed the connection", reply)
        elif self._out:  # answered before it was asked: this would pass for the answer to what has not gone out yet
            self._break(Fault("reply-unasked", "The server sent a reply before it was asked."), now)
        elif self._transaction is not None:
            self._hear_transaction(self._transaction, reply, now)
        elif hear is None:
            self._break(Fault("reply-unasked", "The server sent a reply to nothing."), now)
        else:
            hear(self, reply, now)

    def _hear_greeting(self, reply: Reply, now: float) -> None:
        if reply.code // 100 != 2:  # RFC 5321 §3.1: 220, or 554 and wait for QUIT
            self._refuse(words.refused("greeting", reply), reply, now)
        else:
            self._say(f"EHLO {self._ehlo}\r\n".encode("ascii"), "ehlo", now)

    def _hear_ehlo(self, reply: Reply, now: float) -> None:
        if reply.code // 100 == 2:
            self.offer = Offer.read(reply)
            self._secure(now)
        elif reply.permanent and reply.code not in FINAL_GREETINGS:  # RFC 5321 §3.2: an old server is asked again by HELO
            self._say(f"HELO {self._ehlo}\r\n".encode("ascii"), "helo", now)
        else:
            self._refuse(words.refused("ehlo", reply), reply, now)

    def _hear_helo(self, reply: Reply, now: float) -> None:
        if reply.code // 100 == 2:
            self._secure(now)
        else:
            self._refuse(words.refused("helo", reply), reply, now)

    def _secure(self, now: float) -> None:
        """RFC 3207 §4.1: whether to go on without TLS is the client's own policy."""
        if self.encrypted or self._starttls is Starttls.NEVER:
            self._log_in(now)
        elif self.offer.starttls:
            self._say(b"STARTTLS\r\n", "starttls", now)
        elif self._starttls is Starttls.MUST:
            self._refuse(words.tls_not_offered(), None, now)
        else:
            self.note = NO_TLS_OFFERED
            self._log_in(now)

    def _hear_starttls(self, reply: Reply, now: float) -> None:
        if reply.code // 100 == 2:
            self.phase = "tls"
        elif self._starttls is Starttls.MUST:
            self._refuse(words.tls_refused(reply), reply, now)
        else:
            self.note = f"STARTTLS was refused: {reply}"
            self._log_in(now)

    def _log_in(self, now: float) -> None:
        if self._login is None:
            self._ready()
        elif not (self.encrypted or self._login_in_clear):
            self._refuse(words.login_in_clear(), None, now)
        else:
            self._dialogue = dialogue(self._login, self.offer.auth)
            if self._dialogue is None:
                self._refuse(words.login_not_offered(self.offer.auth), None, now)
            else:
                self._say_secret(self._dialogue.command, f"AUTH {self._dialogue.mechanism} ***", now)

    def _hear_auth(self, reply: Reply, now: float) -> None:
        """RFC 4954 §4: 334 asks for the next answer; one question too many is cancelled by `*`."""
        if reply.code == 334 and self._dialogue:
            answers, said = self._dialogue.answers, self._said
            self._said += 1
            self._say_secret(answers[said].encode("ascii") + b"\r\n" if said < len(answers) else b"*\r\n", "***", now)
        elif reply.code // 100 == 2:
            self._dialogue = None
            self._ready()
        else:
            self._refuse(words.login_refused(reply), reply, now)

    def _ready(self) -> None:
        self.phase = "idle"
        self._events.append(_READY)

    def _send_commands(self, wire: bytes, now: float) -> None:
        """All commands in one write where the server agreed to that (RFC 2920 §3.1), else one by one."""
        if self._needs_rset:
            wire = b"RSET\r\n" + wire
        if self.offer.pipelining:
            self._say(wire, "mail", now)
        else:
            self._script = wire.split(b"\r\n")[-2::-1]
            self._say(self._script.pop() + b"\r\n", "mail", now)

    def _hear_transaction(self, transaction: Transaction, reply: Reply, now: float) -> None:
        if self.phase in {
            "pour",
            "content",
        }:  # too big, or out of space: a server that cannot wait for the end says so and hangs up
            transaction.closing(reply)
            self._close(words.refused("data", reply), "the server refused the mail before its end", reply)
            return
        step = transaction.hear(reply)
        if step is Step.NEXT:
            self.phase = transaction.phase
            if self._script:
                self._say(self._script.pop() + b"\r\n", self.phase, now)
        elif step is Step.POUR:
            self.phase = "pour"
        elif step is Step.CANCEL:
            self._say(b".\r\n", "dot", now)
        elif step is Step.BROKEN:
            self._break(Fault("reply-unexpected", f"The server answered {reply.code}, which has no meaning at this point."), now)
        else:
            self._finish()

    def _finish(self) -> None:
        if self._transaction is not None:
            self._needs_rset = self._transaction.needs_rset
            self._events.append(TransactionDone(self._transaction.answers))
        self._transaction = None
        self._script = []
        self.phase = "idle"

    def _hear_quit(self, _reply: Reply, _now: float) -> None:
        self.phase = "closed"

    def _say(self, wire: bytes, phase: str, now: float) -> None:
        self.transcript.sent(now, wire)
        self._out += wire
        self.phase = phase

    def _say_secret(self, wire: bytes, shown: str, now: float) -> None:
        self.transcript.remark(now, shown, ">")
        self._out += wire
        self.phase = "auth"

    def _refuse(self, finding: Finding, reply: Reply | None, now: float) -> None:
        """End a session that the server would still continue: it is told (RFC 5321 §4.1.1.10)."""
        self._say(b"QUIT\r\n", "quit", now)
        self._close(finding, "the session was refused", reply)

    def _break(self, fault: Fault, now: float) -> None:
        self.transcript.remark(now, fault.what)
        self._out = b""
        self._close(words.fault(fault), fault.what)

    def _close(self, finding: Finding, cause: str, reply: Reply | None = None) -> None:
        if self._transaction is not None:
            self._transaction.lost(cause, after_dot=self._after_dot)
            self._finish()
        self.phase = "closed"
        self._events.append(Failed(finding, reply))

    _HEAR: ClassVar[dict[str, Callable[["Client", Reply, float], None]]] = {
        "greeting": _hear_greeting,
        "ehlo": _hear_ehlo,
        "helo": _hear_helo,
        "starttls": _hear_starttls,
        "auth": _hear_auth,
        "quit": _hear_quit,
    }
