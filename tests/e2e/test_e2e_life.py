"""The life of a delivery is a table: whatever happens in a served house, no row moves in a way that is not in it."""

import sqlite3
from itertools import pairwise
from pathlib import Path

from mailwright.queue import State
from mailwright.queue.life import NEXT
from tests.e2e.conftest import Serve
from tests.e2e.served import Served, letter, route, states
from tests.net.scripted import ScriptedServer

WATCH = """
CREATE TABLE moved (delivery INTEGER, before INTEGER, after INTEGER);
CREATE TRIGGER moves AFTER UPDATE OF state ON delivery BEGIN
    INSERT INTO moved VALUES (new.id, old.state, new.state);
END;
"""
ALLOWED = {(before, after) for (before, _), after in NEXT.items()} | {(state, state) for state in State}


def watch(served: Served) -> None:
    """From now on each change of a state is written down by the database itself."""
    database = sqlite3.connect(served.folder / "var" / "mailwright.db")
    database.executescript(WATCH)
    database.close()


def moves(folder: Path) -> list[tuple[int, State, State]]:
    database = sqlite3.connect(folder / "var" / "mailwright.db")
    found = database.execute("SELECT delivery, before, after FROM moved ORDER BY rowid").fetchall()
    database.close()
    return [(number, State(before), State(after)) for number, before, after in found]


async def test_every_move_is_in_the_table(serve: Serve) -> None:
    script = """
    RCPT TO:<gone@remote.example> = 550 5.1.1 no
    RCPT TO:<later@remote.example> = 451 4.7.1 later ; 250 ok
    RCPT TO:<never@remote.example> = 451 4.7.1 later
    RCPT TO:<cancelled@remote.example> = 451 4.7.1 later
    """
    async with ScriptedServer(script) as server, ScriptedServer("connect = <drop>") as dead:
        served = await serve(route(server.port) + route(dead.port, "dead.example"))
        watch(served)
        acme, limited = await served.customer("acme"), await served.customer("limited", hour_limit=1)
        bare = await served.customer("bare", dkim=False)
        to = [f"{name}@remote.example" for name in ("fine", "gone", "later", "never", "cancelled")]
        first = await served.hand_in(acme, *to)
        unreachable = [await served.hand_in(acme, f"r{n}@dead.example") for n in range(3)]
        over = [await served.hand_in(limited, f"r{n}@remote.example") for n in range(3)]
        unsigned = await served.hand_in(bare, "bob@remote.example")
        await served.reached(first, State.DELIVERED, State.BOUNCED, State.DEFERRED)
        await served.reached(unsigned, State.DEFERRED)
        await served.cli("queue", "pause", "--message", unreachable[1])
        await served.cli("queue", "pause", "--message", unsigned)
        await served.cli("queue", "cancel", over[2], "--yes")
        await served.cli("queue", "pause", "--account", "acme")
        await served.follow()
        password = await served.hand_in(acme, "b@remote.example", mail=letter(acme.writes(), X_Mailwright_Subsystem="password"))
        await served.later(hours=2)
        assert states(await served.ended(password)) == {"b@remote.example": "BOUNCED"}
        await served.cli("queue", "resume", "--account", "acme")
        await served.cli("queue", "resume", "--message", unreachable[1])
        await served.later(minutes=10)
        await served.cli("queue", "retry", "--account", "acme")
        await served.restart()
        await served.later(hours=5)
        await served.later(days=6)
        for number in (first, *unreachable, *over, unsigned):
            await served.ended(number)
        await served.stop()
        served.write("", delivery="capture")
        await served.start()
        await served.ended(await served.hand_in(acme, "bob@remote.example"))
    found = moves(served.folder)
    assert {(before, after) for _, before, after in found} <= ALLOWED
    seen = {(before, after) for _, before, after in found if before is not after}
    assert len(seen) >= 12, seen
    by_delivery: dict[int, list[tuple[State, State]]] = {}
    for delivery, before, after in found:
        by_delivery.setdefault(delivery, []).append((before, after))
    for chain in by_delivery.values():
        assert all(one[1] is two[0] for one, two in pairwise(chain))
        assert not any(before.final and before is not after for before, after in chain)
