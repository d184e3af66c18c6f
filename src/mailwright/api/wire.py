"""What all resources share on the wire: times, ids, lists, and how requests are read."""

from datetime import UTC, datetime
from typing import Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict

from mailwright.values import Malformed, NotFound
from mailwright.values.ids import id_number

T = TypeVar("T")


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


def moment(ms: int) -> str:
    """A time in milliseconds since 1970, as RFC 3339 in UTC."""
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def number_of(text: str, what: str) -> int:
    """The id in a path, for a `what` such as "email". Raises NotFound: what is no id at all is nothing of anybody's."""
    try:
        return id_number(text)
    except Malformed as fault:
        raise NotFound(f"There is no such {what}.") from fault
