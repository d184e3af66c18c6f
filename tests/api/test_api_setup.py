"""The set-up routes: what each makes can be used at once, is shown without its secrets, and is nothing of another account."""

from pathlib import Path
from urllib.parse import urlencode

import pytest

from mailwright.accounts.key import prefix_of
from mailwright.dns import Txt
from mailwright.values import Domain
from mailwright.values.ids import id_text
from tests.api.asking import Api
from tests.api.test_api_caller import refused
from tests.e2e.nameserver import Nameserver
from tests.e2e.served import HOSTNAME, letter

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_key_is_shown_once_works_at_once_and_is_gone_at_once(api: Api) -> None:
    acme = await api.customer("keys")
    admin = await api.full_key(acme)
    made = await api.ask("POST", "/api-keys", admin, {"name": "billing", "permission": "sending_access"})
    assert made.status == 201
    token, number = made.json["token"], made.json["id"]
    listed = await api.ask("GET", "/api-keys", admin)
    (row,) = [row for row in listed.json["data"] if row["id"] == number]
    assert (row["name"], row["scopes"], row["prefix"]) == ("billing", ["send"], f"mw_{prefix_of(token)}")
    assert token.encode() not in listed.body
    (await api.client(token)).close()  # it hands in over SMTP too
    refused(await api.ask("GET", "/domains", token), 403, "restricted_api_key", "scope-missing")
    gone = await api.ask("DELETE", f"/api-keys/{number}", admin)
    assert gone.json == {"object": "api_key", "id": number, "deleted": True}
    refused(await api.ask("GET", "/domains", token), 403, "invalid_api_key", "key-unknown")
    refused(await api.ask("DELETE", f"/api-keys/{number}", admin), 404, "not_found", "not-found")


async def test_a_key_of_a_domain_writes_as_this_domain_alone(api: Api) -> None:
    acme = await api.customer("two-names", "one.two-names.example", "two.two-names.example")
    admin = await api.full_key(acme)
    (one, _) = (await api.ask("GET", "/domains", admin)).json["data"]
    asked = {"name": "one", "permission": "sending_access", "domain_id": one["id"]}
    token = (await api.ask("POST", "/api-keys", admin, asked)).json["token"]
    client = await api.client(token)
    try:
        good = letter("anna@one.two-names.example", "bob@remote.example")
        await client.sendmail("anna@one.two-names.example", ["bob@remote.example"], good)
        bad = letter("anna@two.two-names.example", "bob@remote.example")
        with pytest.raises(Exception, match="may not write as"):
            await client.sendmail("anna@two.two-names.example", ["bob@remote.example"], bad)
    finally:
        client.close()


WRONG_KEYS = [
    ({"name": 5}, "field-invalid", "The field name is not a text."),
    ({"nam": "x"}, "field-unknown", "The field nam is not known here."),
    ({"name": "a\nb"}, "field-invalid", "line ends"),
    ({"name": "\ud800"}, "field-invalid", "surrogate"),
    ({"\ud800": "x"}, "field-invalid", "surrogate"),
    ({"scopes": ["operator"]}, "field-invalid", "scopes[0]"),
    ({"scopes": []}, "field-invalid", "scopes"),
    ({"send_as": ["no address"]}, "value-malformed", "address"),
    ({"domain_id": "05cg7x2k4m9pq"}, "not-found", "no such domain"),
    ([], "field-invalid", "an object"),
    (None, "field-missing", "body is missing"),
]


@pytest.mark.parametrize("body,code,said", WRONG_KEYS)
async def test_what_is_wrong_with_a_field_is_said(api: Api, body: object, code: str, said: str) -> None:
    key = await api.operator_key()
    if "wrong" not in {account.name for account in await api.house.storage.directory.accounts()}:
        await api.customer("wrong")
    answer = await api.ask("POST", "/api-keys", key, body, account="wrong")
    status, name = (404, "not_found") if code == "not-found" else (422, "validation_error")
    assert said in refused(answer, status, name, code)


@pytest.mark.parametrize("raw", [b"{", b"\xff\xfe", b"[" * 100_000, b"1" * 10_000, b'{"name": NaN}'])
async def test_what_is_no_json_is_said(api: Api, raw: bytes) -> None:
    answer = await api.ask("POST", "/accounts", await api.operator_key(), raw=raw, headers={"content-type": "application/json"})
    assert answer.status == 422, answer.body
    assert answer.json["name"] == "validation_error"


