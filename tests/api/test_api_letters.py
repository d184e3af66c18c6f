"""What a request may say of a mail: each text field with what could add a field to the mail, and times in words."""

import copy
import json
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from mailwright.api.letters import NewEmail, json_of, order_of
from mailwright.api.moments import DAY, HOUR, MINUTE, moment_of
from mailwright.api.quick import schema_of
from mailwright.message import fields, split
from mailwright.message.compose import compose
from mailwright.values import Malformed
from tests.message.test_message_calendar import INVITE

NOW = 1_800_000_000_000  # 2027-01-15T08:00:00Z
FULL: dict[str, Any] = {
    "from": "Anna <anna@acme.example>", "to": ["bob@remote.example"], "subject": "Hello", "html": "<p>Hi</p>", "text": "Hi",
    "cc": ["carl@remote.example"], "bcc": ["eve@remote.example"], "reply_to": ["desk@acme.example"],
    "headers": {"X-Ticket": "4711"}, "tags": [{"name": "kind", "value": "bill"}], "scheduled_at": "in 5 minutes",
    "attachments": [{"content": "aGk=", "filename": "a.pdf", "content_type": "application/pdf", "content_id": "a"}],
    "calendar": {"content": INVITE, "method": "REQUEST"}, "subsystem": "billing", "user": "u-7",
}  # fmt: skip
BODIES = ("html", "text", "calendar.content")  # lines may end in them
Path = tuple[str | int, ...]


def texts(schema: Any, path: Path = ()) -> Iterator[Path]:
    """Where the model takes a text, into the first entry of each list."""
    if schema.get("type") == "string":
        yield path
    for choice in schema.get("anyOf", ()):
        yield from texts(choice, path)
    for name, part in schema.get("properties", {}).items():
        yield from texts(part, (*path, name))
    if isinstance(schema.get("items"), dict):
        yield from texts(schema["items"], (*path, 0))
    if isinstance(schema.get("additionalProperties"), dict):
        yield from texts(schema["additionalProperties"], (*path, "X-Ticket"))


PATHS = sorted(set(texts(schema_of(NewEmail))), key=str)
EVIL = [
    "a\r\nX-Evil: 1",
    "a\nX-Evil: 1",
    "a\rX-Evil: 1",
    "a\r\n\r\nX-Evil",
    "a\x00b",
    "a\ud83d",
    "\r\n X-Evil: 1",
    "a\u2028X-Evil: 1",
]


def placed(path: Path, value: object) -> dict[str, Any]:
    mail = copy.deepcopy(FULL)
    at: Any = mail
    for step, following in pairwise(path):
        if not isinstance(at[step], (list if isinstance(following, int) else dict)):
            at[step] = [None] if isinstance(following, int) else {}
        at = at[step]
    at[path[-1]] = value
    return mail


def mail_of(given: object) -> bytes:
    letter = order_of(json_of(json.dumps(given).encode()), now=NOW, most=1000).letter
    return compose(letter, now_ms=NOW, message_id="<1@mail.example>")


def test_the_fields_are_known() -> None:
    assert len(PATHS) > 25
    assert ("headers", "X-Ticket") in PATHS
    assert ("attachments", 0, "filename") in PATHS


@pytest.mark.parametrize("path", PATHS, ids=lambda path: ".".join(map(str, path)))
def test_no_text_adds_a_field(path: Path) -> None:
    assert b"X-Ticket: 4711" in mail_of(FULL)
    body = ".".join(map(str, path)) in BODIES or path == ("calendar",)
    for evil in EVIL:
        value = INVITE.replace("SUMMARY:", f"SUMMARY:{evil}") if path[0] == "calendar" and path[-1] != "method" else evil
        try:
            mail = mail_of(placed(path, value))
        except (Malformed, ValidationError):
            continue
        names = [field.name for field in fields(split(mail)[0])]
        assert b"x-evil" not in names
        assert names.count(b"content-type") == names.count(b"subject") == 1
        assert body or evil == "a\u2028X-Evil: 1", f"{evil!r} is refused by name, not taken in {path}"


