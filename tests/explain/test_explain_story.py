"""The story in plain words: one row for each kind of event, and the promise that every kind has its sentence."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailwright.explain.replies import read_knowledge
from mailwright.explain.story import Recipient, Told, Tone, tell
from mailwright.queue import EventKind, State

FILE = Path(__file__).parents[2] / "src" / "mailwright" / "explain" / "replies.toml"
KNOWLEDGE = read_knowledge(tomllib.loads(FILE.read_text(encoding="utf-8")))
AT = 1_795_313_109_000
LATER = AT + 3_600_000

# kind, data, tone, what must be said
TOLD: list[tuple[str, dict[str, Any], Tone, list[str]]] = [
    (
        "accepted",
        {"protocol": "ESMTPSA", "recipients": 2, "key": "abcdefgh", "transport": "own_server", "because": "It is the default."},
        Tone.PLAIN,
        [
            "handed in by ESMTPSA",
            "API key abcdefgh",
            "2 recipients",
            "safe on disk",
            "through own_server, because it is the default.",
        ],
    ),
    (
        "bounced",
        {"reason": "suppressed", "by": "us", "why": "It was asked for", "since": LATER},
        Tone.BAD,
        ["does not send to this address since 2026-11-22 03:05 UTC", "It was asked for.", "Remove the suppression"],
    ),
    ("scheduled", {"due": LATER}, Tone.WAIT, ["leave at 2026-11-22 03:05 UTC, not before"]),
    ("scheduled", {"due": LATER, "before": LATER + 3_600_000}, Tone.WAIT, ["given another time", "not at 2026-11-22 04:05 UTC"]),
    (
        "attempt",
        {
            "n": 2,
            "host": "mx.b.example",
            "ip": "192.0.2.1",
            "tls": "TLSv1.3",
            "reply": "250 ok",
            "signed": "k._domainkey.acme.example",
        },
        Tone.PLAIN,
        ["Try 2", "mx.b.example [192.0.2.1]", "TLSv1.3", "Signed with the key at k._domainkey.acme.example", "250 ok"],
    ),
    (
        "attempt",
        {"n": 1, "host": "mx.b.example", "note": "STARTTLS failed."},
        Tone.PLAIN,
        ["without encryption", "STARTTLS failed."],
    ),
    (
        "attempt",
        {"n": 1, "host": "mx.b.example", "ip": "192.0.2.1", "reply": "No connection to mx.b.example: it refused."},
        Tone.PLAIN,
        ["Try 1: no connection to mx.b.example [192.0.2.1].", "it refused."],
    ),
    ("attempt", {"n": 1, "reply": "Connection refused."}, Tone.PLAIN, ["no server could be reached", "Connection refused."]),
    (
        "delivered",
        {"host": "mx.b.example", "reply": "250 2.0.0 ok"},
        Tone.GOOD,
        ["mx.b.example took the mail", "spam folder", "250 2.0.0 ok"],
    ),
    (
        "deferred",
        {"reply": "451 4.7.1 greylisted", "due": LATER, "host": "mx.b.example"},
        Tone.WAIT,
        ["Next try at 2026-11-22 03:05 UTC", "come back later", "Who acts: nobody", "451 4.7.1 greylisted"],
    ),
    ("deferred", {"reply": "The site backs off", "by": "us", "due": LATER}, Tone.WAIT, ["Put off by us: The site backs off."]),
    ("delayed", {"since": AT, "until": LATER}, Tone.WAIT, ["longer than usual", "until 2026-11-22 03:05 UTC"]),
    (
        "bounced",
        {"reply": "550 5.1.1 user unknown", "host": "mx.b.example"},
        Tone.BAD,
        ["Refused for good", "knows no such mailbox", "Who acts:", "right address", "550 5.1.1 user unknown"],
    ),
    ("bounced", {"reason": "expired", "attempts": 7}, Tone.BAD, ["Given up after 7 tries", "Send it again"]),
    ("bounced", {"by": "us", "reply": "556 5.1.10 Null MX", "reason": "null-mx"}, Tone.BAD, ["Not sent", "takes no mail"]),
    ("cancelled", {}, Tone.PLAIN, ["Cancelled before it left", "does not get the mail"]),
    (
        "held",
        {"reason": "limit", "what": "The account's limit is reached.", "why": "It leaves by itself.", "until": LATER},
        Tone.WAIT,
        ["Held: The account's limit is reached.", "2026-11-22 03:05 UTC", "It leaves by itself."],
    ),
    ("released", {"by": "the operator"}, Tone.PLAIN, ["Released by the operator"]),
    ("captured", {"signed": "k._domainkey.acme.example"}, Tone.GOOD, ["in place of being sent", "capture mode", "k._domainkey"]),
    (
        "unknown",
        {"cause": "The connection was lost", "host": "mx.b.example"},
        Tone.WAIT,
        ["may have arrived", "may arrive twice", "mx.b.example"],
    ),
    ("reported", {"to": "app@acme.example"}, Tone.PLAIN, ["report of the failure was sent to app@acme.example"]),
    ("something-new", {}, Tone.PLAIN, ["something-new"]),
]


@pytest.mark.parametrize(("kind", "data", "tone", "said"), TOLD)
def test_each_kind_of_event_has_its_words(kind: str, data: dict[str, Any], tone: Tone, said: list[str]) -> None:
    (line,) = tell([], [Told(kind, AT, None, data)], KNOWLEDGE).opening
    whole = " ".join((line.text, *line.more, *line.evidence))
    assert line.tone is tone
    for part in said:
        assert part in whole


def test_no_kind_of_event_and_no_state_is_forgotten() -> None:
    for kind in EventKind:
        (line,) = tell([], [Told(kind.value, AT)], KNOWLEDGE).opening
        assert "Something else" not in line.text, kind
    for state in State:
        (chapter,) = tell([Recipient(1, "jane@b.example", state.name.lower())], [], KNOWLEDGE).chapters
        assert "stands as" not in chapter.now.text, state


def test_events_go_to_their_recipients() -> None:
    recipients = [
        Recipient(1, "jane@b.example", "delivered", unknown=True),
        Recipient(2, "joe@c.example", "bounced", reply="552 5.2.2 full"),
    ]
    events = [Told("accepted", AT), Told("delivered", AT, 1, {}), Told("bounced", AT, 2, {"reply": "552 5.2.2 mailbox full"})]
    tale = tell(recipients, events, KNOWLEDGE)
    assert [len(chapter.lines) for chapter in tale.chapters] == [1, 1]
    jane, joe = tale.chapters
    assert jane.now.text == "Delivered."
    assert "may have arrived twice" in jane.now.more[-1]
    assert joe.now.tone is Tone.BAD
    assert "mailbox is full" in joe.now.more[0]


DATA = st.dictionaries(
    st.sampled_from(
        ["reply", "host", "ip", "tls", "note", "signed", "because", "transport", "what", "why", "cause", "to", "by", "reason"]
    ),
    st.text(max_size=40),
)


@given(st.sampled_from(list(EventKind)), DATA)
def test_no_data_breaks_the_story(kind: EventKind, data: dict[str, str]) -> None:
    tale = tell([Recipient(1, "jane@b.example", "ready")], [Told(kind.value, AT, 1, data)], KNOWLEDGE)
    assert tale.chapters[0].lines[0].text
