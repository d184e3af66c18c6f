"""Log lines: nothing secret, nothing forged, nothing lost, nobody made to wait."""

import json
import logging
import os
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailwright.app import logs
from mailwright.app.logline import LONGEST, Entry, json_line, text_line

KEY = "mw_abcdefgh_" + "a2b3c4d5" * 4


@pytest.fixture(autouse=True)
def _stopped() -> Iterator[None]:
    yield
    logs.stop()


def entry(event: str = "delivered", cause: BaseException | None = None, **fields: Any) -> Entry:
    return Entry(1_700_000_000.25, logging.INFO, "delivery", event, fields, cause)


def told(*, addresses: bool = True, **fields: Any) -> dict[str, Any]:
    line: dict[str, Any] = json.loads(json_line(entry(**fields), addresses=addresses))
    return line


def written(path: Path) -> list[dict[str, Any]]:
    logs.stop()
    return [json.loads(line) for line in path.read_text().splitlines()]


def opened(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT)


def test_one_object_with_time_level_part_event_and_fields() -> None:
    assert told(message="05cg7x2k4m9pq", to="anna@example.com", ms=7, tls=None, ok=True, took=0.5) == {
        "time": "2023-11-14T22:13:20.250Z",
        "level": "info",
        "part": "delivery",
        "event": "delivered",
        "message": "05cg7x2k4m9pq",
        "to": "anna@example.com",
        "ms": 7,
        "tls": None,
        "ok": True,
        "took": 0.5,
    }


def test_a_readable_line() -> None:
    line = text_line(entry(to="anna@example.com", reply='250 "fine"', n=3, empty=""), addresses=True)
    assert line == '22:13:20.250 info    delivery: delivered  to=anna@example.com  reply="250 \\"fine\\""  n=3  empty=""\n'


SECRETS: list[tuple[Mapping[str, Any], str]] = [
    ({"password": "s3cret"}, "a field of that name"),
    ({"smtp_password": "s3cret"}, "a part of the name"),
    ({"Authorization": "Bearer s3cret"}, "a header"),
    ({"x-auth-token": "s3cret"}, "hyphens"),
    ({"private_key": "s3cret"}, "a key"),
    ({"private_key": b"s3cret"}, "octets"),
    ({"request": {"headers": {"cookie": "s3cret"}}}, "nested"),
    ({"tries": [{"token": "s3cret"}]}, "nested in a list"),
    ({"said": "AUTH PLAIN czNjcmV0czNjcmV0"}, "an initial response (RFC 4954 §4)"),
    ({"said": "auth login czNjcmV0czNjcmV0"}, "whatever the letters' case"),
    ({"said": "authorization: bearer s3cret.s3cret"}, "a bearer token in a text"),
    ({"url": "postgresql://mw:s3cret@db/mail"}, "a login in a URL"),
    ({"url": ["http://mw:s3cret@h"]}, "in a list"),
    ({"body": "s3cret"}, "the text of a mail"),
    ({"subject": "s3cret"}, "a subject may be secret"),
    ({"data": b"s3cret"}, "message data"),
    ({"given": b"s3cret"}, "octets are never told, only how many"),
]


@pytest.mark.parametrize("fields,because", SECRETS, ids=[row[-1] for row in SECRETS])
def test_no_secret(fields: Mapping[str, Any], because: str) -> None:
    for render in (json_line, text_line):
        line = render(entry(**fields), addresses=True)
        assert "s3cret" not in line, because
        assert "czNjcmV0" not in line, because


@pytest.mark.parametrize("where", ["event", "field", "list", "key of a mapping", "cause"])
def test_an_api_key_is_masked_wherever_it_stands(where: str) -> None:
    line = {
        "event": entry(f"login with {KEY}"),
        "field": entry(said=f"x{KEY}"),
        "list": entry(said=[KEY]),
        "key of a mapping": entry(said={KEY: 1}),
        "cause": entry(cause=ValueError(f"bad {KEY}")),
    }[where]
    for render in (json_line, text_line):
        assert KEY not in render(line, addresses=True)
        assert "mw_abcdefgh_***" in render(line, addresses=True)  # the prefix tells which key it was


def test_words_that_only_look_secret_are_told() -> None:
    assert told(subsystem="password", key_prefix="abcdefgh", passed=3, author="a@b.example", keyring="var/keyring") == told() | {
        "subsystem": "password",
        "key_prefix": "abcdefgh",
        "passed": 3,
        "author": "a@b.example",
        "keyring": "var/keyring",
    }


ADDRESSES = [
    ("anna@example.com", "***@example.com"),
    ("<anna@example.com>,<b.c+d@example.net>", "<***@example.com>,<***@example.net>"),
    ("550 5.1.1 anna@example.com unknown", "550 5.1.1 ***@example.com unknown"),
    ('"anna b"@example.com', "***@example.com"),
    ("münchen@example.com", "***@example.com"),
    ("no address at all", "no address at all"),
]


@pytest.mark.parametrize("given_text,shown", ADDRESSES)
def test_addresses_can_be_left_out(given_text: str, shown: str) -> None:
    assert told(addresses=False, to=given_text, more=[given_text])["to"] == shown
    assert told(addresses=False, to=given_text, more=[given_text])["more"] == [shown]
    assert told(to=given_text)["to"] == given_text


FORGED = ["a\nb", "a\r\nb", 'x","level":"error', "a\x1b[2Jb", "a\u2028b", "a\u202eb", "a\x85b", "\ud800", "a\x00b"]


