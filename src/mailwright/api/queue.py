"""/queue: what waits, by site; pause, resume and retry."""

from typing import Annotated, Literal, TypedDict

from fastapi import APIRouter
from pydantic import Field, model_validator

from mailwright.api.caller import Operating, Reading
from mailwright.api.errors import ApiError
from mailwright.api.services import Given, Services
from mailwright.api.wire import Asked, Text, Told, moment, number_of
from mailwright.ports.store import SiteView
from mailwright.routing.sites import DOMAIN, MX, ROUTE, SMTP
from mailwright.values import Malformed
from mailwright.values.finding import error

router = APIRouter(prefix="/queue", tags=["Queue"])
SORTS = (DOMAIN, MX, ROUTE, SMTP)
NO_SITE = error(
    "site-unknown",
    "This is not the name of a site.",
    do=f"GET /queue names them; a name begins with one of {', '.join(SORTS)}",
)


class Which(TypedDict):
    """What the queue is asked to change: exactly one is not None."""

    site: str | None
    account: int | None
    message: int | None


class Target(Asked):
    """What this is about: exactly one of the three."""

    site: Annotated[Text | None, Field(description="As GET /queue names it.")] = None
    account: Annotated[Text | None, Field(description="The name of an account: all of its mail.")] = None
    email: Annotated[str | None, Field(description="The id of one mail.")] = None

    @model_validator(mode="after")
    def _exactly_one(self) -> "Target":
        if sum(given is not None for given in (self.site, self.account, self.email)) != 1:
            raise Malformed("it is not said exactly what this is about.", "Give one of site, account and email.")
        return self


class Pausing(Target):
    """What to pause, and why."""

    why: Annotated[Text, Field(min_length=1, description="The reason, for whoever asks.")] = "paused by the operator"


class SiteTold(Told):
    """A site: servers with the same MX. What their last reply was is told to the operator alone, for it may name others' mail."""

    site: str
    ready: int
    deferred: int
    held: int
    in_hand: int
    counts_capped: bool
    oldest: str | None
    retry_at: str | None
    failures: int
    paused: str
    last_reply: str | None


class QueueTold(Told):
    """What waits."""

    object: Literal["list"] = "list"
    has_more: bool = False
    data: list[SiteTold]


class QueueChanged(Told):
    """How many deliveries, or sites or accounts where one was named, this changed at once."""

    object: Literal["queue_change"] = "queue_change"
    changed: int


@router.get("", summary="Show what waits, by site")
async def show_queue(caller: Reading, services: Given) -> QueueTold:
    """Of the account; of all accounts for the operator who names none."""
    sites = await services.queue.sites(account=caller.account)
    return QueueTold(data=[_told(site, whole=caller.view is None) for site in sites])


@router.post("/pause", summary="Stop sending; mail is still taken and waits")
async def pause(asked: Pausing, caller: Operating, services: Given) -> QueueChanged:
    """A site, an account, or one mail."""
    del caller
    changed = await services.queue.pause(**await _which(asked, services), why=asked.why, now=services.now())
    await services.follow()
    return QueueChanged(changed=changed)


@router.post("/resume", summary="Send again what was paused")
async def resume(asked: Target, caller: Operating, services: Given) -> QueueChanged:
    """A site, an account, or one mail."""
    del caller
    changed = await services.queue.resume(**await _which(asked, services), now=services.now())
    await services.follow()
    return QueueChanged(changed=changed)


@router.post("/retry", summary="Try now what waits for a later time")
async def retry(asked: Target, caller: Operating, services: Given) -> QueueChanged:
    """A site, an account, or one mail."""
    del caller
    changed = await services.queue.retry_now(**await _which(asked, services), now=services.now())
    await services.follow()
    return QueueChanged(changed=changed)


async def _which(asked: Target, services: Services) -> Which:
    if asked.site is not None and not asked.site.startswith(SORTS):
        raise ApiError(422, "validation_error", NO_SITE)
    account = (await services.directory.account_named(asked.account)).id if asked.account is not None else None
    message = await services.store.find(number_of(asked.email, "email"), account=None) if asked.email is not None else None
    return Which(site=asked.site, account=account, message=message)


def _told(site: SiteView, *, whole: bool) -> SiteTold:
    return SiteTold(
        site=site.site,
        ready=site.ready,
        deferred=site.deferred,
        held=site.held,
        in_hand=site.in_hand,
        counts_capped=site.counts_capped,
        oldest=None if site.oldest is None else moment(site.oldest),
        retry_at=None if not site.until else moment(site.until),
        failures=site.failures,
        paused=site.paused,
        last_reply=site.last_reply if whole else None,
    )
