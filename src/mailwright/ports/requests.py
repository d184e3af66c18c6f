"""The door to what was asked over HTTP: who, what, and how it ended; never what was in it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Request:
    """One request. Its id is in the answer (x-request-id) and grows with time."""

    id: int
    account: int  # accounts.OPERATOR where the operator named none
    key: str  # the prefix of the key
    method: str
    endpoint: str  # the path without what follows "?"
    status: int
    agent: str


class RequestLog(Protocol):
    """Kept for some days. All raise Unavailable."""

    async def keep(self, requests: Sequence[Request]) -> None:
        """Write some; durable with whatever is written durably after them: a crash may lose the last ones."""
        ...

    async def page(
        self, *, account: int | None, before: int | None = None, after: int | None = None, limit: int = 20
    ) -> Sequence[Request]:
        """Newest first; `after` an id are older ones, `before` it the next newer ones. None is the operator."""
        ...

    async def one(self, number: int, *, account: int | None) -> Request:
        """Raises NotFound, also where it is another account's."""
        ...

    async def forget(self, *, until: int, limit: int) -> int:
        """Delete some with ids below `until`; how many."""
        ...
