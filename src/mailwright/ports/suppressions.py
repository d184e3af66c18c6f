"""The door to the addresses to which accounts do not send."""

from collections.abc import Sequence
from typing import Protocol

from mailwright.accounts.suppression import Origin, Suppression


class Suppressions(Protocol):
    """Changes are durable when they return. All raise Unavailable."""

    async def add(self, suppressions: Sequence[Suppression]) -> Sequence[Suppression]:
        """Keep some; an address that the account has already stays as it is, and is returned so."""
        ...

    async def among(self, account: int, addresses: Sequence[str]) -> Sequence[Suppression]:
        """Those of an account that are for one of these addresses."""
        ...

    async def one(self, account: int, *, number: int | None = None, address: str = "") -> Suppression:
        """By its id or its address. Raises NotFound, also where it is another account's."""
        ...

    async def page(
        self, account: int, *, origin: Origin | None, older_than: int | None, newer_than: int | None, limit: int
    ) -> Sequence[Suppression]:
        """Newest first; with `newer_than` those that follow next after that id."""
        ...

    async def remove(self, account: int, numbers: Sequence[int]) -> None:
        """The account may send there again."""
        ...
