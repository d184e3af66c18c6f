"""The OpenAPI document is true: whatever a client sends, no answer is an error of ours or outside of what is written there."""

import functools
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from mailwright.accounts import Scope
from tests.api.background import Background, background
from tests.api.things import ids, whole
from tests.e2e.served import Customer

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
DOCUMENT = whole()
OPERATIONS = [
    (method, path)
    for path, methods in DOCUMENT["paths"].items()
    for method, told in methods.items()
    if "text/event-stream" not in told["responses"]["200" if "200" in told["responses"] else "201"].get("content", {})
]
MODES = st.sampled_from([GenerationMode.POSITIVE, GenerationMode.NEGATIVE])


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Background]:
    with background(tmp_path_factory.mktemp("schema"), "http.requests = 100000\nhttp.accounts_add_domains = true\n") as served:
        yield served


@pytest.fixture(scope="module")
def acme(house: Background) -> Customer:
    return house.run(house.api.customer("acme"))


@pytest.fixture(scope="module")
def key(house: Background, acme: Customer) -> str:
    return house.run(house.api.full_key(acme))


@pytest.fixture(scope="module")
def session() -> Iterator[requests.Session]:
    with requests.Session() as opened:
        yield opened


def tried(house: Background, acme: Customer, key: str, session: requests.Session, method: str, path: str, examples: int) -> None:
    """One operation with so many examples, good and bad ones, half of them of a thing that is there."""
    schema = schemathesis.openapi.from_dict(DOCUMENT)
    operation = schema[path][method.upper()]
    thing = functools.cache(lambda: house.run(ids(house.api, acme, key, path)))
    operator = house.run(house.api.operator_key())
    token = operator if DOCUMENT["paths"][path][method]["x-scope"] == Scope.OPERATOR else key

    @settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(case=MODES.flatmap(lambda mode: operation.as_strategy(generation_mode=mode)), there=st.booleans())
    def holds(case: Any, there: bool) -> None:
        if there and "{" in path:
            case.path_parameters = thing()
        headers = {"authorization": f"Bearer {token}"}
        response = case.call(base_url=house.api.base, session=session, headers=headers, timeout=20)
        case.validate_response(response, checks=CHECKS)

    holds()


@pytest.mark.parametrize("method,path", OPERATIONS)
def test_no_answer_is_outside_the_document(
    house: Background, acme: Customer, key: str, session: requests.Session, method: str, path: str
) -> None:
    tried(house, acme, key, session, method, path, 5)


@pytest.mark.slow
@pytest.mark.parametrize("method,path", OPERATIONS)
def test_no_answer_of_many_is_outside_the_document(
    house: Background, acme: Customer, key: str, session: requests.Session, method: str, path: str
) -> None:
    tried(house, acme, key, session, method, path, 50)


def test_the_document_is_what_is_served(house: Background, session: requests.Session) -> None:
    served = session.get(f"{house.api.base}/openapi.json", timeout=20)
    assert served.json() == DOCUMENT
    assert DOCUMENT["openapi"].startswith("3.1.")


def test_the_page_shows_every_route_and_needs_nothing_from_elsewhere(house: Background, session: requests.Session) -> None:
    answer = session.get(f"{house.api.base}/docs", timeout=20)
    for path, methods in DOCUMENT["paths"].items():
        for method in methods:
            assert f'<span class="method">{method.upper()}</span> {path}</code>' in answer.text
    assert "<script" not in answer.text
    assert " style=" not in answer.text
    assert [part.split('"')[0] for part in answer.text.split('src="')[1:]] == []
    links = {part.split('"')[0] for part in answer.text.split('href="')[1:]}
    assert {link for link in links if not link.startswith("#")} == {"/docs/style.css", "/openapi.json"}
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'self';")
    assert session.get(f"{house.api.base}/docs/style.css", timeout=20).headers["content-type"].startswith("text/css")
