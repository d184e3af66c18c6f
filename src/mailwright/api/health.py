"""/healthz: the process lives; /readyz: it can do its work, and if not, why; /metrics: figures for Prometheus."""

import asyncio
import dataclasses
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from fastapi import FastAPI
from fastapi.responses import JSONResponse, Response

from mailwright.api.headers import SafeHeaders
from mailwright.values import Finding, Level
from mailwright.values.finding import error

log = logging.getLogger("mailwright.api")

PATIENCE = 5.0  # seconds: monitoring gives up after about as long, and a database that needs more is not ready
METRICS_TYPE = "text/plain; version=1.0.0; charset=utf-8"
Ready = Callable[[], Awaitable[Sequence[Finding]]]


def create(ready: Ready, metrics: Callable[[], bytes], version: str, *, patience: float = PATIENCE) -> FastAPI:
    """The web application. `ready` finds what keeps the process from its work; `metrics` gives the exposition text."""
    app = FastAPI(
        title="Mailwright", version=version, openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False,
        telemetry={"tracing": False, "metrics": False, "logs": False},  # looked for in every request else; /metrics tells ours
    )  # fmt: skip
    app.add_middleware(SafeHeaders)

    @app.get("/healthz", include_in_schema=False)
    async def healthz() -> dict[str, str]:
        return {"status": "alive", "version": version}

    @app.get("/readyz", include_in_schema=False)
    async def readyz() -> JSONResponse:
        findings = await _findings(ready, patience)
        hindered = any(finding.level is Level.ERROR for finding in findings)
        content = {"status": "not ready" if hindered else "ready", "findings": [shown(finding) for finding in findings]}
        return JSONResponse(content, status_code=503 if hindered else 200)

    @app.get("/metrics", include_in_schema=False)
    async def figures() -> Response:
        return Response(metrics(), headers={"Content-Type": METRICS_TYPE})

    return app


def shown(finding: Finding) -> dict[str, Any]:
    """A finding as JSON, without what is empty."""
    return {name: value for name, value in dataclasses.asdict(finding).items() if value}


async def _findings(ready: Ready, patience: float) -> Sequence[Finding]:
    """What `ready` found; a check that hangs or breaks is a finding too."""
    try:
        async with asyncio.timeout(patience):
            return await ready()
    except TimeoutError:
        return (
            error(
                "check-too-slow",
                f"The checks did not end within {patience:g} seconds.",
                why="Most often the database or the disk does not answer.",
                do="Look at the log, at the load of this machine, and at the database.",
            ),
        )
    except Exception as fault:
        log.exception("readiness check broke", exc_info=fault)
        return (
            error(
                "check-broke",
                "A check broke before it could tell anything.",
                why="Whether Mailwright can do its work is not known.",
                do="The log names the cause.",
            ),
        )
