"""The HTTP API with a store that keeps nothing: the most that reading, checking and writing a mail leave to be had.

`python -m bench.peers.forgetful CONFIG`, beside no other process of the same data. All else is what `mailwright serve` runs.
"""

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import uvloop

from mailwright.api import serve
from mailwright.api.app import create
from mailwright.api.services import services_of
from mailwright.app.settings import load
from mailwright.app.wiring import build
from mailwright.flows.submit import submit
from mailwright.queue import Accepted, EventRow, NewDelivery, NewMessage


class Forgetful:
    """Takes every mail, and has none."""

    async def accept(
        self, message: NewMessage, content: Sequence[bytes], deliveries: Sequence[NewDelivery], events: Sequence[EventRow]
    ) -> Accepted:
        """At once."""
        del content, deliveries, events
        return Accepted(message.id)


def _nowhere(*_: object) -> bool:
    return False


def _nobody(_: str) -> None:
    """Nothing waits."""


async def _serve(config: Path) -> None:
    settings = load(config, {})
    house = await build(settings)
    await house.open()
    store: Any = Forgetful()
    office = replace(house.office, store=store, room=_nowhere, urge=_nobody)
    services = replace(services_of(house), office=office, submit=partial(submit, office=office))
    served = await serve(create(services), settings.http.address.host, settings.http.address.port)
    try:
        await asyncio.Event().wait()
    finally:
        await served.close()
        await house.close()


if __name__ == "__main__":
    uvloop.run(_serve(Path(sys.argv[1])))
