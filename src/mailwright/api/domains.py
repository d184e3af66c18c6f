"""/domains: what an account may write as, with the records to publish and what the DNS says of them."""

import asyncio
from collections.abc import Mapping
from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import Field

from mailwright.accounts import DomainCheck, Scope, SendingDomain
from mailwright.api.caller import Administering, Caller, Reading
from mailwright.api.errors import ApiError
from mailwright.api.services import Given, Services
from mailwright.api.wire import Asked, Deleted, Listed, Paging, Told, cut, moment, number_of
from mailwright.app.settings import Delivery
from mailwright.app.setup import SELECTOR, keep_domain
from mailwright.auth import make_key
from mailwright.domains.records import Standing, Wanted, overall, stand, wanted
from mailwright.values import Conflict, Domain, NotFound
from mailwright.values.finding import error
from mailwright.values.ids import id_text, made_at

router = APIRouter(prefix="/domains", tags=["Domains"])
CHECK_SECONDS = 10.0  # for all records of a domain
OPERATORS_TO_GIVE = error(
    "domain-by-operator",
    "Here only the operator gives domains to accounts.",
    why="Whoever has a domain writes as everybody at it.",
    do="Ask the operator, who adds it with a key of its own and ?account=NAME, or with: mailwright domain add NAME DOMAIN",
)
TAKEN = error(
    "domain-taken", "This domain is in use already.", do="Look at its spelling, and at GET /domains; else ask the operator."
)
UNTRACKED = error(
    "tracking-unknown",
    "Mailwright does not track who opens a mail or follows a link.",
    do="Leave open_tracking, click_tracking and tracking_subdomain out, or send false.",
)


class DomainWanted(Asked):
    """A domain to add. Resend's other fields are known, where they ask for nothing that Mailwright does not do."""

    name: Annotated[str, Field(max_length=255, examples=["example.com"])]
    subdomains: Annotated[bool, Field(description="Whether the names below it are covered too.")] = False
    region: Annotated[str | None, Field(description="Of Resend; means nothing here.")] = None
    custom_return_path: Annotated[str | None, Field(description="Of Resend; return paths are the operator's here.")] = None
    tls: Annotated[str | None, Field(description="Of Resend; routes and transports say it here.")] = None
    capabilities: Annotated[dict[str, str] | None, Field(description="Of Resend; means nothing here.")] = None
    open_tracking: bool = False
    click_tracking: bool = False
    tracking_subdomain: str | None = None


class DomainChange(Asked):
    """What to change of a domain."""

    subdomains: Annotated[bool | None, Field(description="Whether the names below it are covered too.")] = None
    id: Annotated[str | None, Field(description="SDKs repeat it here; the path says which.")] = None
    tls: Annotated[str | None, Field(description="Of Resend; routes and transports say it here.")] = None
    capabilities: Annotated[dict[str, str] | None, Field(description="Of Resend; means nothing here.")] = None
    open_tracking: bool = False
    click_tracking: bool = False
    tracking_subdomain: str | None = None


class RecordTold(Told):
    """A record to publish. `name` is the whole name; some DNS hosts want it without the domain."""

    record: Literal["DKIM", "SPF"]
    name: str
    type: Literal["TXT", "MX"]
    ttl: Literal["Auto"] = "Auto"
    status: Standing
    value: str
    priority: int | None = None


class Capabilities(Told):
    """What Resend says of a domain."""

    sending: Literal["enabled"] = "enabled"
    receiving: Literal["disabled"] = "disabled"


class DomainTold(Told):
    """A domain in a list."""

    object: Literal["domain"] = "domain"
    id: str
    name: str
    status: Standing
    created_at: str
    region: Literal[""] = ""
    capabilities: Capabilities = Capabilities()
    subdomains: bool
    checked_at: Annotated[str | None, Field(description="When the DNS was last asked: POST /domains/{id}/verify.")]


class DomainWhole(DomainTold):
    """A domain with its records."""

    records: list[RecordTold]


class DomainNamed(Told):
    """Which domain this was about."""

    object: Literal["domain"] = "domain"
    id: str


@router.post("", status_code=201, summary="Add a domain")
async def add_domain(asked: DomainWanted, caller: Administering, services: Given) -> DomainWhole:
    """Give the account a domain and make its DKIM key. By the operator, unless the settings let accounts do it themselves."""
    _only_who_gives(caller, services)
    _untracked(asked.open_tracking, asked.click_tracking, asked.tracking_subdomain)
    name = Domain.parse(asked.name)
    if await services.directory.domain_named(name) is not None:
        raise ApiError(409, "conflict", TAKEN)
    key = await asyncio.to_thread(make_key, name, SELECTOR)
    made = SendingDomain(services.ids.next(services.now()), caller.one.account.id, name, asked.subdomains)
    try:
        await keep_domain(services.directory, services.vault, lambda: services.ids.next(services.now()), made, key)
    except Conflict as clash:
        raise ApiError(409, "conflict", TAKEN) from clash
    await services.follow()
    return await _whole(made, None, services)


