"""The door out for webhooks: one POST, and what was answered."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Answered:
    """The receiver spoke HTTP. `text` is the beginning of its answer; `retry_after` in milliseconds."""

    status: int
    text: str
    retry_after: int | None = None


@dataclass(frozen=True, slots=True)
class Unanswered:
    """No answer came: why, in words for the webhook's owner, who must not learn what lies in the operator's network."""

    what: str


class Poster(Protocol):
    """Sends requests over the guarded dialler; redirects are answers like any other."""

    async def post(self, url: str, headers: Sequence[tuple[str, str]], body: bytes) -> Answered | Unanswered:
        """One request, within a bounded time."""
        ...

    async def close(self) -> None:
        """Close what is kept open."""
        ...
