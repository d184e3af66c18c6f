"""The SMTP server machine: dialogues as texts, and arbitrary octets that must neither break nor swell it."""

import re
from collections import deque
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailwright.smtp.commands import MailFrom
from mailwright.smtp.login import Login
from mailwright.smtp.server import Server
from mailwright.smtp.server_events import Chunk, Closed, ContentRefused, EndOfData, Limits, Recipient, Setup, StartTls
from mailwright.values import Domain, Reply

HOST = Domain("mx.example.net")
LATER = Reply.of(421, "4.3.2", "later")
TEXTS = Path(__file__).with_name("server_dialogues.txt")


@dataclass
class Case:
    """One dialogue of the text file."""

    name: str
    because: str = ""
    options: tuple[str, ...] = ()
    lines: list[tuple[str, str]] = field(default_factory=list)

    def server(self) -> Server:
        numbers = {name: int(value) for name, _, value in (o.partition("=") for o in self.options) if value}
        setup = Setup(
            HOST,
            replace(Limits(), **numbers),
            starttls="starttls" in self.options,
            ask_mail="ask-mail" in self.options,
            ask_recipient="ask-recipient" in self.options,
        )
        return Server(setup, tls="tls" in self.options, trusted="trusted" in self.options)


def read_cases() -> list[Case]:
    cases: list[Case] = []
    for line in TEXTS.read_text("utf-8").splitlines():
        if line.startswith("== "):
            cases.append(Case(line[3:]))
        elif not line or line.startswith("#"):
            continue
        elif line.startswith("because: "):
            cases[-1].because = line[9:]
        elif line.startswith("options: "):
            cases[-1].options = tuple(part.strip() for part in line[9:].split(","))
        else:
            mark, _, text = line.partition(":")
            cases[-1].lines.append((mark, text.removeprefix(" ")))
    return cases


CASES = read_cases()


def octets(text: str) -> bytes:
    """A client's line as written in the text file."""
    text = re.sub(r"\$\{(.)\*(\d+)\}", lambda m: m[1] * int(m[2]), text)
    return text.encode("utf-8").decode("unicode_escape").encode("latin-1")


class Talk:
    """Drives one server through one dialogue."""

    def __init__(self, case: Case, step: int) -> None:
        self.server, self.step = case.server(), step
        self.said: deque[str] = deque()
        self.events: deque[str] = deque()
        self.hear()

    def hear(self) -> None:
        while (event := self.server.next_event()) is not None:
            self.events.append(repr(event))
        self.said.extend(self.server.outgoing().decode().split("\r\n")[:-1])

    def send(self, data: bytes) -> None:
        for at in range(0, len(data), self.step):
            self.server.receive(data[at : at + self.step])
            self.hear()

    def answer(self, text: str) -> None:
        match text.split(" ", 1):
            case ["tls"]:
                self.server.tls_started()
            case ["taken"]:
                self.server.taken()
            case ["refuse", reply]:
                self.server.refuse_content(reply_of(reply))
            case ["wind", _]:
                self.server.wind_up(LATER)
            case ["dismiss"]:
                self.server.dismiss(LATER, "shutdown")
            case _:
                self.server.reply(reply_of(text))
        self.hear()

    def nothing_left(self) -> None:
        assert (list(self.said), list(self.events)) == ([], [])


def reply_of(text: str) -> Reply:
    code, enhanced, words = text.split(" ", 2)
    return Reply.of(int(code), enhanced, words)


def matches(got: str, pattern: str) -> bool:
    return fnmatchcase(got, pattern.replace("\\x20", " ").replace("[", "[[]"))


def play(case: Case, step: int) -> None:
    talk = Talk(case, step)
    if case.lines[0][0] != "S":
        talk.said.clear()  # the greeting
    pending = b""
    for n, (mark, text) in enumerate(case.lines):
        if mark.startswith("C"):
            talk.nothing_left()
            pending += octets(text) + (b"" if mark == "C-" else b"\r\n")
            if n + 1 == len(case.lines) or not case.lines[n + 1][0].startswith("C"):
                talk.send(pending)
                pending = b""
        elif mark == "A":
            talk.nothing_left()
            talk.answer(text)
        elif text == "...":
            while talk.said and talk.said[0][3:4] == "-":
                talk.said.popleft()
        else:
            queue = talk.said if mark == "S" else talk.events
            assert queue, f"expected {mark}: {text}, got nothing"
            got = queue.popleft()
            assert matches(got, text), f"expected {mark}: {text}, got {got}"
    talk.nothing_left()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_dialogue(case: Case) -> None:
    assert case.because, "a case says why"
    play(case, 1 << 20)


@pytest.mark.parametrize("case", [case for case in CASES if "whole" not in case.options], ids=lambda case: case.name)
def test_dialogue_octet_by_octet(case: Case) -> None:
    play(case, 1)


PROTOCOL_WORDS = [  # RFC 3848, RFC 6531 §4.3
    ("HELO a", False, False, "", "SMTP"),
    ("EHLO a", False, False, "", "ESMTP"),
    ("EHLO a", True, False, "", "ESMTPS"),
    ("EHLO a", True, True, "", "ESMTPSA"),
    ("EHLO a", True, True, " SMTPUTF8", "UTF8SMTPSA"),
]


