"""/api-keys: the keys of an account; the text of one is told once, when it is made."""

from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import Field

from mailwright.accounts import ApiKey, Scope
from mailwright.accounts.key import PREFIX_BYTES, SECRET_BYTES
from mailwright.api.caller import Administering, Caller
from mailwright.api.services import Given, Services
from mailwright.api.wire import Asked, Deleted, Listed, Paging, Text, Told, cut, moment, number_of
from mailwright.app.setup import new_key, sender
from mailwright.values import NotFound
from mailwright.values.ids import id_text

router = APIRouter(prefix="/api-keys", tags=["API keys"])
MOST_SENDERS = 1000  # addresses and domains that one key is limited to
OfAccount = Literal["send", "read", "admin"]


class KeyWanted(Asked):
    """A key to make. `permission` is Resend's word for `scopes`; `scopes` says it exactly."""

    name: Text = ""
    permission: Literal["full_access", "sending_access"] = "full_access"
    domain_id: Annotated[str | None, Field(description="Lets the key write only as this domain of the account.")] = None
    scopes: Annotated[list[OfAccount] | None, Field(min_length=1, description="In place of `permission`.")] = None
    send_as: list[Text] = Field(
        default_factory=list, max_length=MOST_SENDERS, description='Addresses, or domains as "@example.com"; empty: all.'
    )


class KeyMade(Told):
    """The only time that `token` is shown."""

    object: Literal["api_key"] = "api_key"
    id: str
    token: str


class KeyTold(Told):
    """A key, without its secret."""

    object: Literal["api_key"] = "api_key"
    id: str
    name: str
    prefix: str
    scopes: list[str]
    send_as: list[str]
    created_at: str
    last_used_at: Annotated[None, Field(description="Of Resend; not kept here.")] = None


@router.post("", status_code=201, summary="Make an API key")
async def make_key(asked: KeyWanted, caller: Administering, services: Given) -> KeyMade:
    """Make a key for the account. Its text is shown this once."""
    scopes = asked.scopes or (["send"] if asked.permission == "sending_access" else ["send", "read", "admin"])
    allowed = [sender(entry) for entry in asked.send_as]
    if asked.domain_id is not None:
        allowed.append(f"@{_domain_name(asked.domain_id, caller)}")
    key, text = new_key(
        services.ids.next(services.now()),
        caller.one.account.id,
        services.random(PREFIX_BYTES + SECRET_BYTES),
        name=asked.name,
        scopes=[Scope(scope) for scope in scopes],
        send_as=allowed,
        now=services.now(),
    )
    await services.directory.add_key(key)
    await services.follow()
    return KeyMade(id=id_text(key.id), token=text)


@router.get("", summary="List the API keys of the account")
async def list_keys(caller: Administering, services: Given, page: Paging) -> Listed[KeyTold]:
    """Those that can be used, oldest first. Their secrets are not kept and cannot be shown."""
    keys, more = cut(await _usable(caller, services), page, lambda key: key.id)
    return Listed(data=[_told(key) for key in keys], has_more=more)


@router.delete("/{id}", summary="Revoke an API key")
async def revoke_key(id: str, caller: Administering, services: Given) -> Deleted:
    """Nobody can use it from the next request on. It cannot be undone."""
    number = number_of(id, "API key")
    for key in await _usable(caller, services):
        if key.id == number:
            await services.directory.revoke_key(key.account, key.prefix, now=services.now())
            await services.follow()
            return Deleted(object="api_key", id=id_text(key.id))
    raise NotFound("There is no such API key.")


async def _usable(caller: Caller, services: Services) -> list[ApiKey]:
    return [key for key in await services.directory.keys(caller.one.account.id) if key.revoked_at is None]


def _domain_name(text: str, caller: Caller) -> str:
    number = number_of(text, "domain")
    for domain in caller.one.domains.values():
        if domain.id == number:
            return domain.domain.name
    raise NotFound("There is no such domain.")


def _told(key: ApiKey) -> KeyTold:
    return KeyTold(
        id=id_text(key.id),
        name=key.name,
        prefix=f"mw_{key.prefix}",
        scopes=sorted(key.scopes),
        send_as=list(key.send_as),
        created_at=moment(key.created_at),
    )
