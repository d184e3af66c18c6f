"""/logs: what was asked with the keys of an account, and how it ended; never what was in it."""

from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import Field

from mailwright.api.caller import Reading
from mailwright.api.services import Given
from mailwright.api.wire import USUAL, Listed, Paging, Told, moment, number_of
from mailwright.ports.requests import Request
from mailwright.values.ids import id_text, made_at

router = APIRouter(prefix="/logs", tags=["Logs"])


class LogTold(Told):
    """A request; its id is the x-request-id of its answer."""

    object: Literal["log"] = "log"
    id: str
    created_at: str
    endpoint: str
    method: str
    response_status: int
    user_agent: str
    key: Annotated[str, Field(description="The beginning of the API key.")]


class LogWhole(LogTold):
    """A request. Bodies are mail, or hold secrets: they are not kept, and so null."""

    request_body: None = None
    response_body: None = None


@router.get("", summary="List the requests of the account")
async def list_logs(caller: Reading, services: Given, page: Paging) -> Listed[LogTold]:
    """Newest first, of the last days as the operator's settings say; a request is seen here a second or two after its answer."""
    limit = page.limit or USUAL
    found = await services.requests.kept.page(account=caller.account, before=page.before, after=page.after, limit=limit + 1)
    more = len(found) > limit
    shown = found[-limit:] if page.before is not None else found[:limit]
    return Listed(data=[_told(one) for one in shown], has_more=more)


@router.get("/{id}", summary="Show a request")
async def show_log(id: str, caller: Reading, services: Given) -> LogWhole:
    """By the x-request-id of its answer."""
    found = await services.requests.kept.one(number_of(id, "request"), account=caller.account)
    return LogWhole(**_told(found).model_dump())


def _told(one: Request) -> LogTold:
    return LogTold(
        id=id_text(one.id),
        created_at=moment(made_at(one.id)),
        endpoint=one.endpoint,
        method=one.method,
        response_status=one.status,
        user_agent=one.agent,
        key=f"mw_{one.key}",
    )
