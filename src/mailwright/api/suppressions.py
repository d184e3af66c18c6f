"""/suppressions: addresses to which the account does not send, in Resend's shape."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import Field

from mailwright.accounts.suppression import Origin, Suppression, suppressed_as
from mailwright.api.caller import Administering, Caller
from mailwright.api.services import Given, Services
from mailwright.api.wire import MOST, Asked, Listed, Paging, Told, moment, number_of
from mailwright.values import Address, Malformed, NotFound
from mailwright.values.ids import id_text

router = APIRouter(prefix="/suppressions", tags=["Suppressions"])
USUAL = 20  # entries of a page, unless the caller says how many
AT_ONCE = 100  # of a batch, as Resend has it
REASON = "It was asked for over the HTTP API."


class Wanted(Asked):
    """An address to which nothing shall be sent."""

    email: str
    reason: Annotated[str | None, Field(max_length=200, description="Why; the story of each mail repeats it.")] = None


class ManyWanted(Asked):
    """Addresses to which nothing shall be sent."""

    emails: Annotated[list[str], Field(min_length=1, max_length=AT_ONCE)]


class ManyUnwanted(Asked):
    """Suppressions to remove, by address or by id."""

    emails: Annotated[list[str], Field(max_length=AT_ONCE)] = Field(default_factory=list)
    ids: Annotated[list[str], Field(max_length=AT_ONCE)] = Field(default_factory=list)


class Kept(Told):
    """It is suppressed."""

    object: Literal["suppression"] = "suppression"
    id: str


class Gone(Kept):
    """The account may send there again."""

    deleted: bool = True


class Many(Told):
    """Each of a batch."""

    data: list[Kept]


class ManyGone(Told):
    """Each of a batch."""

    data: list[Gone]


class Shown(Kept):
    """An address, and why nothing is sent there."""

    email: str
    reason: str
    origin: Origin
    source_id: str | None = Field(description="The mail that brought it about.")
    created_at: str


@router.post("", status_code=201, summary="Send nothing to an address any more")
async def add(asked: Wanted, caller: Administering, services: Given) -> Kept:
    """Mail for it is from now on settled at hand-in, and says why. An address that is there already stays as it is."""
    (kept,) = await _kept([asked.email], asked.reason or REASON, caller, services)
    return kept


@router.post("/batch/add", summary="Send nothing to some addresses any more")
async def add_many(asked: ManyWanted, caller: Administering, services: Given) -> Many:
    """All or none."""
    return Many(data=await _kept(asked.emails, REASON, caller, services))


@router.post("/batch/remove", summary="Send to some addresses again")
async def remove_many(asked: ManyUnwanted, caller: Administering, services: Given) -> ManyGone:
    """Those that are there; the answer names them, and passes over the others, as Resend's does."""
    if not asked.emails and not asked.ids:
        raise Malformed("Neither emails nor ids are given.", "Name at least one.")
    found: dict[int, Suppression] = {}
    for given in (*asked.emails, *asked.ids):
        with suppress(NotFound):
            one = await _found(given, caller, services)
            found[one.id] = one
    await services.suppressions.remove(caller.one.account.id, list(found))
    await services.follow()
    return ManyGone(data=[Gone(id=id_text(number)) for number in found])


@router.get("", summary="List the addresses to which nothing is sent")
async def show_all(
    caller: Administering, services: Given, page: Paging, origin: Annotated[Origin | None, Query()] = None
) -> Listed[Shown]:
    """Newest first."""
    limit = page.limit or USUAL
    found = await services.suppressions.page(
        caller.one.account.id, origin=origin, older_than=page.after, newer_than=page.before, limit=min(limit, MOST) + 1
    )
    some = found[:limit] if page.before is None else found[-limit:]
    return Listed(data=[_shown(one) for one in some], has_more=len(found) > limit)


@router.get("/{id_or_email}", summary="Look why nothing is sent to an address")
async def show(id_or_email: str, caller: Administering, services: Given) -> Shown:
    """By its id or by the address itself."""
    return _shown(await _found(id_or_email, caller, services))


@router.delete("/{id_or_email}", summary="Send to an address again")
async def remove(id_or_email: str, caller: Administering, services: Given) -> Gone:
    """By its id or by the address itself."""
    found = await _found(id_or_email, caller, services)
    await services.suppressions.remove(found.account, [found.id])
    await services.follow()
    return Gone(id=id_text(found.id))


async def _kept(emails: Sequence[str], reason: str, caller: Caller, services: Services) -> list[Kept]:
    now, account = services.now(), caller.one.account.id
    addresses = [suppressed_as(Address.parse(email.strip())) for email in emails]
    new = [Suppression(services.ids.next(now), account, address, reason, Origin.MANUAL, now) for address in addresses]
    kept = await services.suppressions.add(new)
    await services.follow()
    return [Kept(id=id_text(one.id)) for one in kept]


async def _found(id_or_email: str, caller: Caller, services: Services) -> Suppression:
    account = caller.one.account.id
    if "@" in id_or_email:
        return await services.suppressions.one(account, address=suppressed_as(Address.parse(id_or_email)))
    return await services.suppressions.one(account, number=number_of(id_or_email, "suppression"))


def _shown(one: Suppression) -> Shown:
    return Shown(
        id=id_text(one.id),
        email=one.address,
        reason=one.reason,
        origin=one.origin,
        source_id=None if one.source is None else id_text(one.source),
        created_at=moment(one.created_at),
    )
