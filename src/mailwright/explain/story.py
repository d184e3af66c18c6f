"""The story of a mail in plain words: what happened to each recipient, what it means, and who acts."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from mailwright.explain.replies import Explanation, Knowledge, Party, explain, reply_in
from mailwright.smtp.words import NO_CONNECTION

_WHO = {
    Party.RECIPIENT: "the recipient",
    Party.SENDER: "whoever sends, in the application",
    Party.DOMAIN: "whoever runs the DNS of the author's domain",
    Party.OPERATOR: "the operator of this Mailwright",
    Party.RECEIVER: "whoever runs the recipient's mail server",
    Party.NOBODY: "nobody",
}


class Tone(StrEnum):
    """How a line is meant; a screen may colour it."""

    PLAIN = "plain"
    GOOD = "good"
    WAIT = "wait"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Told:
    """One event as it was stored: `kind` as in the queue's events, `at` in milliseconds since 1970."""

    kind: str
    at: int
    delivery: int | None = None
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Recipient:
    """One recipient as it stands; `state` in lower case: ready, deferred, held, leased, sending, delivered, bounced, ..."""

    id: int
    address: str
    state: str
    attempts: int = 0
    due_at: int = 0
    reply: str = ""
    unknown: bool = False  # an earlier try may have arrived
    hindrance: str = ""  # why it does not leave although it could: a pause, a site that is left alone


@dataclass(frozen=True, slots=True)
class Line:
    """One step of the story: `text` says what happened, `more` what it means and who acts, `evidence` what was said or seen."""

    at: int | None
    tone: Tone
    text: str
    more: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Chapter:
    """One recipient: how it stands now, then all that happened, oldest first."""

    recipient: str
    now: Line
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Tale:
    """The whole story: what concerns the mail as such, then a chapter for each recipient."""

    opening: tuple[Line, ...]
    chapters: tuple[Chapter, ...]


def tell(recipients: Sequence[Recipient], events: Sequence[Told], knowledge: Knowledge) -> Tale:
    """Tell the events of one mail, in the order in which they are given (oldest first)."""
    opening = tuple(told(event, knowledge) for event in events if event.delivery is None)
    mine: dict[int | None, list[Told]] = {}
    for event in events:
        mine.setdefault(event.delivery, []).append(event)
    chapters = []
    for recipient in recipients:
        lines = tuple(told(event, knowledge) for event in mine.get(recipient.id, ()))
        chapters.append(Chapter(recipient.address, _standing(recipient, knowledge), lines))
    return Tale(opening, tuple(chapters))


def moment(ms: int | None) -> str:
    """A time for people, in UTC."""
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC") if ms else "an unknown time"


def meaning(reply: str, knowledge: Knowledge) -> tuple[str, ...]:
    """What a reply means, who acts and how; () where the reply is empty."""
    return _advice(explain(reply_in(reply), knowledge)) if reply else ()


def told(event: Told, knowledge: Knowledge) -> Line:
    """One event in words."""
    sentence = _SENTENCES.get(event.kind)
    if sentence is None:
        return Line(event.at, Tone.PLAIN, f"Something else was noted: {event.kind}.")
    return sentence(event, knowledge)


def _accepted(event: Told, _: Knowledge) -> Line:
    said = event.data
    how = f" by {said.get('protocol') or said.get('by')}" if said.get("protocol") or said.get("by") else ""
    many = said.get("recipients")
    whom = f" for {many} recipient{'s' if many != 1 else ''}" if many else ""
    key = f" with the API key {said['key']}..." if said.get("key") else ""
    route = said.get("transport")
    more = (f"It leaves through {route}, because {_lower(said.get('because', ''))}",) if route and said.get("because") else ()
    return Line(event.at, Tone.PLAIN, f"The mail was handed in{how}{key}{whom}, and is safe on disk.", more)


