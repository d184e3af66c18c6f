"""What is told, under which name, signed how, and when again."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
import standardwebhooks
import svix.webhooks
from hypothesis import given
from hypothesis import strategies as st

from mailwright.app.knowledge import replies
from mailwright.queue import EventKind
from mailwright.queue.retry import DAY, HOUR, MINUTE
from mailwright.values import Malformed
from mailwright.values.ids import EPOCH_MS, id_text, least_id, made_at
from mailwright.webhooks import Call, CallState, Happened, Secret, Try, Webhook, headers, payload, type_for
from mailwright.webhooks.again import PATIENCE, SECOND, answered
from mailwright.webhooks.following import WINDOW_MS, Following, position
from mailwright.webhooks.types import NAMES, NEVER, OURS, checked, kinds_of
from mailwright.webhooks.url import receiver

NOW = 1_800_000_000_000


def happened(kind: EventKind = EventKind.DELIVERED, **changes: Any) -> Happened:
    fields: dict[str, Any] = {
        "id": least_id(NOW) + 5, "account": 7, "account_name": "acme", "message": least_id(NOW), "delivery": least_id(NOW) + 1,
        "kind": kind, "at": NOW, "data": {}, "author": "anna@acme.example", "subject": "Your bill",
        "message_id": "<1@acme.example>", "subsystem": "billing", "created_at": NOW - 1000, "recipients": ("bob@remote.example",),
    }  # fmt: skip
    return Happened(**fields | changes)


WANTED = [
    (EventKind.ACCEPTED, {}, {"email.sent"}, "email.sent"),
    (EventKind.ACCEPTED, {}, {"email.accepted", "email.sent"}, "email.accepted"),
    (EventKind.ACCEPTED, {}, {"email.delivered"}, None),
    (EventKind.DELIVERED, {}, {"*"}, "email.delivered"),
    (EventKind.DELAYED, {}, {"email.delivery_delayed"}, "email.delivery_delayed"),
    (EventKind.BOUNCED, {"reply": "550 5.1.1 no"}, {"email.bounced", "email.failed"}, "email.bounced"),
    (EventKind.BOUNCED, {"reply": "550 5.1.1 no"}, {"email.failed"}, None),
    (EventKind.BOUNCED, {"by": "us"}, {"email.bounced", "email.failed"}, "email.failed"),
    (EventKind.BOUNCED, {"by": "us"}, {"email.bounced"}, "email.bounced"),
    (EventKind.BOUNCED, {"reason": "expired"}, {"email.failed"}, "email.failed"),
    (EventKind.BOUNCED, {"by": "us"}, {"*"}, "email.bounced"),
    (EventKind.ATTEMPT, {}, {"*"}, None),
]


@pytest.mark.parametrize(("kind", "data", "wanted", "name"), WANTED)
def test_under_which_name_a_webhook_hears(kind: EventKind, data: dict[str, str], wanted: set[str], name: str | None) -> None:
    assert type_for(kind, data, wanted) == name
    assert name is None or kind in kinds_of(wanted), "the store writes no call for another kind"


def test_every_kind_but_a_try_has_a_name() -> None:
    assert set(NAMES) == set(EventKind) - {EventKind.ATTEMPT}
    assert not NEVER.intersection(OURS)


def test_names_are_checked() -> None:
    assert checked(["email.sent", "email.opened", "email.sent"]) == ("email.sent", "email.opened")
    for names in ([], ["email.nonsense"], ["delivered"], ["email.sent, email.bounced"]):
        with pytest.raises(Malformed) as caught:
            checked(names)
        assert "email.delivered" in caught.value.remedy


def test_a_refusal_is_told_as_resend_tells_it_and_in_words() -> None:
    said = {"reply": "550 5.1.1 <bob@remote.example>: user unknown", "host": "mx.remote.example", "transcript": "secret things"}
    told = payload(happened(EventKind.BOUNCED, data=said, tags={"run": "7"}), "email.bounced", replies())
    data = told["data"]
    assert (told["type"], told["created_at"]) == ("email.bounced", "2027-01-15T08:00:00.000Z")
    assert {name: data[name] for name in ("email_id", "from", "to", "subject", "message_id", "created_at", "tags")} == {
        "email_id": id_text(least_id(NOW)), "from": "anna@acme.example", "to": ["bob@remote.example"], "subject": "Your bill",
        "message_id": "<1@acme.example>", "created_at": "2027-01-15T07:59:59.000Z", "tags": {"run": "7"},
    }  # fmt: skip
    assert data["bounce"] == {
        "message": said["reply"], "type": "Permanent", "subType": "recipient-unknown", "diagnosticCode": f"smtp; {said['reply']}",
    }  # fmt: skip
    assert {"code", "level", "what", "why", "do", "who"} == set(data["finding"])
    assert data["told"].startswith("Refused for good.")
    assert "secret things" not in json.dumps(told)


def test_what_no_server_refused_is_resends_failure() -> None:
    told = payload(happened(EventKind.BOUNCED, data={"reason": "expired", "reply": ""}), "email.failed", replies())
    assert told["data"]["failed"] == {"reason": "expired"}
    assert "bounce" not in told["data"]
    both = payload(
        happened(EventKind.BOUNCED, data={"by": "us", "reason": "null-mx", "reply": "556 5.1.10 no mail"}),
        "email.bounced",
        replies(),
    )
    assert both["data"]["bounce"]["message"] == "556 5.1.10 no mail"


@pytest.mark.parametrize("kind", sorted(NAMES))
def test_every_kind_is_told_in_words(kind: EventKind) -> None:
    told = payload(
        happened(kind, data={"due": NOW + HOUR, "until": NOW + HOUR, "reply": "450 4.2.0 later"}), NAMES[kind][0], replies()
    )
    assert told["data"]["told"].endswith((".", "!")), told["data"]["told"]
    assert "noted" not in told["data"]["told"]


BODIES = (b'{"type":"email.sent"}', '{"x":"käthe"}'.encode(), b"{}")


@pytest.mark.parametrize("body", BODIES)
def test_others_verify_our_signatures(body: bytes) -> None:
    """By the library of the standard and by Svix's, with each of the two secrets while they are changed."""
    fresh, old = Secret(bytes(range(32))), Secret(bytes(range(100, 132)))
    now = int(datetime.now(UTC).timestamp())  # noqa: TID251 - the libraries compare with the clock
    signed = dict(headers("05cg7x2k4m9pq", now, body, [fresh, old]))
    assert {name.partition("-")[0] for name in signed} == {"webhook", "svix"}
    for secret in (fresh, old):
        assert secret.text.startswith("whsec_")
        standardwebhooks.Webhook(secret.text).verify(body, {n: v for n, v in signed.items() if n.startswith("webhook")})
        svix.webhooks.Webhook(secret.text).verify(body, {n: v for n, v in signed.items() if n.startswith("svix")})
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        standardwebhooks.Webhook(fresh.text).verify(body + b" ", signed)
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        standardwebhooks.Webhook(Secret(bytes(32)).text).verify(body, signed)


