"""/transports: the ways for an account's mail to leave; a password goes in and never comes out."""

from dataclasses import replace
from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import Field

from mailwright.accounts import TransportInfo
from mailwright.api.caller import Administering, Caller
from mailwright.api.errors import ApiError
from mailwright.api.services import Given, Services
from mailwright.api.wire import Asked, Deleted, Listed, Paging, Text, Told, cut, moment, number_of
from mailwright.app.setup import keep_transport, wants_password
from mailwright.values import NotFound
from mailwright.values.finding import error
from mailwright.values.ids import id_text, made_at

router = APIRouter(prefix="/transports", tags=["Transports"])
PASSWORD_MISSING = error(
    "password-missing",
    "This transport logs in, and there is no password for it.",
    do="Send the field password, or leave the setting username out.",
)
PASSWORD_UNUSED = error(
    "password-unused",
    "A password came for a transport that does not log in.",
    do="Name the login in the setting username, or leave the password out.",
)


class TransportWanted(Asked):
    """A transport to add. The settings of external_smtp: host, port, tls, username, connections; own_server has none."""

    name: Annotated[Text, Field(min_length=1)]
    kind: Literal["own_server", "external_smtp"]
    settings: dict[Text, int | Text] = Field(default_factory=dict)
    password: Annotated[str | None, Field(min_length=1, max_length=1000, description="Kept sealed, never shown.")] = None
    default: Annotated[bool, Field(description="All mail of the account leaves by it.")] = False


class TransportChange(Asked):
    """Whether all mail of the account leaves by it; false: by the operator's own servers again."""

    default: bool


class TransportTold(Told):
    """A transport, without its password."""

    object: Literal["transport"] = "transport"
    id: str
    name: str
    kind: str
    settings: dict[str, int | str]
    has_password: bool
    default: bool
    created_at: str


@router.post("", status_code=201, summary="Add a transport")
async def add_transport(asked: TransportWanted, caller: Administering, services: Given) -> TransportTold:
    """Where a connection to it would lead to a private address, it is refused when mail is sent."""
    logs_in = wants_password(asked.kind, asked.settings)
    if logs_in is not (asked.password is not None):
        raise ApiError(422, "validation_error", PASSWORD_MISSING if logs_in else PASSWORD_UNUSED)
    owner = await services.directory.account(caller.one.account.id)
    made = TransportInfo(services.ids.next(services.now()), owner.id, asked.kind, asked.name, asked.settings)
    password = (asked.password or "").encode()
    kept = await keep_transport(services.directory, services.vault, owner, made, password, default=asked.default)
    await services.follow()
    return _told(kept, default=asked.default)


@router.get("", summary="List the transports of the account")
async def list_transports(caller: Administering, services: Given, page: Paging) -> Listed[TransportTold]:
    """Oldest first. Without any, mail leaves by the operator's own servers."""
    owner = await services.directory.account(caller.one.account.id)
    found, more = cut(await services.directory.transports(owner.id), page, lambda one: one.id)
    return Listed(data=[_told(one, default=one.id == owner.default_transport) for one in found], has_more=more)


@router.get("/{id}", summary="Show a transport")
async def show_transport(id: str, caller: Administering, services: Given) -> TransportTold:
    """Without its password."""
    owner = await services.directory.account(caller.one.account.id)
    found = await _one(id, caller, services)
    return _told(found, default=found.id == owner.default_transport)


@router.patch("/{id}", summary="Make a transport the default, or no longer")
async def change_transport(id: str, asked: TransportChange, caller: Administering, services: Given) -> TransportTold:
    """Mail that waits already keeps the way that was chosen for it."""
    found = await _one(id, caller, services)
    owner = await services.directory.account(found.account)
    if asked.default is not (owner.default_transport == found.id):
        await services.directory.change_account(replace(owner, default_transport=found.id if asked.default else None))
        await services.follow()
    return _told(found, default=asked.default)


@router.delete("/{id}", summary="Take a transport away")
async def remove_transport(id: str, caller: Administering, services: Given) -> Deleted:
    """Its password is deleted. Where it was the default, mail leaves by the operator's own servers from now on."""
    found = await _one(id, caller, services)
    owner = await services.directory.account(found.account)
    if owner.default_transport == found.id:
        await services.directory.change_account(replace(owner, default_transport=None))
    await services.directory.remove_transport(found.account, found.id)
    await services.follow()
    return Deleted(object="transport", id=id_text(found.id))


async def _one(text: str, caller: Caller, services: Services) -> TransportInfo:
    number = number_of(text, "transport")
    for found in await services.directory.transports(caller.one.account.id):
        if found.id == number:
            return found
    raise NotFound("There is no such transport.")


def _told(one: TransportInfo, *, default: bool) -> TransportTold:
    return TransportTold(
        id=id_text(one.id),
        name=one.name,
        kind=one.kind,
        settings=dict(one.settings),
        has_password=one.has_secret,
        default=default,
        created_at=moment(made_at(one.id)),
    )
