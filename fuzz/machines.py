"""The SMTP machines under octets in any split: they neither break nor say what is no SMTP, and pass on no bare line end."""

import re
from collections.abc import Iterator

from mailwright.smtp.client import Client
from mailwright.smtp.client_events import NeedTls, Pour, Ready
from mailwright.smtp.commands import MailFrom
from mailwright.smtp.credentials import Login as Credentials
from mailwright.smtp.data import DataReader
from mailwright.smtp.login import Login
from mailwright.smtp.replies import ReplyReader
from mailwright.smtp.server import Server
from mailwright.smtp.server_events import Chunk, EndOfData, Event, Limits, Recipient, Setup, StartTls
from mailwright.smtp.stuffing import Stuffer
from mailwright.smtp.transaction import Envelope
from mailwright.values import Domain, Reply

LIMITS = Limits(size=2000, recipients=5, header_fields=10, header_octets=500, errors=10, idle_commands=10, chunk=256, ahead=4096)
YES, NO = Reply.of(250, "2.0.0", "Fine."), Reply.of(550, "5.0.0", "No.")
MAIL = Envelope("a@me.test", ["b@mx.test", "ü@mx.test", "c@mx.test"], 100)
_REPLIES = re.compile(rb"(?:[2-5][0-9][0-9](?:-[^\r\n]*\r\n|(?: [^\r\n]*)?\r\n))*")


def smtp_server(data: bytes) -> None:
    """A whole session: the first octet chooses the set-up, the second the split, both the answers from outside."""
    chosen, spoken = int.from_bytes(data[:1], "big"), data[2:]
    setup = Setup(
        Domain("mx.example.net"), LIMITS, starttls=bool(chosen & 1), ask_mail=bool(chosen & 2), ask_recipient=bool(chosen & 4)
    )
    server = Server(setup, tls=bool(chosen & 8), trusted=bool(chosen & 16))
    for piece in _split(spoken, data[1:2]):
        server.receive(piece)
        while (event := server.next_event()) is not None:
            _answer(server, event, NO if chosen & 32 and len(piece) % 2 else YES)
        said = server.outgoing()
        assert _REPLIES.fullmatch(said), said
        assert server.ahead <= LIMITS.ahead + len(piece)


def _answer(server: Server, event: Event, reply: Reply) -> None:
    match event:
        case Chunk():
            _whole_lines(event.content)
            server.taken()
        case StartTls():
            server.tls_started()
        case EndOfData():
            _whole_lines(event.content)
            server.reply(reply)
        case Login() | MailFrom() | Recipient():
            server.reply(reply)


def _whole_lines(octets: bytes) -> None:
    """No CR or LF alone, but for a CR LF that two chunks share."""
    text = octets.removeprefix(b"\n").removesuffix(b"\r")
    assert text.count(b"\r") == text.count(b"\n") == text.count(b"\r\n"), octets


def smtp_client(data: bytes) -> None:
    """A session with a server that says anything: the first octet chooses the set-up, the second the split."""
    chosen, spoken = int.from_bytes(data[:1], "big"), data[2:]
    login = Credentials("user", "secret") if chosen & 1 else None
    client = Client(ehlo="me.test", login=login, login_in_clear=bool(chosen & 2), encrypted=bool(chosen & 4))
    for piece in _split(spoken, data[1:2]):
        for event in client.receive(piece, 1.0):
            match event:
                case NeedTls():
                    client.tls_started("TLS", 1.0)
                case Ready() if client.phase == "idle":  # what came with it may have ended the session
                    client.begin(MAIL, 1.0)
                case Pour():
                    client.content(b"Subject: x\r\n\r\n.\r\n")
                    client.end(1.0)
        said = client.outgoing()
        assert not said or said.endswith(b"\r\n"), said
    client.lost("the end", 2.0)
    assert "secret" not in str(client.transcript)


def content(data: bytes) -> None:
    """A content in any split: read the same as at once; what goes out stuffed comes in as it was."""
    where, octets = data[:1], data[1:]
    once, split = _read([octets]), _read(list(_split(octets, where)))
    assert once == split, (once, split)
    stuffer = Stuffer()
    wire = b"".join([stuffer.feed(piece) for piece in _split(octets, where)]) + stuffer.end()
    if not stuffer.broken and b"\0" not in octets:
        ended = octets if octets.endswith(b"\r\n") or not octets else octets + b"\r\n"
        assert _read([wire]) == (True, None, ended, b""), wire


def _read(pieces: list[bytes]) -> tuple[bool, object, bytes, bytes]:
    """Whether it ended, the fault, the content where there is none, and what came after it."""
    reader = DataReader(size=100_000, header_fields=10_000, header_octets=100_000)
    read, rest = b"", b""
    for piece in pieces:
        if reader.done:
            rest += piece
        else:
            read += reader.feed(piece)
            rest += reader.rest
    return reader.done, reader.fault, b"" if reader.fault or not reader.done else read, rest


def replies(data: bytes) -> None:
    """Replies in any split are the same replies, as far as the first fault."""
    whole, reader = ReplyReader().feed(data[1:]), ReplyReader()
    assert [one for piece in _split(data[1:], data[:1]) for one in reader.feed(piece)] == whole


def _split(octets: bytes, step: bytes) -> Iterator[bytes]:
    """Pieces of as many octets as `step` says."""
    size = int.from_bytes(step, "big") or len(octets) or 1
    return (octets[at : at + size] for at in range(0, len(octets), size))