def test_a_secret_is_read_back_and_shown_nowhere_else() -> None:
    secret = Secret(bytes(range(32)))
    assert Secret.read(secret.text) == secret
    assert "0001" not in repr(secret)
    for text in ("whsec_", "whsec_AAAA", "whsec_!" * 10, "whsec_" + "A" * 200):
        with pytest.raises(Malformed):
            Secret.read(text)


def call(**changes: Any) -> Call:
    hook = Webhook(1, 7, "https://app.example/hook", ("*",), **changes.pop("webhook", {}))
    return replace(Call(hook, happened(), since=NOW, attempts=0), **changes)


OUTCOMES: list[tuple[dict[str, Any], Try, CallState, int | None, bool, str]] = [
    ({}, Try(NOW, 204, ""), CallState.DONE, None, False, "it is told"),
    ({}, Try(NOW, 500, "no"), CallState.WAITING, None, False, "this call failed, the webhook not"),
    ({}, Try(NOW, 302, ""), CallState.WAITING, None, False, "a redirect is a failure"),
    ({}, Try(NOW, 404, ""), CallState.WAITING, None, False, "it may be being deployed"),
    ({}, Try(NOW, 0, "hangs"), CallState.WAITING, NOW + 5 * SECOND, False, "nobody is there: the whole webhook rests"),
    ({}, Try(NOW, 429, ""), CallState.WAITING, NOW + 5 * SECOND, False, "too much: the whole webhook rests"),
    ({"webhook": {"failures": 9}}, Try(NOW, 503, ""), CallState.WAITING, NOW + 5 * MINUTE, False, "never for long"),
    ({}, Try(NOW, 410, ""), CallState.GIVEN_UP, None, True, "it wants no more"),
    (
        {"tries": (Try(NOW, 500, ""),)},
        Try(NOW + PATIENCE, 500, ""),
        CallState.GIVEN_UP,
        None,
        False,
        "others succeeded meanwhile",
    ),
    (
        {"webhook": {"failing_since": NOW + 1}, "tries": (Try(NOW + 1, 500, ""),)},
        Try(NOW + PATIENCE, 500, ""),
        CallState.GIVEN_UP,
        None,
        True,
        "nothing for three days",
    ),
    (
        {"webhook": {"failing_since": NOW + 2}, "tries": (Try(NOW + 1, 500, ""),)},
        Try(NOW + PATIENCE, 500, ""),
        CallState.GIVEN_UP,
        None,
        False,
        "another succeeded after its first try",
    ),
    ({"webhook": {"failing_since": NOW}}, Try(NOW + DAY, 500, ""), CallState.WAITING, None, False, "not yet"),
    ({"since": NOW + DAY}, Try(NOW + PATIENCE, 500, ""), CallState.WAITING, None, False, "it was replayed a day later"),
]