def _scheduled(event: Told, _: Knowledge) -> Line:
    due, before = event.data.get("due"), event.data.get("before")
    given = f"It was given another time: it is to leave at {moment(due)}" if before else f"It is to leave at {moment(due)}"
    return Line(event.at, Tone.WAIT, f"{given}, not {f'at {moment(before)}' if before else 'before'}.")


def _attempt(event: Told, _: Knowledge) -> Line:
    said = event.data
    number = f"Try {said['n']}" if said.get("n") else "A try"
    tls = said.get("tls")
    secured = f", encrypted with {tls}" if tls else ", without encryption"
    server = _server(said)
    text = f"{number}: we spoke with {server}{secured}." if server else f"{number}: no server could be reached."
    if server and said.get("reply", "").startswith(NO_CONNECTION):
        text = f"{number}: no connection to {server}."
    signed = f"Signed with the key at {said['signed']}." if said.get("signed") else ""
    more = tuple(part for part in (signed, said.get("note", "")) if part)
    return Line(event.at, Tone.PLAIN, text, more, _said(said))


def _delivered(event: Told, _: Knowledge) -> Line:
    who = _server(event.data) or "the recipient's server"
    more = ("From here on it is that server's mail: whether it lands in the inbox or in the spam folder is decided there.",)
    return Line(event.at, Tone.GOOD, f"Delivered: {who} took the mail.", more, _said(event.data))


def _deferred(event: Told, knowledge: Knowledge) -> Line:
    said = event.data
    due = f" Next try at {moment(said['due'])}." if said.get("due") else ""
    if said.get("by") == "us":
        return Line(event.at, Tone.WAIT, f"Put off by us: {_sentence(said.get('reply', ''))}{due}")
    return Line(event.at, Tone.WAIT, f"Not yet taken.{due}", meaning(said.get("reply", ""), knowledge), _said(said))


def _delayed(event: Told, _: Knowledge) -> Line:
    until = event.data.get("until")
    more = (f"It is tried until {moment(until)}, then given up and reported." if until else "It is tried on.",)
    return Line(event.at, Tone.WAIT, "It takes longer than usual: the mail still waits.", more)


def _bounced(event: Told, knowledge: Knowledge) -> Line:
    said = event.data
    if said.get("reason") == "expired":
        more = ("The replies above say what it waited for. Send it again if it is still of use.",)
        tries = said.get("attempts")
        after = f" after {tries} tr{'y' if tries == 1 else 'ies'}" if tries else ""
        return Line(event.at, Tone.BAD, f"Given up{after}: its time was up before it could be delivered.", more, _said(said))
    if said.get("reason") == "suppressed":
        return _suppressed(event)
    text = "Not sent: we could not find a way." if said.get("by") == "us" else "Refused for good."
    return Line(event.at, Tone.BAD, text, meaning(said.get("reply", ""), knowledge), _said(said))


def _suppressed(event: Told) -> Line:
    since = f" since {moment(event.data['since'])}" if event.data.get("since") else ""
    acts = f"Who acts: {_WHO[Party.SENDER]}. Remove the suppression if mail is wanted again."
    more = (_sentence(str(event.data.get("why", ""))), acts)
    return Line(event.at, Tone.BAD, f"Not sent: the account does not send to this address{since}.", more)


def _cancelled(event: Told, _: Knowledge) -> Line:
    by = f" by {event.data['by']}" if event.data.get("by") else ""
    return Line(event.at, Tone.PLAIN, f"Cancelled{by} before it left.", ("This recipient does not get the mail.",))


def _held(event: Told, _: Knowledge) -> Line:
    said = event.data
    until = f" It is tried again at {moment(said['until'])}." if said.get("until") else ""
    what = _sentence(said.get("what") or said.get("reply") or said.get("why") or "Somebody holds it.")
    more = (_sentence(said["why"]),) if said.get("what") and said.get("why") else ()
    return Line(event.at, Tone.WAIT, f"Held: {what}{until}", more)


