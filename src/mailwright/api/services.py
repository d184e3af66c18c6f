"""What the routes need from the house that serves them."""

import secrets
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, cast

from fastapi import Depends, Request

from mailwright.app.accounts import Accounts
from mailwright.app.house import House
from mailwright.app.logs import Logger, logger
from mailwright.app.metrics import Metrics
from mailwright.app.requests import Requests
from mailwright.app.settings import Settings
from mailwright.app.tail import Tail
from mailwright.flows.submit import HandedIn, Office, Receipt, submit
from mailwright.message.dress import Refused
from mailwright.net.dns import Resolver
from mailwright.ports import Directory, Hooks, Queue, Store, Suppressions, Vault
from mailwright.values import Finding
from mailwright.values.ids import IdMaker


@dataclass(frozen=True, slots=True)
class Services:
    """Doors and means, handed over once; nothing here is made by a route."""

    store: Store
    queue: Queue
    directory: Directory
    vault: Vault
    suppressions: Suppressions
    hooks: Hooks
    tail: Tail
    requests: Requests  # the request log
    accounts: Accounts  # the Directory, remembered
    resolver: Resolver
    office: Office
    submit: Callable[[HandedIn], Awaitable[Receipt | Refused]]
    ids: IdMaker
    now: Callable[[], int]  # milliseconds since 1970
    steady: Callable[[], float]  # seconds of a clock that never steps back
    random: Callable[[int], bytes]  # so many octets that nobody can guess
    follow: Callable[[], Awaitable[None]]  # call it after a change of the set-up: this process then works by it at once
    ready: Callable[[], Awaitable[Sequence[Finding]]]
    settings: Settings
    metrics: Metrics
    log: Logger


def services_of(house: House) -> Services:
    """The services of a house."""
    return Services(
        store=house.storage.store,
        queue=house.storage.queue,
        directory=house.storage.directory,
        vault=house.vault,
        suppressions=house.storage.suppressions,
        hooks=house.storage.hooks,
        tail=house.tail,
        requests=house.requests,
        accounts=house.works.accounts,
        resolver=house.resolver,
        office=house.office,
        submit=partial(submit, office=house.office),
        ids=house.works.ids,
        now=house.works.now,
        steady=time.monotonic,
        random=secrets.token_bytes,
        follow=house.rounds.follow,
        ready=house.ready,
        settings=house.settings,
        metrics=house.metrics,
        log=logger("api"),
    )


async def at_hand(request: Request) -> Services:
    """The services of the application that answers a request."""
    return cast("Services", request.app.state.services)


Given = Annotated[Services, Depends(at_hand)]