@pytest.mark.parametrize("text", FORGED, ids=ascii)
def test_no_text_can_forge_a_line(text: str) -> None:
    line = json_line(entry(text, None, said=text, **{text: 1}), addresses=True)
    assert line.count("\n") == 1
    assert line.isascii()
    assert json.loads(line)["level"] == "info"
    line = text_line(entry(text, None, said=text, **{text: 1}), addresses=True)
    assert line.endswith("\n")
    assert line[:-1].isprintable()


@given(
    st.dictionaries(st.text(), st.recursive(st.none() | st.floats() | st.text() | st.binary(), st.lists, max_leaves=5)), st.text()
)
def test_every_entry_is_one_line(fields: dict[str, Any], event: str) -> None:
    for addresses in (True, False):
        made = Entry(0.0, logging.INFO, "x", event, fields)
        line = json_line(made, addresses=addresses)
        assert line.count("\n") == 1
        json.loads(line, parse_constant=pytest.fail)
        assert text_line(made, addresses=addresses)[:-1].isprintable()


def test_fields_cannot_stand_for_what_every_line_has() -> None:
    line = told(level="error", time="never")
    assert (line["level"], line["level_"], line["time_"]) == ("info", "error", "never")


def test_long_texts_and_long_lists_are_cut() -> None:
    line = told(reply="x" * 100_000, many=list(range(1000)))
    assert len(line["reply"]) < LONGEST + 30
    assert line["reply"].endswith("(100000 characters)")
    assert len(line["many"]) == 50


def test_a_cause_is_told_with_its_traceback() -> None:
    try:
        raise OSError("disk\nfull")
    except OSError as fault:
        failed = entry(cause=fault)
    line = json.loads(json_line(failed, addresses=True))
    assert line["error"] == "OSError: disk\nfull"
    assert "test_a_cause_is_told" in line["trace"]
    *rest, last = text_line(failed, addresses=True).splitlines()[1:]
    assert all(row.startswith("    ") for row in (*rest, last))


def test_ours_and_the_standard_librarys_end_in_the_same_file(tmp_path: Path) -> None:
    logs.start(level="info", form="json", fd=opened(tmp_path / "log"))
    logs.logger("delivery").info("delivered", message="m1")
    logs.logger("delivery").debug("not told")
    logging.getLogger("mailwright.net").info("connected", extra={"fields": {"message": "m2"}})
    logging.getLogger("mailwright.net").warning("slow %s", "server", extra={"host": "mx.example.com"})
    logging.getLogger("uvicorn").info("not told: another library's info")
    logging.getLogger("sqlalchemy").error("told")
    assert [
        {key: line.get(key) for key in ("part", "level", "event", "message", "host")} for line in written(tmp_path / "log")
    ] == [
        {"part": "delivery", "level": "info", "event": "delivered", "message": "m1", "host": None},
        {"part": "net", "level": "info", "event": "connected", "message": "m2", "host": None},
        {"part": "net", "level": "warning", "event": "slow server", "message": None, "host": "mx.example.com"},
        {"part": "sqlalchemy", "level": "error", "event": "told", "message": None, "host": None},
    ]


def test_before_the_start_lines_go_the_standard_way(caplog: pytest.LogCaptureFixture) -> None:
    logs.logger("delivery").warning("early", message="m1")
    assert caplog.messages == ["early"]


def test_a_field_that_cannot_be_shown_is_said_and_the_log_goes_on(tmp_path: Path) -> None:
    class Hostile:
        def __str__(self) -> str:
            raise RuntimeError

    logs.start(form="json", fd=opened(tmp_path / "log"))
    logs.logger("x").info("first", what=Hostile())
    logs.logger("x").info("second")
    assert [line["event"] for line in written(tmp_path / "log")] == ["log line not shown", "second"]


def test_nothing_is_lost_at_the_end_from_many_threads(tmp_path: Path) -> None:
    logs.start(form="json", fd=opened(tmp_path / "log"))

    def tell(n: int) -> None:
        for i in range(500):
            logs.logger("x").info("told", n=n, i=i)

    threads = [threading.Thread(target=tell, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = written(tmp_path / "log")
    assert [[line["i"] for line in lines if line["n"] == n] for n in range(4)] == [list(range(500))] * 4


def test_a_reader_who_stops_makes_nobody_wait_and_the_loss_is_told(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    logs.start(form="json", fd=writing)
    for i in range(logs.MOST_WAITING + 2_000):  # a pipe takes 64 KiB, then the writing thread stands still
        logs.logger("x").info("told", i=i)
    received = bytearray()

    def read() -> None:
        while chunk := os.read(reading, 1 << 16):
            received.extend(chunk)

    reader = threading.Thread(target=read)
    reader.start()
    logs.stop()
    os.close(writing)
    reader.join()
    os.close(reading)
    lines = [json.loads(line) for line in received.splitlines()]
    lost = sum(line.get("lines", 0) for line in lines)
    assert lost > 0
    assert len([line for line in lines if line["event"] == "told"]) + lost == logs.MOST_WAITING + 2_000


def test_a_closed_reader_does_not_end_the_process() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    logs.start(form="json", fd=writing)
    logs.logger("x").info("told")
    logs.stop()
    os.close(writing)


def test_a_terminal_gets_text_and_a_file_json(tmp_path: Path) -> None:
    logs.start(form="auto", fd=opened(tmp_path / "log"))
    logs.logger("x").info("told")
    assert written(tmp_path / "log")[0]["event"] == "told"
    try:
        parent, child = os.openpty()
    except OSError:
        pytest.skip("This machine has no terminals to give: mount -t devpts devpts /dev/pts")
    logs.start(form="auto", fd=child)
    logs.logger("x").info("told")
    logs.stop()
    assert b"info    x: told" in os.read(parent, 1000)
    os.close(parent)
    os.close(child)