async def test_the_operator_sets_up_an_account_that_can_send(api: Api) -> None:
    operator = await api.operator_key()
    made = await api.ask("POST", "/accounts", operator, {"name": "fresh", "hour_limit": 100})
    assert (made.status, made.json["hour_limit"]) == (201, 100)
    domain = await api.ask("POST", "/domains", operator, {"name": "Fresh.Example"}, account="fresh")
    assert (domain.status, domain.json["name"], domain.json["status"]) == (201, "fresh.example", "not_started")
    (record,) = domain.json["records"]
    (key,) = await api.house.storage.directory.dkim_keys(Domain("fresh.example"))
    assert (record["record"], record["type"], record["value"]) == ("DKIM", "TXT", key.public_record)
    assert record["name"] == "mw1._domainkey.fresh.example"
    token = (await api.ask("POST", "/api-keys", operator, {"name": "app"}, account="fresh")).json["token"]
    client = await api.client(token)
    await client.sendmail("anna@fresh.example", ["bob@remote.example"], letter("anna@fresh.example", "bob@remote.example"))
    client.close()
    changed = await api.ask("PATCH", f"/accounts/{made.json['id']}", operator, {"hour_limit": None, "retention_days": 5})
    assert (changed.json["hour_limit"], changed.json["retention_days"], changed.json["reports"]) == (None, 5, True)
    assert (await api.ask("GET", f"/accounts/{made.json['id']}", operator)).json == changed.json
    assert "fresh" in [row["name"] for row in (await api.ask("GET", "/accounts", operator)).json["data"]]
    refused(await api.ask("POST", "/accounts", operator, {"name": "fresh"}), 409, "conflict", "account-taken")
    refused(await api.ask("GET", "/accounts", token), 403, "restricted_api_key", "scope-missing")


async def test_only_the_operator_gives_domains_and_a_taken_one_is_not_said_to_be_whose(api: Api) -> None:
    one, other = await api.customer("giving"), await api.customer("taking")
    key, operator = await api.full_key(other), await api.operator_key()
    refused(await api.ask("POST", "/domains", key, {"name": "new.example"}), 403, "restricted_api_key", "domain-by-operator")
    answer = await api.ask("POST", "/domains", operator, {"name": one.domain}, account=other.name)
    said = refused(answer, 409, "conflict", "domain-taken")
    assert one.name not in said.replace(one.domain, "")
    mine = await api.ask("POST", "/domains", operator, {"name": one.domain}, account=one.name)
    assert mine.json == answer.json, "also who has it itself is told the same"


async def test_a_domain_is_changed_by_who_gives_it_and_removed_by_its_owner(api: Api) -> None:
    acme = await api.customer("changing")
    key, operator = await api.full_key(acme), await api.operator_key()
    (row,) = (await api.ask("GET", "/domains", key)).json["data"]
    path = f"/domains/{row['id']}"
    refused(await api.ask("PATCH", path, key, {"subdomains": True}), 403, "restricted_api_key", "domain-by-operator")
    assert (await api.ask("PATCH", path, operator, {"subdomains": True}, account=acme.name)).json["id"] == row["id"]
    assert (await api.ask("GET", path, key)).json["subdomains"] is True
    refused(await api.ask("PATCH", path, key, {"open_tracking": True}), 422, "validation_error", "tracking-unknown")
    assert (await api.ask("DELETE", path, key)).json["deleted"] is True
    assert (await api.ask("GET", "/domains", key)).json["data"] == []