def _released(event: Told, _: Knowledge) -> Line:
    by = f" by {event.data['by']}" if event.data.get("by") else ""
    return Line(event.at, Tone.PLAIN, f"Released{by}: it may leave again.")


def _captured(event: Told, _: Knowledge) -> Line:
    signed = f"It was signed with the key at {event.data['signed']}." if event.data.get("signed") else ""
    mode = 'This Mailwright is in capture mode: nothing leaves the machine until the operator says delivery = "live".'
    return Line(event.at, Tone.GOOD, "Kept here in place of being sent.", (signed, mode) if signed else (mode,))


def _unknown(event: Told, _: Knowledge) -> Line:
    cause = _sentence(event.data.get("cause", ""))
    more = ("We cannot know whether the server has it. It is tried again, so it may arrive twice; better twice than never.",)
    server = _server(event.data)
    where = f" with {server}" if server else ""
    return Line(event.at, Tone.WAIT, f"It may have arrived: the end of the conversation{where} was lost. {cause}".strip(), more)


def _reported(event: Told, _: Knowledge) -> Line:
    to = f" to {event.data['to']}" if event.data.get("to") else ""
    return Line(event.at, Tone.PLAIN, f"A report of the failure was sent{to}.")


_SENTENCES: Mapping[str, Callable[[Told, Knowledge], Line]] = {
    "accepted": _accepted,
    "scheduled": _scheduled,
    "attempt": _attempt,
    "delivered": _delivered,
    "deferred": _deferred,
    "delayed": _delayed,
    "bounced": _bounced,
    "cancelled": _cancelled,
    "held": _held,
    "released": _released,
    "captured": _captured,
    "unknown": _unknown,
    "reported": _reported,
}


def _standing(recipient: Recipient, knowledge: Knowledge) -> Line:
    """How a recipient stands now, in one line."""
    text, tone = _STANDING.get(recipient.state, (f"It stands as {recipient.state}.", Tone.PLAIN))
    if recipient.state == "deferred":
        again = f"{text} Next try" if recipient.attempts or recipient.reply else "It waits for its time: first try"
        text = f"{again} at {moment(recipient.due_at)}."
    more = meaning(recipient.reply, knowledge) if recipient.state in ("bounced", "deferred") else ()
    if recipient.hindrance:
        more = (*more, _sentence(recipient.hindrance))
    if recipient.unknown:
        more = (*more, "It may have arrived twice: the outcome of one try was lost.")
    return Line(None, tone, text, more, (recipient.reply,) if recipient.reply else ())


_STANDING = {
    "ready": ("It waits for its turn.", Tone.WAIT),
    "deferred": ("It waits to be tried again.", Tone.WAIT),
    "held": ("It is held.", Tone.WAIT),
    "leased": ("It is about to be sent.", Tone.WAIT),
    "sending": ("It is being sent at this moment.", Tone.WAIT),
    "delivered": ("Delivered.", Tone.GOOD),
    "bounced": ("Not delivered.", Tone.BAD),
    "cancelled": ("Cancelled.", Tone.PLAIN),
    "captured": ("Kept here, not sent (capture mode).", Tone.GOOD),
}


def _advice(explained: Explanation) -> tuple[str, ...]:
    finding = explained.finding
    acts = f"Who acts: {_WHO[explained.who]}. {finding.do}".strip()
    return (f"{finding.what} {finding.why}".strip(), acts)


def _server(said: Mapping[str, Any]) -> str:
    host, ip = said.get("host", ""), said.get("ip", "")
    return f"{host} [{ip}]" if host and ip and host != ip else host or ip


def _said(said: Mapping[str, Any]) -> tuple[str, ...]:
    return (str(said["reply"]),) if said.get("reply") else ()


def _sentence(text: str) -> str:
    return text if not text or text.endswith((".", "!", "?")) else f"{text}."


def _lower(text: str) -> str:
    return _sentence(text[:1].lower() + text[1:])
