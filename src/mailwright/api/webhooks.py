"""/webhooks: who is told what happens, in Resend's shape; the calls that were made, and making them once more."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, Field

from mailwright.accounts import OPERATOR
from mailwright.api.caller import Administering, Caller
from mailwright.api.health import shown
from mailwright.api.services import Given, Services
from mailwright.api.wire import MOST, USUAL, Asked, Deleted, Listed, Paging, Text, Told, cut, moment, number_of
from mailwright.app.knowledge import replies
from mailwright.app.setup import add_webhook, rotate_webhook
from mailwright.values import NotFound
from mailwright.values.ids import id_text
from mailwright.webhooks import CallState, CallView, HookState, Webhook, payload, type_for
from mailwright.webhooks.types import checked, concerns_of, names_of
from mailwright.webhooks.url import concerns, receiver

router = APIRouter(prefix="/webhooks", tags=["Webhooks"])
RECENT = 3 * 86_400_000  # milliseconds: as long as calls are tried
Status = Literal["pending", "attempting", "success", "failed", "captured", "skipped"]
STATUS: dict[CallState, Status] = {
    CallState.WAITING: "pending",
    CallState.CALLING: "attempting",
    CallState.DONE: "success",
    CallState.GIVEN_UP: "failed",
    CallState.CAPTURED: "captured",
    CallState.SKIPPED: "skipped",
}
Endpoint = Annotated[str, Field(max_length=2000, examples=["https://app.example.com/mail"], description="Where to send.")]
Events = Annotated[list[Text], Field(min_length=1, max_length=100, description='Names of events, or "*" for all.')]
Limit = Annotated[int, Query(ge=1, le=MOST, description="So many at most.")]
After = Annotated[str | None, Query(description="Go on after this id, which was the last of a list.")]


class WebhookWanted(Asked):
    """A webhook to make."""

    endpoint: Endpoint
    events: Events


class WebhookChange(Asked):
    """What to change of a webhook."""

    endpoint: Endpoint | None = None
    events: Events | None = None
    status: Annotated[
        Literal["enabled", "disabled"] | None,
        Field(description="enabled: what waits is sent at once, past failures are forgotten."),
    ] = None
    webhook_id: Annotated[str | None, Field(description="SDKs repeat it here; the path says which.")] = None


class Since(Asked):
    """From when on."""

    since: Annotated[AwareDatetime | None, Field(description="Without it: of the last three days.")] = None


class FindingTold(Told):
    """What could be better."""

    code: str
    level: str
    what: str
    why: str = ""
    do: str = ""


class WebhookMade(Told):
    """The only time that `signing_secret` is shown."""

    object: Literal["webhook"] = "webhook"
    id: str
    signing_secret: str
    findings: list[FindingTold] = Field(default_factory=list)


class WebhookTold(Told):
    """A webhook. Where Mailwright disabled it, `notice` says why and what to do."""

    object: Literal["webhook"] = "webhook"
    id: str
    created_at: str
    status: Literal["enabled", "disabled"]
    endpoint: str
    events: list[str]
    account: Annotated[str | None, Field(description="Whose mail it hears of; null: that of all accounts.")]
    notice: str
    failing_since: str | None
    signing_secret: Annotated[None, Field(description="Shown once, when it was made; rotate it for a new one.")] = None
    findings: list[FindingTold]


class WebhookChanged(Told):
    """It is done."""

    object: Literal["webhook"] = "webhook"
    id: str


class EventTold(Told):
    """A call of the webhook: one event."""

    id: str
    type: str
    created_at: str
    status: Status


class EventWhole(EventTold):
    """A call with what it carries."""

    object: Literal["webhook_event"] = "webhook_event"
    next_attempt_at: str | None
    payload: dict[str, Any]


class AttemptTold(Told):
    """A try. `http_status_code` 0: no answer came, and `response` says why; else it is the answer's first kilobyte."""

    id: str
    http_status_code: int
    response: str
    sent_at: str


class CallTold(EventTold):
    """A call with its tries, the last one last."""

    email_id: str
    next_attempt_at: str | None
    attempts: list[AttemptTold]


class EventReplayed(Told):
    """It is sent once more."""

    object: Literal["webhook_event"] = "webhook_event"
    id: str


