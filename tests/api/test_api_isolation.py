"""Every route, with the id of another account's thing, with every scope: it is not there, or not for this key."""

from dataclasses import dataclass
from itertools import product

import pytest
import pytest_asyncio

from mailwright.accounts import Scope
from tests.api.asking import ALL, Api
from tests.api.test_api_caller import refused
from tests.api.things import THINGS, ids, missing, template, whole
from tests.e2e.served import Customer

served = pytest.mark.asyncio(loop_scope="module")
OPERATIONS = [(method.upper(), path, told) for path, methods in whole()["paths"].items() for method, told in methods.items()]
WITH_ID = [(method, path, told["x-scope"]) for method, path, told in OPERATIONS if "{" in path]
BODIES = {  # by method and path: a request that would be good for the owner; without a line it has no body
    ("PATCH", "/domains/{id}"): {"subdomains": False},
    ("PATCH", "/transports/{id}"): {"default": False},
    ("PATCH", "/accounts/{id}"): {"reports": True},
    ("PATCH", "/emails/{id}"): {"scheduled_at": "in 2 days"},
    ("PATCH", "/webhooks/{id}"): {"status": "enabled"},
    ("POST", "/webhooks/{id}/replay"): {"since": "2026-01-01T00:00:00Z"},
}


@dataclass
class Two:
    """An owner with a key for everything, and a stranger with one key of each scope, and one of all."""

    owner: Customer
    key: str
    stranger: dict[str, str]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def two(api: Api) -> Two:
    owner, other = await api.customer("owner"), await api.customer("stranger")
    keys = {str(scope): await api.api_key(other.id, scopes=(scope,)) for scope in ALL}
    return Two(owner, await api.full_key(owner), keys | {"all": await api.full_key(other)})


def test_every_route_with_an_id_has_a_thing_and_a_body() -> None:
    assert {template(path) for _, path, _ in WITH_ID} <= set(THINGS)
    wanted = {(method, path) for method, path, told in OPERATIONS if "{" in path and "requestBody" in told}
    assert wanted <= set(BODIES)


def test_every_route_wants_a_key() -> None:
    assert [path for _, path, told in OPERATIONS if "x-scope" not in told] == []


@served
@pytest.mark.parametrize("method,path,scope", WITH_ID)
async def test_a_thing_of_another_account_is_not_there(api: Api, two: Two, method: str, path: str, scope: str) -> None:
    good = path.format_map(await ids(api, two.owner, two.key, path))
    body = BODIES.get((method, path))
    for name, key in two.stranger.items():
        answer = await api.ask(method, good, key, body)
        if name in {scope, "all"} and scope != Scope.OPERATOR:
            refused(answer, 404, "not_found", "not-found")
            assert answer.json == (await api.ask(method, path.format_map(missing(path)), key, body)).json, (
                "it is not said that there is one"
            )
        else:
            refused(answer, 403, "restricted_api_key", "scope-missing")
    if scope != Scope.OPERATOR:  # the stranger changed nothing, and what was asked is right for the owner
        operator = await api.operator_key()
        owners = await api.ask(method, good, operator, body, account=two.owner.name)
        assert owners.status in {200, 409}, owners.body  # 409: right, and not in the state for it


@served
@pytest.mark.parametrize("method,path", [(method, path) for method, path, _ in OPERATIONS])
async def test_without_a_key_no_route_does_anything(api: Api, method: str, path: str) -> None:
    refused(await api.ask(method, path.format_map(missing(path))), 401, "missing_api_key", "key-missing")


WRONG = [
    (method, path, told["x-scope"], scope) for (method, path, told), scope in product(OPERATIONS, ALL) if told["x-scope"] != scope
]


@served
@pytest.mark.parametrize("method,path,needed,scope", WRONG)
async def test_no_scope_does_for_another(api: Api, two: Two, method: str, path: str, needed: str, scope: Scope) -> None:
    answer = await api.ask(method, path.format_map(missing(path)), two.stranger[scope])
    refused(answer, 403, "restricted_api_key", "scope-missing")
