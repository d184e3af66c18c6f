"""Cases for a network of their own, where public addresses are ours; test_e2e_network.py runs them."""

import asyncio

from aiosmtpd.smtp import SMTP

from mailwright.queue import EventKind, State
from tests.e2e.conftest import Serve
from tests.e2e.nameserver import Nameserver
from tests.e2e.peers import Keeper
from tests.e2e.served import Served, states, told

FIRST, SECOND, OURS = "93.184.215.14", "93.184.215.15", "93.184.215.20"
ZONE = f"""
remote.example MX 10 mx1.remote.example.
remote.example MX 20 mx2.remote.example.
mx1.remote.example A {FIRST}
mx2.remote.example A {SECOND}
inner.example MX 10 mx.inner.example.
mx.inner.example A 127.0.0.1
"""


async def listening(keeper: Keeper, host: str) -> asyncio.Server:
    loop = asyncio.get_running_loop()
    return await loop.create_server(lambda: SMTP(keeper, enable_SMTPUTF8=True, loop=loop), host, 25)


async def test_mail_goes_to_port_25_of_the_mx_and_to_the_next_one_where_the_first_is_down(serve: Serve) -> None:
    keeper, other = Keeper(), Keeper()
    async with Nameserver(ZONE) as names:
        settings = f'{names.settings}timeouts.idle = "100 ms"\n[[outbound]]\nip = "{OURS}"\nehlo = "out.operator.example"\n'
        served = await serve(settings)
        acme = await served.customer()
        second = await listening(other, SECOND)
        first = await listening(keeper, FIRST)
        story = await served.ended(await served.hand_in(acme, "bob@remote.example"))
        assert told(story, EventKind.ATTEMPT).data["host"] == "mx1.remote.example"
        assert told(story, EventKind.ATTEMPT).data["ip"] == FIRST
        await served.until(lambda: nobody(served))
        first.close()
        await first.wait_closed()
        story = await served.ended(await served.hand_in(acme, "bob@remote.example"))
        assert told(story, EventKind.ATTEMPT).data["host"] == "mx2.remote.example"
        second.close()
        await second.wait_closed()
        assert await served.verified(keeper.mails[0][2])
    assert (len(keeper.mails), len(other.mails)) == (1, 1)


async def test_no_mx_leads_to_this_machine(serve: Serve) -> None:
    keeper = Keeper()
    async with Nameserver(ZONE) as names:
        local = await listening(keeper, "127.0.0.1")
        served = await serve(names.settings)
        number = await served.hand_in(await served.customer(), "bob@inner.example")
        story = await served.reached(number, State.DEFERRED)
        local.close()
        await local.wait_closed()
    assert "this machine itself" in story.deliveries[0].reply
    assert states(story) == {"bob@inner.example": "DEFERRED"}
    assert keeper.mails == []


async def nobody(served: Served) -> bool:
    return all(site.lanes == 0 for site in served.house.dispatch.sites.values())