class Replayed(Told):
    """So many calls are made once more."""

    object: Literal["webhook_replay"] = "webhook_replay"
    calls: int


@router.post("", status_code=201, summary="Make a webhook")
async def make_webhook(asked: WebhookWanted, caller: Administering, services: Given) -> WebhookMade:
    """It hears of everything that is handed in from now on. The secret is shown this once."""
    account = caller.account if caller.account is not None else OPERATOR
    hook, secret = await add_webhook(
        services.hooks, services.vault, services.ids.next(services.now()), account, url=asked.endpoint, events=asked.events,
        random=services.random, now=services.now(),
    )  # fmt: skip
    return WebhookMade(id=id_text(hook.id), signing_secret=secret.text, findings=_findings(hook))


@router.get("", summary="List the webhooks")
async def list_webhooks(caller: Administering, services: Given, page: Paging) -> Listed[WebhookTold]:
    """Newest first; for the operator who names no account, those of all."""
    hooks, more = cut(await services.hooks.webhooks(account=caller.account), page, lambda hook: hook.id)
    return Listed(data=[await _told(hook, services) for hook in hooks], has_more=more)


@router.get("/{id}", summary="Show a webhook")
async def show_webhook(id: str, caller: Administering, services: Given) -> WebhookTold:
    """With the notice where it was disabled."""
    return await _told(await services.hooks.webhook(_number(id), account=caller.account), services)


@router.patch("/{id}", summary="Change a webhook, enable or disable it")
async def change_webhook(id: str, asked: WebhookChange, caller: Administering, services: Given) -> WebhookChanged:
    """Calls that wait go to the new endpoint."""
    state = None if asked.status is None else HookState.ENABLED if asked.status == "enabled" else HookState.DISABLED
    await services.hooks.change(
        _number(id), account=caller.account, url=None if asked.endpoint is None else receiver(asked.endpoint).url,
        events=None if asked.events is None else checked(asked.events), state=state,
    )  # fmt: skip
    return WebhookChanged(id=id_text(_number(id)))


@router.delete("/{id}", summary="Remove a webhook")
async def remove_webhook(id: str, caller: Administering, services: Given) -> Deleted:
    """With its calls, also those that wait. It cannot be undone."""
    await services.hooks.remove(_number(id), account=caller.account)
    return Deleted(object="webhook", id=id_text(_number(id)))


@router.post("/{id}/rotate", summary="Make a new secret")
@router.post("/{id}/signing-secret/rotate", include_in_schema=False)
async def rotate_secret(id: str, caller: Administering, services: Given) -> WebhookMade:
    """For 24 hours calls carry the signatures of both secrets, so that the receiver can change over without losing any."""
    hook = await services.hooks.webhook(_number(id), account=caller.account)
    secret = await rotate_webhook(services.hooks, services.vault, hook, random=services.random, now=services.now())
    return WebhookMade(id=id_text(hook.id), signing_secret=secret.text)


@router.get("/{id}/calls", summary="List the calls of a webhook, with their tries")
async def list_calls(
    id: str, caller: Administering, services: Given, limit: Limit = USUAL, after: After = None, failed: bool = False
) -> Listed[CallTold]:
    """Newest first; `failed` shows those alone that were given up."""
    hook, views, more = await _page(id, caller, services, limit, after, (CallState.GIVEN_UP,) if failed else ())
    data = [
        CallTold(
            **_event(hook, view), email_id=id_text(view.happened.message), next_attempt_at=_next(view), attempts=_attempts(view)
        )
        for view in views
    ]
    return Listed(data=data, has_more=more)


@router.post("/{id}/replay", summary="Send all that failed once more")
async def replay_all(id: str, asked: Since, caller: Administering, services: Given) -> Replayed:
    """Of the events since a time: those that were given up, and those that happened while the webhook was disabled."""
    since = services.now() - RECENT if asked.since is None else int(asked.since.timestamp() * 1000)
    made = await services.hooks.replay_since(_number(id), account=caller.account, since=since, now=services.now())
    return Replayed(calls=made)


