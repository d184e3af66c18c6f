"""Outgoing HTTP: what is answered, what is not waited for, and where we do not go."""

import asyncio
import ssl
from collections.abc import Sequence
from pathlib import Path

import h11
import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from mailwright.net.http_out import HttpPoster, _answered, _Connection
from mailwright.ports.poster import Answered, Unanswered
from tests.app.receivers import Heard, Receiver, hangs, hangs_up, says

FIELDS = [("Content-Type", "application/json")]


def poster(receiver: Receiver, *addresses: str, within: float = 5.0, name: str = "", ca_file: str | None = None) -> HttpPoster:
    """May call this receiver; every name has these addresses."""

    async def found(host: str) -> Sequence[str]:
        return addresses

    inner = [("127.0.0.1", receiver.port)] + ([(name, receiver.port)] if name else [])
    return HttpPoster(found, inner=inner, within=within, ca_file=ca_file)


async def posted(receiver: Receiver, url: str = "", **how: object) -> Answered | Unanswered:
    door = poster(receiver, **how)  # type: ignore[arg-type]
    try:
        return await door.post(url or receiver.url, FIELDS, b'{"a": 1}')
    finally:
        await door.close()


async def test_a_call_arrives_as_it_was_made() -> None:
    async with Receiver(says(202, b"thanks")) as receiver:
        url = f"http://127.0.0.1:{receiver.port}/a%20b/\u00fc?x=1&y=%2F"
        assert await posted(receiver, url) == Answered(202, "thanks")
        (heard,) = receiver.heard
        assert heard.path == "/a%20b/%C3%BC?x=1&y=%2F"
        assert heard.headers["host"] == f"127.0.0.1:{receiver.port}"
        assert heard.headers["content-type"] == "application/json"
        assert heard.body == b'{"a": 1}'


async def test_a_connection_is_used_again_and_one_that_was_closed_is_replaced() -> None:
    async with Receiver() as receiver:
        door = poster(receiver)
        for _ in range(3):
            assert await door.post(receiver.url, FIELDS, b"x") == Answered(200, "")
        assert receiver.connections == 1
        receiver.answer = hangs_up
        assert isinstance(await door.post(receiver.url, FIELDS, b"x"), Unanswered)
        assert receiver.connections == 2, "the kept one may have been closed just then: once more over a new one"
        receiver.answer = says(200, Connection="close")
        for _ in range(2):
            assert await door.post(receiver.url, FIELDS, b"x") == Answered(200, "")
        assert receiver.connections == 4
        await door.close()


@pytest.mark.parametrize(
    ("to", "status"),
    [("http://127.0.0.1:9/", 302), ("http://169.254.169.254/latest/meta-data/", 307), ("https://else.example/", 308)],
)
async def test_a_redirect_is_an_answer_and_no_order(to: str, status: int) -> None:
    async with Receiver(says(status, Location=to)) as receiver:
        answer = await posted(receiver)
        assert isinstance(answer, Answered)
        assert answer.status == status
        assert "not followed" in answer.text
        assert to in answer.text
        assert receiver.connections == 1


