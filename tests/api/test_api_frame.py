"""Whatever breaks behind a route: the wire gets words and an id, the log gets the cause under this id, and no secret."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from mailwright.api.app import create
from mailwright.api.serve import serve
from mailwright.api.services import services_of
from mailwright.app import logs
from mailwright.values import Conflict, Unavailable
from tests.api.asking import Api
from tests.api.test_api_caller import refused

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def broken(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Api]:
    """A house with routes that break in several ways."""
    async with Api(tmp_path_factory.mktemp("broken")) as api:
        await api.web.close()
        app = create(services_of(api.house))

        @app.get("/broken")
        async def fault() -> None:
            raise RuntimeError("postgresql://mw:s3cret@db")

        @app.get("/gone")
        async def gone() -> None:
            raise Unavailable("The database at 10.0.0.7 does not answer.", "Look at it.")

        @app.get("/clash")
        async def clash() -> None:
            raise Conflict("There is one already.", "Take another name.")

        api.web = await serve(app, "127.0.0.1", 0)
        yield api


async def test_a_fault_is_told_without_its_text(broken: Api, caplog: pytest.LogCaptureFixture) -> None:
    answer = await broken.ask("GET", "/broken")
    refused(answer, 500, "application_error", "own-fault")
    assert b"s3cret" not in answer.body
    (record,) = [record for record in caplog.records if record.message == "fault"]
    assert record.__dict__["fields"]["request"] == answer.headers["x-request-id"]
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")


async def test_a_store_that_is_away_is_told_without_where_it_is(broken: Api) -> None:
    answer = await broken.ask("GET", "/gone")
    refused(answer, 503, "service_unavailable", "store-unavailable")
    assert b"10.0.0.7" not in answer.body
    assert answer.headers["retry-after"] == "5"


async def test_what_we_refuse_keeps_its_words(broken: Api) -> None:
    said = refused(await broken.ask("GET", "/clash"), 409, "conflict", "state-conflict")
    assert said == "There is one already. Take another name."


async def test_no_key_and_no_body_stand_in_a_log(broken: Api, tmp_path: Path) -> None:
    lines = (tmp_path / "log").open("wb+")
    logs.start(level="debug", form="json", fd=lines.fileno())
    key = await broken.full_key(await broken.customer("quiet"))
    body = {"name": "x", "kind": "external_smtp", "settings": {"host": "no host"}, "password": "hush-hush"}
    refused(await broken.ask("POST", "/transports", key, body), 422, "validation_error", "value-malformed")
    refused(await broken.ask("POST", "/transports", key + "x", body), 403, "invalid_api_key", "key-unknown")
    logs.stop()
    lines.seek(0)
    told = lines.read().decode()
    lines.close()
    assert told.count('"path":"/transports"') == 2
    for secret in (key, "hush-hush", "no host"):
        assert secret not in told