@router.get("/{id}/events", summary="List the events that a webhook was called for")
async def list_events(
    id: str, caller: Administering, services: Given, limit: Limit = USUAL, after: After = None
) -> Listed[EventTold]:
    """Newest first, in Resend's shape."""
    hook, views, more = await _page(id, caller, services, limit, after, ())
    return Listed(data=[EventTold(**_event(hook, view)) for view in views], has_more=more)


@router.get("/{id}/events/{event}", summary="Show an event that a webhook was called for")
async def show_event(id: str, event: str, caller: Administering, services: Given) -> EventWhole:
    """With what the call carries."""
    hook, view = await _one(id, event, caller, services)
    told = _event(hook, view)
    carries = payload(view.happened, told["type"], replies())
    return EventWhole(**told, next_attempt_at=_next(view), payload=carries)


@router.get("/{id}/events/{event}/attempts", summary="List the tries to tell of an event")
async def list_attempts(
    id: str, event: str, caller: Administering, services: Given, limit: Limit = USUAL, after: After = None
) -> Listed[AttemptTold]:
    """Newest first."""
    _, view = await _one(id, event, caller, services)
    tries = _attempts(view)[::-1]
    begin = next((n + 1 for n, one in enumerate(tries) if one.id == after), 0)
    return Listed(data=tries[begin : begin + limit], has_more=begin + limit < len(tries))


@router.post("/{id}/calls/{event}/replay", summary="Send a call once more")
@router.post("/{id}/events/{event}/replay", include_in_schema=False)
async def replay(id: str, event: str, caller: Administering, services: Given) -> EventReplayed:
    """Whatever became of it, with the same webhook-id."""
    number = number_of(event, "event")
    await services.hooks.replay(_number(id), number, account=caller.account, now=services.now())
    return EventReplayed(id=id_text(number))


async def _page(
    id: str, caller: Caller, services: Services, limit: int, after: str | None, states: tuple[CallState, ...]
) -> tuple[Webhook, list[CallView], bool]:
    hook = await services.hooks.webhook(_number(id), account=caller.account)
    before = None if after is None else number_of(after, "event")
    views = await services.hooks.calls(hook.id, account=caller.account, states=states, before=before, limit=limit + 1)
    return hook, list(views[:limit]), len(views) > limit


async def _one(id: str, event: str, caller: Caller, services: Services) -> tuple[Webhook, CallView]:
    hook = await services.hooks.webhook(_number(id), account=caller.account)
    return hook, await services.hooks.call(hook.id, number_of(event, "event"), account=caller.account)


def _number(id: str) -> int:
    return number_of(id, "webhook")


def _event(hook: Webhook, view: CallView) -> dict[str, Any]:
    event = view.happened
    name = type_for(event.kind, event.data, hook.events) or names_of(event.kind, event.data)[0]
    return {"id": id_text(event.id), "type": name, "created_at": moment(event.at), "status": STATUS[view.state]}


def _next(view: CallView) -> str | None:
    waits = view.state is CallState.WAITING and view.behind is False
    return moment(view.due_at) if waits else None


def _attempts(view: CallView) -> list[AttemptTold]:
    first = view.attempts - len(view.tries) + 1
    return [
        AttemptTold(id=str(first + n), http_status_code=one.status, response=one.answer, sent_at=moment(one.at))
        for n, one in enumerate(view.tries)
    ]


def _findings(hook: Webhook) -> list[FindingTold]:
    found = (*concerns(receiver(hook.url)), *concerns_of(hook.events))
    return [FindingTold.model_validate(shown(finding)) for finding in found]


async def _told(hook: Webhook, services: Services) -> WebhookTold:
    return WebhookTold(
        id=id_text(hook.id),
        created_at=moment(hook.created_at),
        status="enabled" if hook.state is HookState.ENABLED else "disabled",
        endpoint=hook.url,
        events=list(hook.events),
        account=await _owner(hook, services),
        notice=hook.notice,
        failing_since=None if hook.failing_since is None else moment(hook.failing_since),
        findings=_findings(hook),
    )


async def _owner(hook: Webhook, services: Services) -> str | None:
    if hook.account == OPERATOR:
        return None
    try:
        return (await services.accounts.view(hook.account)).account.name
    except NotFound:  # the account is gone
        return None