async def test_a_list_comes_in_pages(api: Api) -> None:
    names = [f"{n}.paged.example" for n in range(5)]
    acme = await api.customer("paged", *names, dkim=False)
    key = await api.full_key(acme)
    first = (await api.ask("GET", "/domains", key, limit="2")).json
    assert ([row["name"] for row in first["data"]], first["has_more"]) == (names[:2], True)
    last = (await api.ask("GET", "/domains", key, limit="3", after=first["data"][-1]["id"])).json
    assert ([row["name"] for row in last["data"]], last["has_more"]) == (names[2:], False)
    back = (await api.ask("GET", "/domains", key, limit="2", before=last["data"][0]["id"])).json
    assert ([row["name"] for row in back["data"]], back["has_more"]) == (names[:2], False)
    for wrong in ({"after": "nonsense"}, {"after": id_text(5)}, {"after": "a", "before": "b"}):
        refused(await api.ask("GET", f"/domains?{urlencode(wrong)}", key), 422, "validation_error", "page-unknown")
    for limit in ("0", "101", "x"):
        assert "limit" in refused(await api.ask("GET", "/domains", key, limit=limit), 422, "validation_error", "field-invalid")


async def test_a_transport_keeps_its_password_to_itself(api: Api) -> None:
    acme = await api.customer("ways")
    key = await api.full_key(acme)
    settings = {"host": "smtp.acme.example", "username": "acme"}
    asked = {"name": "office", "kind": "external_smtp", "settings": settings, "password": "s3cret!", "default": True}
    made = await api.ask("POST", "/transports", key, asked)
    assert (made.status, made.json["has_password"], made.json["default"]) == (201, True, True)
    path = f"/transports/{made.json['id']}"
    for answer in (made, await api.ask("GET", path, key), await api.ask("GET", "/transports", key)):
        assert b"s3cret!" not in answer.body
    assert (await api.house.works.accounts.view(acme.id)).account.default_transport is not None
    assert (await api.ask("PATCH", path, key, {"default": False})).json["default"] is False
    assert (await api.ask("PATCH", path, key, {"default": True})).json["default"] is True
    assert (await api.ask("DELETE", path, key)).json["deleted"] is True
    assert (await api.house.works.accounts.view(acme.id)).account.default_transport is None
    refused(await api.ask("GET", path, key), 404, "not_found", "not-found")


WRONG_WAYS = [
    ({"kind": "external_smtp", "settings": {"host": "a b"}}, "value-malformed"),
    ({"kind": "external_smtp", "settings": {"hots": "x"}}, "value-malformed"),
    ({"kind": "external_smtp", "settings": {"host": "smtp.x.example", "username": "x"}}, "password-missing"),
    ({"kind": "external_smtp", "settings": {"host": "smtp.x.example"}, "password": "x"}, "password-unused"),
    ({"kind": "pigeon"}, "field-invalid"),
]


@pytest.mark.parametrize("asked,code", WRONG_WAYS)
async def test_a_transport_that_cannot_be_used_is_refused(api: Api, asked: dict[str, object], code: str) -> None:
    operator = await api.operator_key()
    if "no-way" not in {account.name for account in await api.house.storage.directory.accounts()}:
        await api.customer("no-way")
    answer = await api.ask("POST", "/transports", operator, {"name": "x", **asked}, account="no-way")
    refused(answer, 422, "validation_error", code)


async def test_the_queue_is_shown_paused_and_resumed(api: Api) -> None:
    acme, bolt = await api.customer("waiting"), await api.customer("idle")
    key, stranger, operator = await api.full_key(acme), await api.full_key(bolt), await api.operator_key()
    assert (await api.ask("POST", "/queue/pause", operator, {"account": "waiting", "why": "spam?"})).json["changed"] == 1
    number = await api.hand_in(acme, "bob@remote.example")
    (site,) = (await api.ask("GET", "/queue", key)).json["data"]
    assert (site["site"], site["last_reply"]) == ("domain:remote.example", None)
    assert (await api.ask("GET", "/queue", stranger)).json["data"] == []
    assert (await api.ask("GET", "/queue", operator)).json["data"][0]["last_reply"] is not None
    refused(await api.ask("POST", "/queue/resume", key, {"account": "waiting"}), 403, "restricted_api_key", "scope-missing")
    assert (await api.ask("POST", "/queue/resume", operator, {"account": "waiting"})).json["changed"] == 1
    await api.ended(number)
    assert (await api.ask("POST", "/queue/retry", operator, {"email": number})).json["changed"] == 0
    for wrong, status, code in (
        ({}, 422, "field-invalid"),
        ({"account": "waiting", "email": number}, 422, "field-invalid"),
        ({"site": "remote.example"}, 422, "site-unknown"),
        ({"account": "nobody"}, 404, "not-found"),
        ({"email": "nonsense"}, 404, "not-found"),
    ):
        answer = await api.ask("POST", "/queue/pause", operator, wrong)
        assert (answer.status, answer.json["code"]) == (status, code), wrong


