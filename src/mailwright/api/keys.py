"""/api-keys: the keys of an account; the text of one is told once, when it is made."""

from typing import Literal

from fastapi import APIRouter

from mailwright.accounts import ApiKey
from mailwright.api.caller import Administering
from mailwright.api.services import Given
from mailwright.api.wire import Listed, Told, moment
from mailwright.values.ids import id_text

router = APIRouter(prefix="/api-keys", tags=["API keys"])


class KeyTold(Told):
    """A key, without its secret."""

    id: str
    object: Literal["api_key"] = "api_key"
    name: str
    prefix: str
    scopes: list[str]
    send_as: list[str]
    created_at: str


@router.get("", summary="List the API keys of the account")
async def list_keys(caller: Administering, services: Given) -> Listed[KeyTold]:
    """Those that can be used, oldest first. Their secrets are not kept and cannot be shown."""
    keys = await services.directory.keys(caller.one.account.id)
    return Listed(data=[_told(key) for key in keys if key.revoked_at is None])


def _told(key: ApiKey) -> KeyTold:
    return KeyTold(
        id=id_text(key.id),
        name=key.name,
        prefix=f"mw_{key.prefix}",
        scopes=sorted(key.scopes),
        send_as=list(key.send_as),
        created_at=moment(key.created_at),
    )
