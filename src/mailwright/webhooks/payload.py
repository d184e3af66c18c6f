"""What is told of an event: Resend's fields, and beside them what happened in words, whose turn it is and what to do."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from mailwright.explain import Knowledge, Told, explain, reply_in, told
from mailwright.queue import EventKind
from mailwright.values.ids import id_text
from mailwright.webhooks.types import by_us

MOST_RECIPIENTS = 50  # named in one payload; `recipients` says how many there are
_SAID = ("reply", "host", "reason", "status", "cause", "why", "what")  # of an event's data: never a transcript


@dataclass(frozen=True, slots=True)
class Happened:
    """An event with what is known of its mail. Times in milliseconds since 1970."""

    id: int
    account: int
    account_name: str
    message: int
    delivery: int | None
    kind: EventKind
    at: int
    data: Mapping[str, Any]
    author: str
    subject: str  # "" where the subsystem is secret
    message_id: str
    subsystem: str
    created_at: int
    recipients: tuple[str, ...]  # those that the event is about, at most MOST_RECIPIENTS
    recipients_in_all: int = 1
    tags: Mapping[str, str] = field(default_factory=dict)
    user: str = ""  # of the application


def payload(event: Happened, name: str, knowledge: Knowledge) -> dict[str, Any]:
    """The body of a call, or of an event in a stream, under one of the event's names."""
    data: dict[str, Any] = {
        "email_id": id_text(event.message),
        "message_id": event.message_id,
        "created_at": stamp(event.created_at),
        "from": event.author,
        "to": list(event.recipients),
        "subject": event.subject,
        "account": event.account_name,
        "subsystem": event.subsystem,
        "recipients": event.recipients_in_all,
        "event_id": id_text(event.id),
    }
    if event.tags:
        data["tags"] = dict(event.tags)
    if event.user:
        data["user"] = event.user
    if event.delivery is not None:
        data["delivery_id"] = id_text(event.delivery)
    data |= _outcome(event, name, knowledge)
    return {"type": name, "created_at": stamp(event.at), "data": data}


def stamp(ms: int) -> str:
    """A time as JSON has it (RFC 3339), in UTC."""
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _outcome(event: Happened, name: str, knowledge: Knowledge) -> dict[str, Any]:
    """What was said, what it means and who acts."""
    said = event.data
    found: dict[str, Any] = {key: said[key] for key in _SAID if said.get(key)}
    line = told(Told(event.kind.value, event.at, event.delivery, said), knowledge)
    found["told"] = " ".join([line.text, *line.more])
    due = said.get("due") or (said.get("until") if event.kind in (EventKind.HELD, EventKind.SCHEDULED) else None)
    if due:
        found["scheduled_at" if event.kind is EventKind.SCHEDULED else "next_try_at"] = stamp(due)
    reply = str(said.get("reply") or "")
    if event.kind not in (EventKind.BOUNCED, EventKind.DEFERRED) or not reply:
        return found | _failed(event, name)
    explained = explain(reply_in(reply), knowledge)
    finding = explained.finding
    found["finding"] = {
        "code": finding.code, "level": str(finding.level), "what": finding.what, "why": finding.why, "do": finding.do,
        "who": str(explained.who),
    }  # fmt: skip
    if event.kind is EventKind.BOUNCED and not by_us(said):
        found["bounce"] = {
            "message": reply, "type": "Permanent", "subType": explained.reason, "diagnosticCode": f"smtp; {reply}",
        }  # fmt: skip
    return found | _failed(event, name)


def _failed(event: Happened, name: str) -> dict[str, Any]:
    """What Resend's readers of a failure that no server spoke expect."""
    if event.kind is not EventKind.BOUNCED or not by_us(event.data):
        return {}
    reason = str(event.data.get("reason") or "not sent")
    bounce = {"message": str(event.data.get("reply") or reason), "type": "Permanent", "subType": "General"}
    return {"failed": {"reason": reason}} if name == "email.failed" else {"failed": {"reason": reason}, "bounce": bounce}
