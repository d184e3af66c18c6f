"""Who is let in, with which words the others are sent away, and that nothing but words goes out."""

import asyncio
from ipaddress import ip_network

import pytest
from starlette.requests import HTTPConnection

from mailwright.accounts import Scope
from mailwright.accounts.key import prefix_of
from mailwright.api.client import client_of
from tests.api.asking import ALL, Answer, Api

pytestmark = pytest.mark.asyncio(loop_scope="module")
PROXIES = [ip_network("127.0.0.1/32"), ip_network("10.0.0.0/8")]
FIELDS = {"statusCode", "name", "message", "code", "do", "findings"}


def refused(answer: Answer, status: int, name: str, code: str) -> str:
    """The message of a refusal in the one shape that all have."""
    told = answer.json
    assert (answer.status, told["statusCode"], told["name"], told["code"]) == (status, status, name, code)
    assert set(told) == FIELDS
    assert told["do"]
    assert told["findings"][0]["code"] == code
    return str(told["message"])


async def test_a_key_sees_the_keys_of_its_account_without_their_secrets(api: Api) -> None:
    acme, bolt = await api.customer("seen"), await api.customer("unseen")
    key = await api.full_key(acme)
    answer = await api.ask("GET", "/api-keys", key)
    assert answer.status == 200
    prefixes = [row["prefix"] for row in answer.json["data"]]
    assert prefixes == [f"mw_{prefix_of(acme.key)}", f"mw_{prefix_of(key)}"]
    assert key.encode() not in answer.body
    assert prefix_of(bolt.key).encode() not in answer.body
    assert answer.headers["content-type"] == "application/json"
    assert len(answer.headers["x-request-id"]) == 13


WRONG = [
    ({}, 401, "missing_api_key", "key-missing"),
    ({"authorization": "Bearer"}, 401, "missing_api_key", "key-missing"),
    ({"authorization": "Basic bXc6bXc="}, 401, "missing_api_key", "key-missing"),
    ({"authorization": "Bearer nonsense"}, 403, "invalid_api_key", "key-unknown"),
    ({"authorization": f"Bearer mw_{'a' * 8}_{'b' * 32}"}, 403, "invalid_api_key", "key-unknown"),
]


@pytest.mark.parametrize("headers,status,name,code", WRONG)
async def test_without_a_good_key_nothing_is_told(api: Api, headers: dict[str, str], status: int, name: str, code: str) -> None:
    refused(await api.ask("GET", "/api-keys", headers=headers), status, name, code)


async def test_a_revoked_key_is_out_at_once(api: Api) -> None:
    acme = await api.customer("revoked")
    key = await api.full_key(acme)
    assert (await api.ask("GET", "/api-keys", key)).status == 200
    await api.house.storage.directory.revoke_key(acme.id, prefix_of(key), now=1)
    await api.follow()
    refused(await api.ask("GET", "/api-keys", key), 403, "invalid_api_key", "key-unknown")


@pytest.mark.parametrize("scope", [Scope.SEND, Scope.READ])
async def test_a_key_without_the_scope_is_told_which_one(api: Api, scope: Scope) -> None:
    acme = await api.customer(f"only-{scope}")
    key = await api.api_key(acme.id, scopes=(scope,))
    assert "lacks the scope admin" in refused(await api.ask("GET", "/api-keys", key), 403, "restricted_api_key", "scope-missing")


async def test_the_operator_names_the_account(api: Api) -> None:
    acme, key = await api.customer("named"), await api.operator_key()
    refused(await api.ask("GET", "/api-keys", key), 422, "validation_error", "account-missing")
    refused(await api.ask("GET", "/api-keys", key, account="nobody"), 404, "not_found", "account-unknown")
    (row,) = (await api.ask("GET", "/api-keys", key, account=acme.name)).json["data"]
    assert row["prefix"] == f"mw_{prefix_of(acme.key)}"


async def test_a_key_of_an_account_is_told_nothing_of_others(api: Api) -> None:
    one, other = await api.customer("one"), await api.customer("other")
    key = await api.full_key(one)
    assert (await api.ask("GET", "/api-keys", key, account="one")).status == 200
    told = [await api.ask("GET", "/api-keys", key, account=name) for name in (other.name, "nobody")]
    assert told[0].json == told[1].json
    refused(told[0], 403, "restricted_api_key", "account-of-others")


async def test_a_key_of_the_operator_hands_in_nothing_over_smtp(api: Api) -> None:
    with pytest.raises(Exception, match="535"):
        await api.client(await api.operator_key())


async def test_who_guesses_is_told_to_wait_and_good_keys_from_the_same_address_are_let_in(api: Api) -> None:
    acme = await api.customer("guessed")
    good, unused = await api.full_key(acme), await api.api_key(acme.id, scopes=ALL)
    try:
        assert (await api.ask("GET", "/api-keys", good)).status == 200
        for _ in range(api.settings.limits.login_failures):
            answer = await api.ask("GET", "/api-keys", "mw_wrong")
        answer = await api.ask("GET", "/api-keys", "mw_wrong")
        refused(answer, 429, "rate_limit_exceeded", "logins-too-many")
        assert answer.headers["retry-after"] == "600"
        for key in (good, unused):
            assert (await api.ask("GET", "/api-keys", key)).status == 200
        flood = [api.ask("GET", "/api-keys", f"mw_{'a' * 8}_{n:a>32}") for n in range(60)]
        assert {answer.status for answer in await asyncio.gather(*flood)} == {429}
        assert (await api.ask("GET", "/api-keys", good)).status == 200
    finally:
        await api.restart()  # with nothing counted


async def test_unknown_addresses_and_methods_have_the_same_shape(api: Api) -> None:
    refused(await api.ask("GET", "/nothing"), 404, "not_found", "no-such-route")
    answer = await api.ask("PUT", "/api-keys")
    refused(answer, 405, "method_not_allowed", "no-such-method")
    assert "GET" in answer.headers["allow"]


async def test_health_stays_open(api: Api) -> None:
    for path in ("/healthz", "/readyz", "/metrics"):
        assert (await api.ask("GET", path)).status == 200


FORWARDED = [
    ("127.0.0.1", [], "127.0.0.1", "the proxy itself asks"),
    ("127.0.0.1", ["203.0.113.7"], "203.0.113.7", "a proxy says whom it was asked by"),
    ("::ffff:127.0.0.1", ["203.0.113.7"], "203.0.113.7", "the same, over a socket for both families"),
    ("127.0.0.1", ["1.1.1.1, 203.0.113.7, 10.0.0.9"], "203.0.113.7", "two proxies; what stands before them anybody wrote"),
    ("127.0.0.1", ["1.1.1.1", "203.0.113.7"], "203.0.113.7", "the same in two lines"),
    ("127.0.0.1", ["10.0.0.8"], "10.0.0.8", "nobody but proxies"),
    ("127.0.0.1", ["203.0.113.7, unknown"], "127.0.0.1", "what is no address is not believed"),
    ("203.0.113.9", ["1.1.1.1"], "203.0.113.9", "who is no proxy is not believed"),
]


@pytest.mark.parametrize("peer,lines,client,because", FORWARDED, ids=[row[-1] for row in FORWARDED])
async def test_only_proxies_are_believed(peer: str, lines: list[str], client: str, because: str) -> None:
    headers = [(b"x-forwarded-for", line.encode()) for line in lines]
    request = HTTPConnection({"type": "http", "client": (peer, 1), "headers": headers})
    assert client_of(request, PROXIES) == client, because
    assert client_of(request, []) == peer
