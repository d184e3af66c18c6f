"""/events: what happens, as it happens, as server-sent events (WHATWG HTML §9.2)."""

import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Annotated

from fastapi import APIRouter, Header, Query
from starlette.responses import StreamingResponse

from mailwright.api.caller import Caller, Reading
from mailwright.api.errors import ApiError
from mailwright.api.services import Given, Services
from mailwright.api.wire import number_of
from mailwright.app.knowledge import replies
from mailwright.app.tail import STREAMS_OF_ONE
from mailwright.values import Malformed
from mailwright.values.finding import error
from mailwright.values.ids import id_number, id_text
from mailwright.webhooks import Happened, payload, type_for
from mailwright.webhooks.types import ALL, checked

router = APIRouter(prefix="/events", tags=["Events"])
RETRY = 2_000  # milliseconds that a client waits before it comes back
BUSY = error(
    "streams-too-many",
    f"This API key listens {STREAMS_OF_ONE} times already, or there is no more room for listeners.",
    do="Close another stream, or let one of them serve several readers.",
)
NO_PLACE = error(
    "event-unknown", "The id after which to go on is not one of an event.", do="Take the id of the last event that you read."
)
STREAM = {
    200: {
        "description": "Events without end, each with its id, its name, and as data what a webhook is sent.",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    }
}


@router.get("", summary="Follow what happens", response_class=StreamingResponse, responses=STREAM)  # type: ignore[arg-type]
async def follow(
    caller: Reading,
    services: Given,
    type: Annotated[str, Query(max_length=2000, description="Names of events, parted by commas; without it all.")] = ALL,
    email: Annotated[str | None, Query(description="The id of one mail.")] = None,
    after: Annotated[str | None, Query(description="Go on after this event, in place of the header Last-Event-ID.")] = None,
    last_event_id: Annotated[str | None, Header(description="As browsers send it when they come back.")] = None,
) -> StreamingResponse:
    """Of the account; of all accounts for the operator who names none. From now on, or after an event; after a break some may
    come again, with the same id, and none is missed. Comments come while nothing happens. A stream ends when the server stops
    or the reader is too slow: come back with the last id, as browsers do by themselves."""
    names, place = checked([name.strip() for name in type.split(",")]), after or last_event_id
    message = None if email is None else await services.store.find(number_of(email, "email"), account=caller.account)
    if not services.tail.room(caller.key.id):
        raise ApiError(429, "rate_limit_exceeded", BUSY, headers={"retry-after": "5"})
    events = services.tail.follow(account=caller.account, key=caller.key.id, after=_position(place))
    lines = _lines(_while_good(events, caller, services), names, message)
    return StreamingResponse(lines, media_type="text/event-stream", headers={"x-accel-buffering": "no"})  # for nginx


def _position(place: str | None) -> int | None:
    try:
        return id_number(place) if place else None
    except Malformed as fault:
        raise ApiError(422, "validation_error", NO_PLACE) from fault


async def _while_good(
    events: AsyncIterator[Happened | None], caller: Caller, services: Services
) -> AsyncIterator[Happened | None]:
    """Until the key is revoked."""
    async with aclosing(events) as news:  # type: ignore[type-var]  # it is a generator
        async for event in news:
            if not await services.accounts.good(caller.key):
                return
            yield event


async def _lines(events: AsyncIterator[Happened | None], names: tuple[str, ...], message: int | None) -> AsyncIterator[str]:
    yield f"retry: {RETRY}\n\n"
    async with aclosing(events) as news:  # type: ignore[type-var]  # it is a generator
        async for event in news:
            if event is None:
                yield ": still here\n\n"
                continue
            name = type_for(event.kind, event.data, names)
            if name is not None and message in (None, event.message):
                data = json.dumps(payload(event, name, replies()), separators=(",", ":"))
                yield f"id: {id_text(event.id)}\nevent: {name}\ndata: {data}\n\n"
