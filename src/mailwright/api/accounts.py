"""/accounts: the customers of the operator; only keys of the operator come here."""

from dataclasses import replace
from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import Field

from mailwright.accounts import Account
from mailwright.accounts.account import RETENTION_DAYS
from mailwright.api.caller import Operating
from mailwright.api.errors import ApiError
from mailwright.api.services import Given
from mailwright.api.wire import Asked, Listed, Paging, Told, cut, moment, number_of
from mailwright.values import Conflict
from mailwright.values.finding import error
from mailwright.values.ids import id_text, made_at

router = APIRouter(prefix="/accounts", tags=["Accounts"])
NAME = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"
MOST = 2**31 - 1
NAME_TAKEN = error(
    "account-taken", "There is an account with this name already.", do="Choose another name; GET /accounts lists all."
)
Days = Annotated[int, Field(ge=0, le=3650, description="How long a mail's body is kept after its end.")]
Limit = Annotated[int, Field(ge=1, le=MOST)]


class AccountWanted(Asked):
    """An account to make."""

    name: Annotated[str, Field(pattern=NAME, description="Small letters, digits and inner hyphens.")]
    retention_days: Days = RETENTION_DAYS
    reports: Annotated[bool, Field(description="Whether final failures are reported to the sender by mail.")] = True
    hour_limit: Annotated[Limit | None, Field(description="Deliveries an hour; what is over waits.")] = None
    day_limit: Annotated[Limit | None, Field(description="Deliveries a day; what is over waits.")] = None


class AccountChange(Asked):
    """What to change; what is left out stays, null takes a limit away."""

    retention_days: Days | None = None
    reports: bool | None = None
    hour_limit: Limit | None = None
    day_limit: Limit | None = None


class AccountTold(Told):
    """An account."""

    object: Literal["account"] = "account"
    id: str
    name: str
    retention_days: int
    reports: bool
    hour_limit: int | None
    day_limit: int | None
    created_at: str


@router.post("", status_code=201, summary="Make an account")
async def add_account(asked: AccountWanted, caller: Operating, services: Given) -> AccountTold:
    """It needs a domain and a key next: POST /domains?account=NAME and POST /api-keys?account=NAME."""
    del caller
    made = Account(services.ids.next(services.now()), **asked.model_dump())
    try:
        await services.directory.add_account(made)
    except Conflict as clash:
        raise ApiError(409, "conflict", NAME_TAKEN) from clash
    await services.follow()
    return _told(made)


@router.get("", summary="List all accounts")
async def list_accounts(caller: Operating, services: Given, page: Paging) -> Listed[AccountTold]:
    """By name."""
    del caller
    accounts, more = cut(await services.directory.accounts(), page, lambda account: account.id)
    return Listed(data=[_told(account) for account in accounts], has_more=more)


@router.get("/{id}", summary="Show an account")
async def show_account(id: str, caller: Operating, services: Given) -> AccountTold:
    """By its id."""
    del caller
    return _told(await services.directory.account(number_of(id, "account")))


@router.patch("/{id}", summary="Change an account")
async def change_account(id: str, asked: AccountChange, caller: Operating, services: Given) -> AccountTold:
    """Limits hold for what is handed in from now on."""
    del caller
    known = await services.directory.account(number_of(id, "account"))
    given = asked.model_dump(include=asked.model_fields_set)
    kept = {name: value for name, value in given.items() if value is not None or name.endswith("_limit")}
    changed = replace(known, **kept)
    await services.directory.change_account(changed)
    await services.follow()
    return _told(changed)


def _told(account: Account) -> AccountTold:
    return AccountTold(
        id=id_text(account.id),
        name=account.name,
        retention_days=account.retention_days,
        reports=account.reports,
        hour_limit=account.hour_limit,
        day_limit=account.day_limit,
        created_at=moment(made_at(account.id)),
    )