async def test_requests_are_told_to_who_made_them(api: Api) -> None:
    acme, bolt = await api.customer("logged"), await api.customer("not-logged")
    key, stranger, operator = await api.full_key(acme), await api.full_key(bolt), await api.operator_key()
    answers = [await api.ask("GET", "/domains", key, headers={"user-agent": f"test/{n}\x85"}, limit="5") for n in range(3)]
    refused(await api.ask("GET", "/accounts", key), 403, "restricted_api_key", "scope-missing")
    await api.house.requests.write()
    listed = (await api.ask("GET", "/logs", key)).json["data"]
    assert [(row["method"], row["endpoint"], row["response_status"]) for row in listed[:2]] == [
        ("GET", "/accounts", 403),
        ("GET", "/domains", 200),
    ]
    number = answers[0].headers["x-request-id"]
    one = (await api.ask("GET", f"/logs/{number}", key)).json
    assert (one["user_agent"], one["request_body"], one["key"]) == ("test/0", None, f"mw_{prefix_of(key)}")
    refused(await api.ask("GET", f"/logs/{number}", stranger), 404, "not_found", "not-found")
    assert (await api.ask("GET", f"/logs/{number}", operator)).json == one
    older = (await api.ask("GET", "/logs", key, after=listed[1]["id"], limit="1")).json
    assert ([row["id"] for row in older["data"]], older["has_more"]) == ([listed[2]["id"]], True)
    newer = (await api.ask("GET", "/logs", key, before=listed[2]["id"], limit="2")).json["data"]
    assert newer[-1]["id"] == listed[1]["id"]
    await api.house.requests.kept.forget(until=2**62, limit=1000)
    assert (await api.ask("GET", "/logs", key)).json["data"] == []


async def test_what_the_dns_says_of_a_domain_is_one_of_four_things(tmp_path: Path) -> None:
    async with Nameserver() as dns, Api(tmp_path, dns.settings + 'bounce_domain = "b.acme.example"\n') as api:
        acme = await api.customer("acme")
        key = await api.full_key(acme)
        (row,) = (await api.ask("GET", "/domains", key)).json["data"]
        path = f"/domains/{row['id']}"

        async def verified() -> tuple[str, dict[str, str]]:
            assert (await api.ask("POST", f"{path}/verify", key)).json == {"object": "domain", "id": row["id"]}
            told = (await api.ask("GET", path, key)).json
            (listed,) = (await api.ask("GET", "/domains", key)).json["data"]
            assert listed["status"] == told["status"]
            return told["status"], {f"{one['record']} {one['type']}": one["status"] for one in told["records"]}

        before = (await api.ask("GET", path, key)).json
        assert (before["status"], before["checked_at"]) == ("not_started", None)
        dkim, mx, spf = before["records"]
        assert (mx["value"], mx["priority"], spf["value"]) == (HOSTNAME, 10, f"v=spf1 a:{HOSTNAME} -all")
        assert await verified() == ("pending", {"DKIM TXT": "pending", "SPF MX": "pending", "SPF TXT": "pending"})
        good = f"{dkim['name']} TXT {Txt.of([dkim['value'].encode()])}\nb.acme.example MX 10 {HOSTNAME}.\n"
        dns.read(good)
        assert await verified() == ("partially_verified", {"DKIM TXT": "verified", "SPF MX": "verified", "SPF TXT": "pending"})
        dns.read(good + f'b.acme.example TXT "v=spf1 ip4:192.0.2.1 a:{HOSTNAME} ~all"')
        assert (await verified())[0] == "verified"
        dns.read(f'{dkim["name"]} TXT "v=DKIM1; p=AAAA"\nb.acme.example MX 5 mx.other.example.\nb.acme.example TXT "v=spf1 -all"')
        assert await verified() == ("failed", {"DKIM TXT": "failed", "SPF MX": "failed", "SPF TXT": "failed"})
        dns.read(f"{dkim['name']} SERVFAIL\nb.acme.example SERVFAIL")
        assert (await verified())[0] == "temporary_failure", "nobody knows: that is not missing"
