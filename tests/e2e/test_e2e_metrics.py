"""The figures for Prometheus count what really happened at the door."""

import re

from mailwright.queue import State
from tests.e2e.conftest import Serve
from tests.e2e.raw import logged_in, raw
from tests.e2e.served import Served, letter


def figures(served: Served) -> dict[str, float]:
    """The counters that are not 0, without their common lead."""
    lines = re.findall(r"^mailwright_(\w+)_total (\S+)$", served.house.metrics.text().decode(), re.MULTILINE)
    return {name: float(value) for name, value in lines if float(value)}


async def test_the_door_counts_what_it_takes_and_what_it_turns_away(serve: Serve) -> None:
    served = await serve(delivery="capture")
    customer = await served.customer()
    async with raw(served) as client:
        await logged_in(served, customer.key, client)
        taken = await client.hand_in(
            letter(customer.writes(), "bob@remote.example"), "bob@remote.example", "eve@remote.example", mail_from=""
        )
        await client.hand_in(letter("anna@nobody.example", "bob@remote.example"), "bob@remote.example", mail_from="")
    async with raw(served) as client:
        await client.say("EHLO app.example")
        await client.login("mw_aaaaaaaa_" + "a" * 32)
    await served.reached(taken.rpartition(" ")[2], State.CAPTURED)
    seen = figures(served)
    assert {name: seen.get(name) for name in ("accepted", "recipients", "refused", "logins", "login_failures", "captured")} == {
        "accepted": 1, "recipients": 2, "refused": 1, "logins": 1, "login_failures": 1, "captured": 2,
    }  # fmt: skip
