"""The SMTP server as a machine over bytes: no socket, no clock; the outside feeds it, answers its events, writes its replies."""

from collections.abc import Callable
from functools import lru_cache
from typing import ClassVar

from mailwright.smtp import answers, login
from mailwright.smtp.chunking import Chunking
from mailwright.smtp.commands import MAX_AUTH_LINE, MAX_LINE, longest, read_host, read_mail, read_recipient, readable
from mailwright.smtp.machine import State
from mailwright.smtp.server_events import Recipient, StartTls
from mailwright.values import Reply

_SENDER_OK = answers.SENDER_OK.encode()
_RECIPIENT_OK = answers.RECIPIENT_OK.encode()
_SEND_DATA = answers.SEND_DATA.encode()
_FOREIGN = frozenset(("GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "CONNECT", "PATCH", "TRACE", "PRI"))  # RFC 9110 §9
_TLS_HANDSHAKE = b"\x16\x03"  # how a TLS client begins, RFC 8446 §5.1
_NOT_HERE = frozenset(("EXPN", "ETRN", "TURN", "ATRN", "SEND", "SOML", "SAML"))  # 502 and not 500, RFC 5321 §4.2.4
_ORDERED = frozenset(("MAIL", "RCPT", "DATA", "AUTH", "STARTTLS"))


class Server(Chunking):
    """One session. Feed it with `receive`, take `next_event` until None, then write `outgoing`.

    Login, MailFrom, Recipient and EndOfData are questions: nothing goes on until `reply` answers (what the client sent ahead
    waits, RFC 2920 §3.2); after Chunk call `taken`, after StartTls `tls_started`. After Closed nothing is heard any more.
    """

    __slots__ = ()

    # --- lines -----------------------------------------------------------------------------------------------------------------

    def _step(self) -> bool:
        if self.state is State.CLOSED:
            return False
        if self._reader is not None:
            return self._read_content(self._reader)
        end = self._buffer.find(b"\n", self._at)
        if end < 0:
            if self._buffer:
                self._watch_unfinished_line()
            return False
        line = bytes(self._buffer[self._at : end + 1])
        self._at = end + 1
        if self._at == len(self._buffer):
            self._buffer, self._at = b"", 0
        self._read_line(line)
        return True

    def _watch_unfinished_line(self) -> None:
        if self.ahead > MAX_AUTH_LINE:
            self._hang_up(answers.LINE_TOO_LONG, "endless line")
        elif self.state is State.START and self._buffer.startswith(_TLS_HANDSHAKE, self._at):
            self._hang_up(answers.WRONG_PROTOCOL, "TLS on a plain port")

    def _read_line(self, line: bytes) -> None:
        text = readable(line[:-2]) if line[-2:] == b"\r\n" else None
        if self.state is State.AUTH:
            self._read_login(text)
            return
        verb, _, argument = (text or "").rstrip(" ").partition(" ")  # blanks at the end are let pass, RFC 5321 §4.1.1
        verb = verb.upper()
        command = self._COMMANDS[self.state].get(verb)
        if command is not None and len(line) <= MAX_LINE:
            command(self, argument)
        elif verb in _FOREIGN or line[:2] == _TLS_HANDSHAKE:
            self._hang_up(answers.WRONG_PROTOCOL, "another protocol")
        elif line[:4].upper() == b"BDAT":  # it cannot be read: octets of a mail may follow, which are no commands
            self._hang_up(answers.BAD_CHUNK, "chunk of unknown length")
        elif text is None:
            self._refuse(answers.BAD_CHARACTER if line[-2:] == b"\r\n" else answers.LINE_END)
        elif len(line) > longest(verb):
            self._refuse(answers.LINE_TOO_LONG)
        elif command is None:
            self._refuse(self._misplaced(verb))
        else:
            command(self, argument)

    def _misplaced(self, verb: str) -> Reply:
        """What to say to a command that the state does not take (RFC 5321 §4.1.4)."""
        if verb in _NOT_HERE:
            return answers.NOT_OFFERED
        if verb not in _ORDERED:
            return answers.UNKNOWN
        if self.state is State.START:
            return answers.HELLO_FIRST
        if self.state is State.READY:
            return answers.MAIL_FIRST
        return answers.NESTED_MAIL if verb == "MAIL" else answers.NOT_DURING_MAIL

    # --- greetings -------------------------------------------------------------------------------------------------------------

    def _ehlo(self, argument: str) -> None:
        self._hello(argument, extended=True)

    def _helo(self, argument: str) -> None:
        self._hello(argument, extended=False)

    def _hello(self, argument: str, *, extended: bool) -> None:
        """A mail that was begun is forgotten, as with RSET (RFC 5321 §4.1.4)."""
        host = read_host(argument)
        if isinstance(host, Reply):
            self._refuse(host)
            return
        self._end_mail(taken=False)
        self.helo, self.extended, self.state = host, extended, State.READY
        setup = self._setup
        starttls, auth = setup.starttls and not self.tls, setup.login and self.tls and not self.logged_in
        self._pass_time(_offer(setup.host.name, setup.limits.size, starttls, auth) if extended else _plain_hello(setup.host.name))

    def _starttls(self, argument: str) -> None:
        if not self._setup.starttls:
            self._refuse(answers.NOT_OFFERED)
        elif self.tls:
            self._refuse(answers.TLS_ALREADY)
        elif argument:
            self._refuse(answers.NO_ARGUMENT)
        elif self.ahead:  # said in the clear, perhaps by somebody in between, and meant to be heard under TLS
            self._hang_up(answers.EARLY_PLAINTEXT, "plaintext after STARTTLS")
        else:
            self._answer(answers.START_TLS)
            self.state = State.TLS
            self._ask(StartTls())

    # --- login -----------------------------------------------------------------------------------------------------------------

    def _auth(self, argument: str) -> None:
        if not self._setup.login:
            self._refuse(answers.NOT_OFFERED)
        elif self.logged_in:
            self._refuse(answers.LOGGED_IN_ALREADY)
        elif not self.tls:
            self._refuse(answers.LOGIN_NEEDS_TLS)
        elif not self.extended:
            self._refuse(answers.HELLO_FIRST)
        else:
            self._login_goes_on(login.begin(argument))

    def _read_login(self, text: str | None) -> None:
        asked, self._asked, self.state = self._asked, None, State.READY
        if asked is not None:
            self._login_goes_on(answers.BAD_BASE64 if text is None else login.go_on(asked, text))

    def _login_goes_on(self, step: login.Login | login.Asked | Reply) -> None:
        match step:
            case login.Login():
                self._ask(step)
            case login.Asked():
                self._asked, self.state = step, State.AUTH
                self._answer(step.prompt)
            case Reply():
                self._refuse(step)

    # --- a mail ----------------------------------------------------------------------------------------------------------------

    def _mail(self, argument: str) -> None:
        if not (self.trusted or self.logged_in):
            self._refuse(answers.TLS_FIRST if self._setup.starttls and not self.tls else answers.LOGIN_FIRST)
            return
        mail = read_mail(argument, extended=self.extended)
        if isinstance(mail, Reply):
            self._refuse(mail)
        elif mail.size > self._setup.limits.size:
            self._answer(answers.too_big(self._setup.limits.size))  # RFC 1870 §6.1
        elif self._setup.ask_mail:
            self._ask(mail)
        else:
            self.mail, self.state = mail, State.MAIL
            self._out += _SENDER_OK

    def _rcpt(self, argument: str) -> None:
        """A bad recipient is no failed command: the good ones of a long list must not suffer for it."""
        self._attempts += 1
        if self._attempts > self._setup.limits.recipients:
            self._answer(answers.TOO_MANY_RECIPIENTS)
            return
        smtputf8 = self.mail is not None and self.mail.smtputf8
        address = read_recipient(argument, smtputf8=smtputf8, host=self._setup.host)
        if isinstance(address, Reply):
            self._answer(address)
        elif self._setup.ask_recipient:
            self._ask(Recipient(address))
        else:
            self.recipients.append(address)
            self.state = State.RCPT
            self._out += _RECIPIENT_OK

    def _data(self, argument: str) -> None:
        if argument:
            self._refuse(answers.NO_ARGUMENT)
        elif not self.recipients:
            self._refuse(answers.NO_RECIPIENT if self._attempts else answers.RECIPIENT_FIRST)
        else:
            self._begin_content()
            self._out += _SEND_DATA

    def _rset(self, argument: str) -> None:
        if argument:
            self._refuse(answers.NO_ARGUMENT)
            return
        if self.state is not State.START:
            self._end_mail(taken=False)
        self._pass_time(answers.RESET)

    # --- the rest --------------------------------------------------------------------------------------------------------------

    def _noop(self, _argument: str) -> None:
        self._pass_time(answers.NOTHING)

    def _help(self, _argument: str) -> None:
        self._pass_time(answers.HELP)

    def _vrfy(self, argument: str) -> None:
        if argument:
            self._pass_time(answers.CANNOT_VERIFY)
        else:
            self._refuse(answers.ARGUMENT_MISSING)

    def _quit(self, argument: str) -> None:
        if argument:
            self._refuse(answers.NO_ARGUMENT)
        else:
            self._hang_up(answers.BYE, "quit", polite=True)

    _ALWAYS: ClassVar[dict[str, Callable[["Server", str], None]]] = {
        "EHLO": _ehlo,
        "HELO": _helo,
        "RSET": _rset,
        "NOOP": _noop,
        "QUIT": _quit,
        "VRFY": _vrfy,
        "HELP": _help,
        "BDAT": Chunking.bdat,  # also where none may come: its octets are read
    }
    _COMMANDS: ClassVar[dict[State, dict[str, Callable[["Server", str], None]]]] = {  # the rest is out of order, RFC 5321 §4.1.4
        State.START: _ALWAYS,
        State.READY: _ALWAYS | {"MAIL": _mail, "AUTH": _auth, "STARTTLS": _starttls},
        State.MAIL: _ALWAYS | {"RCPT": _rcpt, "DATA": _data},
        State.RCPT: _ALWAYS | {"RCPT": _rcpt, "DATA": _data},
        State.CHUNKS: _ALWAYS,  # no DATA after BDAT, RFC 3030 §2
    }


@lru_cache(maxsize=64)
def _plain_hello(host: str) -> Reply:
    return Reply.of(250, "", host)


@lru_cache(maxsize=64)
def _offer(host: str, size: int, starttls: bool, auth: bool) -> Reply:
    """What EHLO tells; TLS and login only where they can be had now (RFC 3207 §4.2, RFC 4954 §4)."""
    lines = [host, "PIPELINING", f"SIZE {size}", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES", "CHUNKING"]
    lines += ["STARTTLS"] * starttls
    lines += [f"AUTH {' '.join(login.MECHANISMS)}"] * auth
    return Reply.of(250, "", *lines)
