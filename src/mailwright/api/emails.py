"""/emails: hand in, look at, give another time, cancel, and the story of each mail."""

import asyncio
from typing import Any

from fastapi import APIRouter
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from mailwright.api import emails_in, wire
from mailwright.api.caller import Reading, Sending
from mailwright.api.emails_shown import EmailTold, Listing, StoryTold, email, listing, story_told
from mailwright.api.errors import ApiError, Json
from mailwright.api.letters import NewEmail
from mailwright.api.moments import moment_of
from mailwright.api.quick import Quick, schema_of
from mailwright.api.services import Given, Services
from mailwright.api.wire import Listed, Paging, Told, number_of
from mailwright.app.knowledge import replies
from mailwright.flows.why import why
from mailwright.queue.worst import worst
from mailwright.values import Conflict
from mailwright.values.finding import error
from mailwright.values.ids import id_text

KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "1 to 256 characters: the same request once more, within 24 hours, gets the same answer and sends nothing.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 256},
}
USUAL = 20  # mails of a page, unless the caller says how many
TOO_LATE = "There is nothing left to cancel: it was sent, or is being sent."

router = APIRouter(prefix="/emails", tags=["Emails"])
quick = APIRouter(prefix="/emails", tags=["Emails"], route_class=Quick)


class Taken(Told):
    """A mail that is safe on disk."""

    id: str


class Wrong(Told):
    """A mail of a batch that was not taken."""

    index: int
    message: str


class BatchTaken(Told):
    """The mails of a batch that were taken; `errors` only where `x-batch-validation: permissive` was asked for."""

    data: list[Taken]
    errors: list[Wrong] | None = None


class Rescheduling(wire.Asked):
    """Another time."""

    id: str | None = Field(None, description="The id in the path once more, as Resend's SDK for Python sends it.")
    scheduled_at: str


class Changed(Told):
    """A mail that was changed."""

    object: str = "email"
    id: str


def _taking(model: Any) -> dict[str, Any]:
    """What the OpenAPI says of a body that is read here, and not by FastAPI."""
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": model}}}, "parameters": [KEY]}


ONE_MAIL = schema_of(NewEmail)
MANY_MAILS = {"type": "array", "minItems": 1, "maxItems": 100, "items": ONE_MAIL}


@quick.post("", summary="Send a mail", response_model=Taken, openapi_extra=_taking(ONE_MAIL))
async def send(request: Request, caller: Sending) -> Response:
    """Answered when the mail is safe on disk; its story is at /emails/{id}/story."""
    return await emails_in.one(await request.body(), request, caller, request.app.state.services)


@quick.post("/batch", summary="Send up to 100 mails", response_model=BatchTaken, openapi_extra=_taking(MANY_MAILS))
async def send_batch(request: Request, caller: Sending) -> Response:
    """All or none, unless `x-batch-validation: permissive` asks for those that can be sent."""
    return await emails_in.many(await request.body(), request, caller, request.app.state.services)


@router.get("", summary="List mails, newest first", response_model=Listed[Listing])
async def list_emails(caller: Reading, services: Given, page: Paging) -> Json:
    """A page; `has_more` says that it goes on in the direction that was asked for."""
    limit, now = page.limit or USUAL, services.now()
    found = await services.store.listed(account=caller.account, older_than=page.after, newer_than=page.before, limit=limit + 1)
    some = found[:limit] if page.before is None else found[-limit:]
    shown = [Listing(**listing(one.message, one.state, one.recipients, one.head, now=now)) for one in some]
    return Json(Listed(data=shown, has_more=len(found) > limit).model_dump(by_alias=True))


@router.get("/{id}", summary="Look at a mail", response_model=EmailTold)
async def look(id: str, caller: Reading, services: Given) -> Json:
    """The text of mail of a secret subsystem is never shown."""
    story = await services.store.story(number_of(id, "email"), account=caller.account)
    mail = story.message
    raw = b"" if mail.secret or not story.has_body else await asyncio.to_thread(_whole, services, mail.id)
    state = worst([one.state for one in story.deliveries])
    shown = email(mail, state, [one.recipient for one in story.deliveries], raw, now=services.now())
    return Json(shown.model_dump(by_alias=True))


@router.get("/{id}/story", summary="Tell what became of a mail, and why")
async def tell(id: str, caller: Reading, services: Given) -> StoryTold:
    """For each recipient, in words and in data."""
    story = await services.store.story(number_of(id, "email"), account=caller.account)
    now = services.now()
    tale = await why(story, services.queue, now=now, knowledge=replies())
    return story_told(story, tale, worst([one.state for one in story.deliveries]), now=now)


@router.patch("/{id}", summary="Give scheduled mail another time")
async def reschedule(id: str, asked: Rescheduling, caller: Sending, services: Given) -> Changed:
    """Only before it began to leave."""
    number, now = number_of(id, "email"), services.now()
    if asked.id is not None and number_of(asked.id, "email") != number:
        raise ApiError(
            422, "validation_error", error("id-differs", "The id in the body is not that of the path.", do="Leave it out.")
        )
    due = moment_of(asked.scheduled_at, now=now) or now
    await services.queue.reschedule(number, account=caller.account, due=due, now=now)
    return Changed(id=id_text(number))


@router.post("/{id}/cancel", summary="Cancel a mail that did not leave yet")
async def cancel(id: str, caller: Sending, services: Given) -> Changed:
    """Scheduled mail, and all that waits; what is being sent goes on."""
    number = number_of(id, "email")
    done = await services.queue.cancel(number, account=caller.account, now=services.now())
    if not done.cancelled:
        raise Conflict(TOO_LATE, "Its story tells who got it.")
    return Changed(id=id_text(number))


def _whole(services: Services, number: int) -> bytes:
    return b"".join(services.store.content(number))