@pytest.mark.parametrize(("given_call", "tried", "state", "pause", "disabled", "because"), OUTCOMES)
def test_what_becomes_of_a_call(
    given_call: dict[str, Any], tried: Try, state: CallState, pause: int | None, disabled: bool, because: str
) -> None:
    ended = answered(call(**given_call), tried, chance=0)
    assert (ended.state, ended.pause, bool(ended.disable)) == (state, pause, disabled), because
    assert ended.tries[-1] == tried
    assert state is not CallState.WAITING or ended.due_at > tried.at


def test_a_receiver_may_ask_for_a_pause_of_an_hour_at_most() -> None:
    for asked, given_ms in ((MINUTE, MINUTE), (DAY, HOUR)):
        assert answered(call(), Try(NOW, 503, ""), chance=0, retry_after=asked).pause == NOW + given_ms


def test_a_call_is_tried_some_fifteen_times_in_three_days() -> None:
    one, now, tries = call(), NOW, 0
    while True:
        ended = answered(one, Try(now, 500, "no"), chance=0.5)
        tries += 1
        if ended.state is CallState.GIVEN_UP:
            break
        one, now = replace(one, attempts=ended.attempts, tries=ended.tries), ended.due_at
    assert 12 <= tries <= 20
    assert len(ended.tries) == tries
    assert PATIENCE <= now - NOW < PATIENCE + 10 * HOUR


GOOD = [
    ("https://app.example/hook", "https://app.example/hook"), ("HTTPS://App.Example", "https://app.example/"),
    ("http://10.0.0.5:8000/a?b=c", "http://10.0.0.5:8000/a?b=c"), ("https://[2001:db8::1]:8443/", "https://[2001:db8::1]:8443/"),
    ("https://käse.example/", "https://xn--kse-qla.example/"), ("https://app:443/x#part", "https://app/x"),
    ("http://app:80/ä", "http://app/%C3%A4"),
]  # fmt: skip
BAD = [
    "", "app.example/hook", "ftp://app.example/", "https://", "https:///x", "https://u:p@app.example/", "https://u@app.example/",
    "https://app.example:0/", "https://app.example:99999/", "https://app.example:x/", "https://a b.example/", "https://a\r\nb/",
    "https://-.example/", "https://[::1/", "https://app.example/" + "x" * 2000, "javascript:alert(1)", "https://app.example/\x00",
]  # fmt: skip


@pytest.mark.parametrize(("text", "kept"), GOOD)
def test_an_address_is_read(text: str, kept: str) -> None:
    assert receiver(text).url == kept
    assert receiver(kept).url == kept


@pytest.mark.parametrize("text", BAD)
def test_an_address_is_refused(text: str) -> None:
    with pytest.raises(Malformed) as caught:
        receiver(text)
    assert "https://" in caught.value.remedy


@given(st.text(max_size=60))
def test_an_address_is_read_or_refused(text: str) -> None:
    try:
        to = receiver(f"https://{text}")
    except Malformed:
        return
    assert receiver(to.url) == to
    assert to.url.isascii()
    assert to.url.isprintable()


def test_ids_of_a_time() -> None:
    assert made_at(least_id(NOW)) == NOW
    assert least_id(EPOCH_MS - 5) == 0


def test_what_is_committed_late_is_told_once() -> None:
    following = Following(least_id(NOW) - 1)
    early, late, last = least_id(NOW) + 1, least_id(NOW + 100), least_id(NOW + 6000)
    assert following.fresh([late], now=NOW + 200) == [late]
    assert following.fresh([early, late], now=NOW + 4000) == [early]
    assert following.fresh([early, late, last], now=NOW + 6000) == [last]
    assert following.at == least_id(NOW + 6000 - WINDOW_MS) - 1
    assert following.fresh([last], now=NOW + 6500) == []
    assert position(last) < least_id(NOW + 6000 - WINDOW_MS) <= position(last) + 1