async def test_of_ten_megabytes_one_kilobyte_is_read() -> None:
    sent = 0

    async def floods(_: Heard, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 So\r\nContent-Length: 10000000\r\n\r\n")
        for _part in range(1000):
            writer.write(b"x" * 10_000)
            await writer.drain()
            sent += 10_000

    async with Receiver(floods) as receiver:
        assert await posted(receiver) == Answered(200, "x" * 1024)
        await asyncio.sleep(0.05)
        assert sent < 9_000_000, "the connection was cut"


@pytest.mark.parametrize(
    ("raw", "because"),
    [
        (b"SSH-2.0-OpenSSH_9.2\r\n", "no HTTP"),
        (b"HTTP/1.1 200 So\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!", "two lengths"),
        (b"HTTP/1.1 200 So\r\n" + b"X: " + b"y" * 70_000 + b"\r\n\r\n", "a header without end"),
        (b"", "nothing at all"),
    ],
)
async def test_what_is_no_answer(raw: bytes, because: str) -> None:
    async def answers(_: Heard, writer: asyncio.StreamWriter) -> None:
        writer.write(raw)
        await writer.drain()
        writer.close()

    async with Receiver(answers) as receiver:
        answer = await posted(receiver)
        assert isinstance(answer, Unanswered), because
        assert "SSH" not in answer.what


@pytest.mark.parametrize("drips", [False, True])
async def test_a_receiver_that_hangs_or_drips_is_not_waited_for(drips: bool) -> None:
    async def slowly(_: Heard, writer: asyncio.StreamWriter) -> None:
        for letter in "HTTP/1.1 200 So and so it goes on\r\n":
            writer.write(letter.encode())
            await asyncio.sleep(0.05)

    async with Receiver(slowly if drips else hangs) as receiver:
        assert await posted(receiver, within=0.2) == Unanswered("There was no answer within 0.2 seconds.")


async def test_a_name_that_leads_inside_is_not_called_and_where_it_leads_is_not_told() -> None:
    """Each call looks the name up, looks at the addresses, and connects to one of those: rebinding gains nothing."""
    async with Receiver() as receiver:
        for address in ("127.0.0.1", "169.254.169.254", "::ffff:127.0.0.1", "10.1.2.3", "fd00:ec2::254", "0.0.0.0"):
            door = poster(receiver, address)
            answer = await door.post(f"http://rebinds.example:{receiver.port}/", FIELDS, b"x")
            assert isinstance(answer, Unanswered)
            assert address not in answer.what
            assert "[webhooks]" in answer.what
        for literal in ("127.0.0.1:22", "localhost:25", "[::1]:8025", "2130706433", "0x7f.1", "169.254.169.254"):
            answer = await poster(receiver, "127.0.0.1").post(f"http://{literal}/", FIELDS, b"x")
            assert isinstance(answer, Unanswered), literal
        assert receiver.connections == 0


async def test_a_public_receiver_on_a_systems_port_is_not_called() -> None:
    async with Receiver() as receiver:
        answer = await poster(receiver, "8.8.8.8").post("http://mx.example:25/", FIELDS, b"x")
        assert isinstance(answer, Unanswered)
        assert "port" in answer.what


async def test_nothing_listens() -> None:
    async with Receiver() as receiver:
        pass
    answer = await posted(receiver)
    assert answer == Unanswered(f"No connection to 127.0.0.1:{receiver.port}: nothing listens there.")
    assert await posted(receiver, "http://nowhere.example/") == Unanswered("The address of nowhere.example could not be found.")


async def test_tls_is_checked(tmp_path: Path) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("app.example").configure_cert(context)
    trusted = str(tmp_path / "ca.pem")
    authority.cert_pem.write_to_path(trusted)
    async with Receiver(context=context) as receiver:

        async def call(name: str, ca_file: str | None) -> Answered | Unanswered:
            door = poster(receiver, "127.0.0.1", name=name, ca_file=ca_file)
            answer = await door.post(f"https://{name}:{receiver.port}/", FIELDS, b"x")
            await door.close()
            await asyncio.sleep(0)
            return answer

        assert await call("app.example", trusted) == Answered(200, "")
        for name, ca_file in (("other.example", trusted), ("app.example", None)):
            answer = await call(name, ca_file)
            assert isinstance(answer, Unanswered)
            assert "certificate is not good" in answer.what
        assert len(receiver.heard) == 1


PARTS = st.sampled_from(
    [
        b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 101 Switching\r\n", b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.0 302 x\r\n",
        b"HTTP/1.1 999 \r\n", b"HTTP/2 200\r\n", b"Content-Length: 3\r\n", b"Content-Length: -1\r\n", b"Upgrade: websocket\r\n",
        b"Transfer-Encoding: chunked\r\n", b"Location: \xff\xfe\r\n", b"Retry-After: 9\xb2\r\n", b"Connection: close\r\n",
        b"\r\n",
        b"3\r\nabc\r\n", b"0\r\n\r\n", b"ffffffffffff\r\n", b"abc", b"\x00",
    ]
)  # fmt: skip


@given(st.lists(PARTS | st.binary(max_size=20), max_size=8))
def test_whatever_octets_are_answered_they_are_an_answer_or_none(octets: list[bytes]) -> None:
    async def read() -> Answered | None:
        reader = asyncio.StreamReader()
        reader.feed_data(b"".join(octets))
        reader.feed_eof()
        connection = _Connection(reader, None)  # type: ignore[arg-type]  # nothing is written
        for event in (h11.Request(method="POST", target="/", headers=[("Host", "x")]), h11.EndOfMessage()):
            connection.http.send(event)
        try:
            return _answered(*await connection.answer())
        except h11.RemoteProtocolError:
            return None

    answer = asyncio.run(read())
    assert answer is None or len(answer.text) <= 1024
