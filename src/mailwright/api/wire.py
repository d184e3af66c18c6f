"""What all resources share on the wire: times, ids, lists and their pages, and how requests are read."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Generic, Literal, TypeVar

from fastapi import Depends, Query
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from mailwright.api.errors import ApiError
from mailwright.values import Finding, Malformed, NotFound
from mailwright.values.finding import error
from mailwright.values.ids import id_number

T = TypeVar("T")
LONGEST = 200  # characters of a name
MOST = 100  # things on one page
USUAL = 20


def _one_line(text: str) -> str:
    if not text.isprintable():
        raise Malformed("a text of one line has no line ends or control characters.", "Leave them out.")
    return text


Text = Annotated[str, Field(max_length=LONGEST), AfterValidator(_one_line)]


class Asked(BaseModel):
    """A request's body: what is not known is refused, for a misspelt field would be lost without a word."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Told(BaseModel):
    """An answer's body."""

    model_config = ConfigDict(frozen=True)


class Listed(Told, Generic[T]):
    """A list, as Resend has it; `has_more` says that it goes on after its last id."""

    object: Literal["list"] = "list"
    has_more: bool = False
    data: list[T]


class Deleted(Told):
    """Something is gone."""

    object: str
    id: str
    deleted: Literal[True] = True


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a list is wanted; `limit` None where the caller said nothing."""

    limit: int | None
    after: int | None
    before: int | None


async def page_of(
    limit: Annotated[int | None, Query(ge=1, le=MOST, description="So many at most.")] = None,
    after: Annotated[str | None, Query(description="Go on after this id, which was the last of a list.")] = None,
    before: Annotated[str | None, Query(description="What stands right before this id, which was the first of a list.")] = None,
) -> Page:
    """The page that a request asks for. Raises ApiError."""
    if after is not None and before is not None:
        raise ApiError(422, "validation_error", _bad_place("A list goes on after an id or before one, not both."))
    try:
        return Page(limit, None if after is None else id_number(after), None if before is None else id_number(before))
    except Malformed as fault:
        raise ApiError(422, "validation_error", _bad_place(str(fault))) from fault


Paging = Annotated[Page, Depends(page_of)]


def cut(items: Sequence[T], page: Page, id_of: Callable[[T], int]) -> tuple[Sequence[T], bool]:
    """The part of a whole list that a page is, and whether there is more. Raises ApiError where its place is not in the list."""
    places = {id_of(item): place for place, item in enumerate(items)}
    limit = page.limit or (len(items) or 1)
    start, end = 0, len(items)
    if page.after is not None:
        start = _place(places, page.after) + 1
    if page.before is not None:
        end = _place(places, page.before)
        start = max(0, end - limit)
        return items[start:end], start > 0
    return items[start : start + limit], start + limit < end


def moment(ms: int) -> str:
    """A time in milliseconds since 1970, as RFC 3339 in UTC."""
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def number_of(text: str, what: str) -> int:
    """The id in a path, for a `what` such as "email". Raises NotFound: what is no id at all is nothing of anybody's."""
    try:
        return id_number(text)
    except Malformed as fault:
        raise NotFound(f"There is no such {what}.") from fault


def _place(places: dict[int, int], number: int) -> int:
    if number not in places:
        raise ApiError(422, "validation_error", _bad_place("The id after or before which to go on is not in this list."))
    return places[number]


def _bad_place(what: str) -> Finding:
    return error("page-unknown", what, do="Take the id of the last entry of a list as after, or of the first one as before.")
