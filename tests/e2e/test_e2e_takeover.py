"""A process that crashed leaves mail and connections in its name; its successor on the same machine takes them over at once."""

import asyncio
import subprocess
import sys
from typing import Any

from mailwright.queue import EventKind, State
from tests.e2e.conftest import BOTH, Serve
from tests.e2e.served import kinds, route
from tests.net.scripted import ScriptedServer

REGISTERS = "import os; from mailwright.app.neighbours import whereabouts; print(whereabouts(), os.getpid(), sep='\\n')"


def ended() -> Any:
    """As a process registers that is no more."""
    told = subprocess.run([sys.executable, "-c", REGISTERS], capture_output=True, text=True, check=True)
    host, pid = told.stdout.splitlines()
    return {"host": host, "pid": int(pid)}


@BOTH
async def test_what_a_predecessor_held_is_taken_over_at_the_start(serve: Serve) -> None:
    """The lease is 30 seconds, which nobody waits for here."""
    async with ScriptedServer() as server:
        served = await serve(route(server.port, more="connections = 1"))
        acme, site = await served.customer(), f"route:127.0.0.1:{server.port}"
        await served.cli("queue", "pause", "--site", site)
        await served.follow()
        leased, begun = [await served.hand_in(acme, "bob@remote.example") for _ in range(2)]
        queue = served.house.storage.queue
        dead = await queue.register(**await asyncio.to_thread(ended))
        jobs = await queue.claim(site, worker=dead, limit=9, now=0, top_only=False, turn=0, skip=frozenset())
        await queue.begin([job.delivery for job in jobs[1:]], worker=dead)
        assert await queue.lease_slot(site, "", worker=dead, limit=1, top=False) == 0
        await served.reached(leased, State.LEASED)
        await served.reached(begun, State.SENDING)
        await served.cli("queue", "resume", "--site", site)
        await served.restart()
        stories = [await served.ended(number) for number in (leased, begun)]
        assert [[view.state for view in story.deliveries] for story in stories] == [[State.DELIVERED]] * 2
        assert [EventKind.UNKNOWN in kinds(story) for story in stories] == [False, True]
        assert dead not in [number for number, _, _ in await served.house.storage.queue.workers()]


@BOTH
async def test_what_a_fault_of_the_store_left_in_our_own_name_goes_on(serve: Serve) -> None:
    """A claim whose answer was lost, and a slot that could not be given back: the only one, so that nothing could leave."""
    async with ScriptedServer() as server:
        served = await serve(route(server.port, more="connections = 1"))
        acme, site = await served.customer(), f"route:127.0.0.1:{server.port}"
        await served.cli("queue", "pause", "--site", site)
        await served.follow()
        number = await served.hand_in(acme, "bob@remote.example")
        queue, leases = served.house.storage.queue, served.house.works.leases
        await queue.claim(site, worker=leases.current.number, limit=9, now=0, top_only=False, turn=0, skip=frozenset())
        assert await queue.lease_slot(site, "", worker=leases.current.number, limit=1, top=False) == 0
        await served.cli("queue", "resume", "--site", site)
        leases.doubt()
        await leases.beat()
        await served.house.rounds._free_dead()
        story = await served.ended(number)
        assert [view.state for view in story.deliveries] == [State.DELIVERED]