@pytest.mark.parametrize(
    "changes,because",
    [
        ({"to": [], "cc": [], "bcc": []}, "no recipient"),
        ({"to": "a@x.example, b@x.example"}, "more than one mailbox"),
        ({"to": "Team: a@x.example;"}, "more than one mailbox"),
        ({"to": "a@@x.example"}, "to cannot be read"),
        ({"to": "nobody"}, "to cannot be read: 'nobody' is not an address"),
        ({"to": "a@[127.0.0.1]"}, "to cannot be read"),
        ({"from": ""}, "from cannot be read"),
        ({"from": "Anna anna@acme.example"}, "from cannot be read"),
        ({"to": [f"u{n}@x.example" for n in range(10_000)]}, "10002 recipients"),
        ({"html": None, "text": None, "calendar": None}, "neither html nor text"),
        ({"template": {"id": "1"}}, "template is not taken"),
        ({"topic_id": "1"}, "topic_id is not taken"),
        ({"attachments": [{"path": "https://x.example/a.pdf"}]}, r"attachments\[0\]\.path is not taken: nothing is fetched"),
        ({"attachments": [{"filename": "a"}]}, "has no content"),
        ({"attachments": [{"content": "no base64!"}]}, "is not base64"),
        ({"attachments": [{"content": "aGk"}]}, "is not base64"),
        ({"attachments": [{"content": [1, 256]}]}, "is not base64"),
        ({"tags": [{"name": "a"}, {"name": "a"}]}, "stands twice"),
        ({"tags": [{"name": f"t{n}"} for n in range(51)]}, "51 tags"),
        ({"subsystem": "größe"}, "subsystem is no word"),
        ({"subsystem": "x" * 65}, "subsystem is no word"),
        ({"user": "a\nb"}, "user has characters"),
        ({"calendar": {"content": INVITE, "method": "CANCEL"}}, "the calendar says REQUEST"),
        ({"calendar": "BEGIN:VCALENDAR"}, "no iCalendar text"),
        ({"scheduled_at": "1970-01-01T00:00:00Z"}, "has passed"),
        ({"headers": {"Bcc": "eve@x.example"}}, "not taken in headers"),
    ],
)
def test_what_cannot_be_sent_says_why(changes: dict[str, Any], because: str) -> None:
    with pytest.raises(Malformed, match=because) as refused:
        mail_of(FULL | changes)
    assert refused.value.remedy


@pytest.mark.parametrize(
    "raw,because",
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"\xff", "not JSON"),
        (b'{"a": 1, "a": 2}', "'a' stands twice"),
        (b'{"a": {"b": 1, "\\u0062": 2}}', "'b' stands twice"),
        (b"[" * 100_000, "nested too deep"),
        (b'{"a": ' * 100_000, "nested too deep"),
        (b"1" * 10_000, "not JSON"),
    ],
)
def test_what_is_no_json_says_so(raw: bytes, because: str) -> None:
    with pytest.raises(Malformed, match=because):
        json_of(raw)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_other_shapes_are_refused_and_nothing_breaks(anything: object) -> None:
    for given_ in (anything, FULL | {"to": anything}, FULL | {"headers": anything}, FULL | {"attachments": anything}):
        try:
            order_of(given_, now=NOW, most=1000)
        except (Malformed, ValidationError):
            continue


@pytest.mark.parametrize(
    "text,at",
    [
        ("2027-01-15T09:00:00Z", NOW + HOUR),
        ("2027-01-15T09:00:00.000Z", NOW + HOUR),
        ("2027-01-15T10:00:00+01:00", NOW + HOUR),
        (" 2027-01-15T09:00:00Z ", NOW + HOUR),
        ("in 1 min", NOW + MINUTE),
        ("In 5 Minutes", NOW + 5 * MINUTE),
        ("in an hour", NOW + HOUR),
        ("in 2 hrs", NOW + 2 * HOUR),
        ("in a day", NOW + DAY),
        ("in 2 weeks", NOW + 14 * DAY),
        ("in 30 sec", NOW + 30_000),
        ("in 0 minutes", None),
        ("2027-01-15T08:00:00Z", None),
        ("2027-01-15T07:58:00Z", None),
    ],
)
def test_times(text: str, at: int | None) -> None:
    assert moment_of(text, now=NOW) == at


@pytest.mark.parametrize(
    "text,because",
    [
        ("", "no time"),
        ("tomorrow at 9am", "no time"),
        ("in five minutes", "no time"),
        ("next monday", "no time"),
        ("in -5 minutes", "no time"),
        ("in 5 minutes, or later", "no time"),
        ("2027-01-15T09:00:00", "no time zone"),
        ("2027-01-15", "no time zone"),
        ("2027-13-15T09:00:00Z", "no time"),
        ("1970-01-01T00:00:00Z", "has passed"),
        ("0001-01-01T00:00:00+23:59", "has passed"),
        ("9999-12-31T23:59:59-23:59", "more than 30 days"),
        ("in 31 days", "more than 30 days"),
        ("in 999999999 weeks", "more than 30 days"),
        ("\ud800", "no time"),
    ],
)
def test_times_that_mean_nothing_or_too_much(text: str, because: str) -> None:
    with pytest.raises(Malformed, match=because) as refused:
        moment_of(text, now=NOW)
    assert refused.value.remedy