@pytest.mark.parametrize("hello, tls, login, parameter, word", PROTOCOL_WORDS)
def test_the_word_after_with(hello: str, tls: bool, login: bool, parameter: str, word: str) -> None:
    server = Server(Setup(HOST), tls=tls, trusted=not login)
    server.receive(hello.encode() + b"\r\n")
    assert server.next_event() is None
    if login:
        server.receive(b"AUTH PLAIN AGFjbWUAc2VjcmV0\r\n")
        assert isinstance(server.next_event(), Login)
        server.reply(Reply.of(235, "2.7.0", "ok"))
    server.receive(f"MAIL FROM:<a@b.example>{parameter}\r\n".encode())
    assert server.next_event() is None
    assert server.protocol == word


def test_a_password_never_shows() -> None:
    login = Login("PLAIN", "acme", "correct horse")
    assert "horse" not in repr(login)
    assert "horse" not in str(login)


def test_too_much_sent_ahead_ends_the_session() -> None:
    """While the outside thinks, a client may run ahead, but not without end."""
    server = Server(Setup(HOST, Limits(ahead=1000)), trusted=True)
    server.receive(b"HELO a\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<b@example.org>\r\n")
    assert isinstance(server.next_event(), Recipient)
    for _ in range(200):
        server.receive(b"NOOP and more\r\n")
    assert server.ahead == 0
    assert server.next_event() == Closed("too much sent ahead")
    server.reply(Reply.of(250, "2.1.5", "too late"))
    assert b"too late" not in server.outgoing()


def test_a_flood_beyond_the_size_limit_is_given_up() -> None:
    """Up to twice the limit is swallowed so that the client hears the reason at the end; then it is not waited for."""
    server = Server(Setup(HOST, Limits(size=1000), ask_recipient=False), trusted=True)
    server.receive(b"HELO a\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<b@example.org>\r\nDATA\r\n")
    block, sent = b"0123456789" * 6000 + b"\r\n", 0
    while (event := server.next_event()) is None and sent < 10_000_000:
        server.receive(block)
        sent += len(block)
    assert event == Closed("flooded")
    assert sent < 2_000_000


COMMANDS = [
    b"EHLO a\r\n",
    b"HELO a\r\n",
    b"MAIL FROM:<a@b.example>\r\n",
    b"MAIL FROM:<> SIZE=5 SMTPUTF8\r\n",
    b"RCPT TO:<b@example.org>\r\n",
    b"RCPT TO:<nobody>\r\n",
    b"DATA\r\n",
    b"BDAT 20\r\n",
    b"BDAT 0\r\n",
    b"BDAT 300 LAST\r\n",
    b"BDAT 0 LAST\r\n",
    b"BDAT LAST\r\n",
    b".\r\n",
    b"\r\n.\r\n",
    b"RSET\r\n",
    b"AUTH PLAIN AGFjbWUAc2VjcmV0\r\n",
    b"AUTH LOGIN\r\n",
    b"YWNtZQ==\r\n",
    b"STARTTLS\r\n",
    b"NOOP\r\n",
    b"QUIT\r\n",
    b"\n.\n",
    b"text " * 50,
]
SMALL = Limits(size=4096, recipients=5, header_fields=10, header_octets=1000, errors=6, idle_commands=9, chunk=256, ahead=2048)


@given(
    pieces=st.lists(st.one_of(st.sampled_from(COMMANDS), st.binary(max_size=300)), max_size=40),
    cuts=st.lists(st.integers(1, 200), min_size=1, max_size=10),
    answers=st.lists(st.sampled_from([250, 354, 421, 451, 550]), min_size=1, max_size=5),
    tls=st.booleans(),
)
def test_no_input_breaks_or_swells_it(pieces: list[bytes], cuts: list[int], answers: list[int], tls: bool) -> None:
    """Whatever comes, in whatever split, and whatever is answered: no exception, little memory, nothing after the end."""
    server = Server(Setup(HOST, SMALL, starttls=True, ask_mail=True), tls=tls, trusted=not tls)
    data, at, turn, closed = b"".join(pieces), 0, 0, False
    while at < len(data):
        step = cuts[turn % len(cuts)]
        server.receive(data[at : at + step])
        at, turn = at + step, turn + 1
        while (event := server.next_event()) is not None:
            assert not closed, "nothing happens after the end"
            reply = Reply.of(answers[turn % len(answers)], "", "answer")
            match event:
                case Closed():
                    closed = True
                case StartTls():
                    server.tls_started()
                case Chunk(content):
                    assert len(content) <= SMALL.chunk
                    server.taken() if turn % 3 else server.refuse_content(reply)
                case EndOfData(content, size):
                    assert len(content) <= size <= SMALL.size
                    server.reply(reply)
                case MailFrom() | Recipient() | Login():
                    server.reply(reply)
                case ContentRefused():
                    pass
        assert server.ahead <= SMALL.ahead + 12288
        assert len(server.recipients) <= SMALL.recipients
        for line in server.outgoing().split(b"\r\n")[:-1]:
            assert re.fullmatch(rb"[2-5]\d\d[ -][ -~]*", line)
