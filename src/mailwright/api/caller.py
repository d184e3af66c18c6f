"""Who asks: the Bearer key of a request, what it may do, and for which account."""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Annotated, cast

from fastapi import Depends, Request

from mailwright.accounts import OPERATOR, AccountView, ApiKey, Scope, Submitter
from mailwright.api.client import client_of
from mailwright.api.errors import ApiError
from mailwright.api.frame import asking_of
from mailwright.api.limits import Rates
from mailwright.api.services import Services
from mailwright.net.logins import FailedLogins
from mailwright.values import Finding, NotFound
from mailwright.values.finding import error

PROVEN = 10_000  # keys that are remembered to be good
GUESSERS = 20  # keys from addresses that guess, which wait to be looked up
OF_AN_ACCOUNT = frozenset({Scope.SEND, Scope.READ, Scope.ADMIN})
NO_KEY = error(
    "key-missing",
    "The request has no API key.",
    do="Send the header: Authorization: Bearer mw_... A key is made with: mailwright key add ACCOUNT --scope send --scope read",
)
WRONG_KEY = error(
    "key-unknown",
    "This API key is not known here, or it was revoked.",
    do="Look whether all of it was copied; an admin of the account can make a new one.",
)
NAME_ONE = error(
    "account-missing",
    "A key of the operator is for all accounts, and this is about one.",
    do="Name it: add ?account=NAME to the address.",
)
NO_SUCH_ACCOUNT = error("account-unknown", "There is no such account.", do="GET /accounts lists those that there are.")
ONE_ACCOUNT = error("account-of-others", "This key is of one account and sees no other.", do="Leave ?account= out.")


@dataclass(frozen=True, slots=True)
class Caller:
    """A key and the account for which it asks; `view` None is the operator, asking of all accounts."""

    key: ApiKey
    view: AccountView | None

    @property
    def account(self) -> int | None:
        """As the doors want it: an account's id, or None for the operator."""
        return self.view.account.id if self.view is not None else None

    @property
    def one(self) -> AccountView:
        """The account. Raises ApiError where the operator named none."""
        if self.view is None:
            raise ApiError(422, "validation_error", NAME_ONE)
        return self.view

    @property
    def submitter(self) -> Submitter:
        """Who hands in. Raises ApiError where the operator named no account."""
        return Submitter(self.one, self.key)


class Doorkeeper:
    """Lets keys in, and counts those that are wrong, for each client address."""

    def __init__(self, services: Services) -> None:
        limits = services.settings.limits
        self._services = services
        self._window = limits.login_window.total_seconds()
        self._failed = FailedLogins(per_address=limits.login_failures, window=self._window)
        self.rates = Rates(services.settings.http.requests, services.steady)
        self._turn, self._guessers = asyncio.Semaphore(1), 0
        self._proven: OrderedDict[bytes, None] = OrderedDict()

    async def let_in(self, text: str, client: str) -> ApiKey:
        """The key with this text. Raises ApiError, Unavailable.

        Many may share an address, so a good key is let in from wherever it comes; but the keys of an address that guesses are
        looked up one after the other, and not at all while many wait, unless they were good before.
        """
        now, mark = self._services.steady(), hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
        guesses = mark not in self._proven and self._failed.refusal(client, "", now) is not None
        key = await (self._looked_up_in_turn(text) if guesses else self._services.accounts.key(text))
        if key is None:
            self._failed.failed(client, "", now)
            self._proven.pop(mark, None)
            self._services.metrics.login_failures += 1
            self._services.log.warning("login refused", client=client)
            raise self._too_many() if guesses else ApiError(403, "invalid_api_key", WRONG_KEY)
        self._remember(mark)
        return key

    async def _looked_up_in_turn(self, text: str) -> ApiKey | None:
        if self._guessers >= GUESSERS:
            raise self._too_many()
        self._guessers += 1
        try:
            async with self._turn:
                return await self._services.accounts.key(text)
        finally:
            self._guessers -= 1

    def _remember(self, mark: bytes) -> None:
        if mark not in self._proven:
            self._services.metrics.logins += 1
            self._proven[mark] = None
            if len(self._proven) > PROVEN:
                self._proven.popitem(last=False)

    def _too_many(self) -> ApiError:
        wait = round(self._window)
        finding = error(
            "logins-too-many",
            "Too many requests from your address had a wrong API key.",
            do=f"Wait {wait} seconds, and look at the key of whatever sends from this address.",
        )
        return ApiError(429, "rate_limit_exceeded", finding, headers={"retry-after": str(wait)})


async def caller_of(request: Request, scope: Scope) -> Caller:
    """Who asks, if the key has the scope. Raises ApiError, Unavailable.

    For routes that do without FastAPI's dependencies; others say `caller: Sending`, `Reading`, `Administering`, `Operating`.
    """
    state = request.app.state
    services, doorkeeper = cast("Services", state.services), cast("Doorkeeper", state.doorkeeper)
    kind, _, text = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "bearer" or not text.strip():
        raise ApiError(401, "missing_api_key", NO_KEY, headers={"www-authenticate": "Bearer"})
    asking = asking_of(request)
    key = asking.key = await doorkeeper.let_in(text.strip(), client_of(request, services.settings.http.proxies))
    asking.headers = doorkeeper.rates.take(key.id)
    named = request.query_params.get("account") if request.scope["query_string"] else None
    caller = await (_operator(key, named, services) if key.account == OPERATOR else _customer(key, named, services))
    asking.account = caller.view.account.id if caller.view is not None else OPERATOR
    if scope not in caller.key.scopes:
        raise ApiError(403, "restricted_api_key", _lacking(scope))
    return caller


async def _operator(key: ApiKey, named: str | None, services: Services) -> Caller:
    """The operator may do for an account that it names what the account may; what is about one wants it named (`Caller.one`)."""
    try:
        view = await services.accounts.named(named) if named is not None else None
    except NotFound as gone:
        raise ApiError(404, "not_found", NO_SUCH_ACCOUNT) from gone
    return Caller(replace(key, scopes=key.scopes | OF_AN_ACCOUNT), view)


async def _customer(key: ApiKey, named: str | None, services: Services) -> Caller:
    view = services.accounts.seen(key.account) or await services.accounts.view(key.account)
    if named is not None and named != view.account.name:
        raise ApiError(403, "restricted_api_key", ONE_ACCOUNT)
    return Caller(key, view)


def _lacking(scope: Scope) -> Finding:
    if scope is Scope.OPERATOR:
        what, do = "Only a key of the operator may do this.", "Ask the operator; its keys: mailwright key add --operator"
    else:
        what = f"This API key may not do this: it lacks the scope {scope.value}."
        do = "Use another key, or let an admin of the account make one with this scope."
    return error("scope-missing", what, do=do)


class Needs:
    """A dependency: a caller whose key has a scope. The OpenAPI and the test of isolation read `scope`."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope

    async def __call__(self, request: Request) -> Caller:
        """The caller. Raises ApiError."""
        return await caller_of(request, self.scope)


def needs(scope: Scope) -> Callable[[Request], Awaitable[Caller]]:
    """A dependency that gives the caller and refuses keys without this scope."""
    return Needs(scope)


Sending = Annotated[Caller, Depends(needs(Scope.SEND))]
Reading = Annotated[Caller, Depends(needs(Scope.READ))]
Administering = Annotated[Caller, Depends(needs(Scope.ADMIN))]
Operating = Annotated[Caller, Depends(needs(Scope.OPERATOR))]