@router.get("", summary="List the domains of the account")
async def list_domains(caller: Reading, services: Given, page: Paging) -> Listed[DomainTold]:
    """By name, without their records; the status is of the last check."""
    checks = await _checks(caller, services)
    domains, more = cut(await services.directory.domains(caller.one.account.id), page, lambda domain: domain.id)
    return Listed(data=[_told(domain, checks.get(domain.id)) for domain in domains], has_more=more)


@router.get("/{id}", summary="Show a domain and its records")
async def show_domain(id: str, caller: Reading, services: Given) -> DomainWhole:
    """The records to publish, each with what the DNS said at the last check."""
    domain = await _one(id, caller, services)
    return await _whole(domain, (await _checks(caller, services)).get(domain.id), services)


@router.patch("/{id}", summary="Change a domain")
async def change_domain(id: str, asked: DomainChange, caller: Administering, services: Given) -> DomainNamed:
    """Say whether the names below it are covered. Who gives domains may do this."""
    domain = await _one(id, caller, services)
    _untracked(asked.open_tracking, asked.click_tracking, asked.tracking_subdomain)
    if asked.subdomains is not None and asked.subdomains != domain.subdomains:
        _only_who_gives(caller, services)
        changed = SendingDomain(domain.id, domain.account, domain.domain, asked.subdomains)
        await services.directory.change_domain(changed)
        await services.follow()
    return DomainNamed(id=id_text(domain.id))


@router.delete("/{id}", summary="Take a domain away")
async def remove_domain(id: str, caller: Administering, services: Given) -> Deleted:
    """The account can no longer write as it, and its DKIM keys are deleted; mail that still waits is not signed any more."""
    domain = await _one(id, caller, services)
    await services.directory.remove_domain(domain.account, domain.domain)
    await services.follow()
    return Deleted(object="domain", id=id_text(domain.id))


@router.post("/{id}/verify", summary="Ask the DNS for the records of a domain")
async def verify_domain(id: str, caller: Administering, services: Given) -> DomainNamed:
    """Ask for every record now, past the cache. GET /domains/{id} then tells what was found: `verified`, `pending` where there
    is none, `failed` where there is another, `temporary_failure` where it could not be found out."""
    domain = await _one(id, caller, services)
    records = await _wanted(domain, services)
    for record in records:
        services.resolver.forget(record.name)
    said = await services.resolver.run(stand(records), seconds=CHECK_SECONDS)
    standings = {record.place: standing.value for record, standing in zip(records, said, strict=True)}
    await services.directory.keep_check(DomainCheck(domain.id, domain.account, services.now(), standings))
    return DomainNamed(id=id_text(domain.id))


def _only_who_gives(caller: Caller, services: Services) -> None:
    said, settings = services.settings.http.accounts_add_domains, services.settings
    themselves = settings.delivery is Delivery.CAPTURE if said is None else said
    if not themselves and Scope.OPERATOR not in caller.key.scopes:
        raise ApiError(403, "restricted_api_key", OPERATORS_TO_GIVE)


def _untracked(*wishes: object) -> None:
    if any(wishes):
        raise ApiError(422, "validation_error", UNTRACKED)


async def _one(text: str, caller: Caller, services: Services) -> SendingDomain:
    number = number_of(text, "domain")
    for domain in await services.directory.domains(caller.one.account.id):
        if domain.id == number:
            return domain
    raise NotFound("There is no such domain.")


async def _checks(caller: Caller, services: Services) -> Mapping[int, DomainCheck]:
    return {check.domain: check for check in await services.directory.checks(caller.one.account.id)}


async def _wanted(domain: SendingDomain, services: Services) -> tuple[Wanted, ...]:
    keys = [key for key in await services.directory.dkim_keys(domain.domain) if key.account == domain.account]
    settings = services.settings
    sources = [str(one.ip) for one in settings.outbound]
    return wanted(domain.domain, keys, bounce_domain=settings.bounce_domain, hostname=settings.hostname, sources=sources)


async def _whole(domain: SendingDomain, check: DomainCheck | None, services: Services) -> DomainWhole:
    """With the records of this moment: one that came after the check was not asked for yet."""
    records = await _wanted(domain, services)
    said = check.standings if check is not None else {}
    standings = [Standing(said.get(record.place, Standing.NOT_STARTED)) for record in records]
    told = _told(domain, check).model_copy(update={"status": overall(standings)})
    shown = [_record(record, standing) for record, standing in zip(records, standings, strict=True)]
    return DomainWhole(**told.model_dump(), records=shown)


def _told(domain: SendingDomain, check: DomainCheck | None) -> DomainTold:
    return DomainTold(
        id=id_text(domain.id),
        name=domain.domain.name,
        status=overall([Standing(said) for said in check.standings.values()] if check is not None else []),
        created_at=moment(made_at(domain.id)),
        subdomains=domain.subdomains,
        checked_at=moment(check.at) if check is not None else None,
    )


def _record(record: Wanted, standing: Standing) -> RecordTold:
    purpose: Literal["DKIM", "SPF"] = "DKIM" if record.purpose == "DKIM" else "SPF"
    kind: Literal["TXT", "MX"] = "MX" if record.type == "MX" else "TXT"
    return RecordTold(record=purpose, name=record.name, type=kind, status=standing, value=record.value, priority=record.priority)
