"""The queue at work: limits, priorities, turns, what a person does to it while it is served, and a stop in good order."""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from mailwright.net.smtp_connection import Timeouts
from mailwright.net.smtp_out import SmtpSender
from mailwright.queue import EventKind, State
from mailwright.values import MailwrightError, NotFound
from tests.e2e.conftest import BOTH, Serve
from tests.e2e.peers import Keeper, aiosmtpd
from tests.e2e.raw import logged_in, raw
from tests.e2e.served import Customer, Served, kinds, letter, route, states, told
from tests.net.scripted import ScriptedServer

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000


class Turnstile(Keeper):
    """Takes mails one after the other, each when it is told to; `shut` until then."""

    def __init__(self) -> None:
        super().__init__()
        self.open = asyncio.Event()
        self.came = 0

    async def handle_DATA(self, server: object, session: object, envelope: object) -> str:  # noqa: N802
        self.came += 1
        await self.open.wait()
        return await super().handle_DATA(server, session, envelope)  # type: ignore[arg-type]

    @property
    def subjects(self) -> list[str]:
        found = [re.search(rb"^Subject: (.*)\r$", content, re.MULTILINE) for _, _, content in self.mails]
        return [one[1].decode() for one in found if one]


@asynccontextmanager
async def turnstile() -> AsyncIterator[tuple[Turnstile, int]]:
    gate = Turnstile()
    async with aiosmtpd(gate) as port:
        yield gate, port


async def many(served: Served, customer: Customer, subjects: Sequence[str], **fields: str) -> list[str]:
    """Hand in over one connection; the ids."""
    ids = []
    async with raw(served) as client:
        await logged_in(served, customer.key, client)
        for subject in subjects:
            mail = letter(customer.writes(), "bob@remote.example", subject=subject, **fields)
            answer = await client.hand_in(mail, "bob@remote.example", mail_from="")
            ids.append(answer.rpartition(" ")[2])
    return ids


# Limits.


@BOTH
async def test_what_is_over_the_hour_waits_is_told_and_leaves_by_itself(serve: Serve) -> None:
    async with ScriptedServer() as server:
        served = await serve(route(server.port))
        served.clock.ahead += HOUR - served.clock() % HOUR  # a new hour begins
        acme, bolt = await served.customer("acme", hour_limit=3), await served.customer("bolt")
        ids = await many(served, acme, [f"mail {n}" for n in range(7)])
        free = await many(served, bolt, ["another's"])
        for number in (*ids[:3], *free):
            assert states(await served.ended(number)) == {"bob@remote.example": "DELIVERED"}
        for number in ids[3:]:
            story = await served.reached(number, State.DEFERRED)
            held = told(story, EventKind.HELD)
            assert held.data["what"] == "The account's limit of 3 an hour is reached."
            assert held.data["until"] == story.deliveries[0].due_at
        dues = [(await served.story(number)).deliveries[0].due_at // HOUR - served.clock() // HOUR for number in ids]
        assert dues[3:] == [1, 1, 1, 2]
        assert "Held: The account's limit of 3 an hour is reached. It is tried again at" in await served.cli("why", ids[3])
        assert len(server.mails) == 4
        await served.later(hours=1)
        for number in ids[3:6]:
            await served.ended(number)
        assert len(server.mails) == 7
        await served.later(hours=1)
        await served.ended(ids[6])


async def test_the_limit_of_a_day_and_recipients_count_each(serve: Serve) -> None:
    async with ScriptedServer() as server:
        served = await serve(route(server.port))
        served.clock.ahead += DAY - served.clock() % DAY
        acme = await served.customer("acme", day_limit=4)
        number = await served.hand_in(acme, *(f"r{n}@remote.example" for n in range(6)))

        async def four() -> bool:
            return sorted(states(await served.story(number)).values()) == ["DEFERRED"] * 2 + ["DELIVERED"] * 4

        await served.until(four)
        await served.later(hours=23)
        assert await four()
        await served.later(hours=1)
        await served.ended(number)


async def test_a_limit_beyond_the_mails_lifetime_holds_it_for_a_person(serve: Serve) -> None:
    async with ScriptedServer() as server:
        served = await serve('[subsystems.flash]\nlifetime = "1 min"\n' + route(server.port))
        served.clock.ahead += DAY - served.clock() % DAY
        acme = await served.customer("acme", day_limit=1)
        first, second = await many(served, acme, ["one", "two"], X_Mailwright_Subsystem="flash")
        await served.ended(first)
        story = await served.reached(second, State.HELD)
        assert "an operator must raise the limit, then resume it" in told(story, EventKind.HELD).data["why"]
        await served.cli("queue", "resume", "--message", second)
        await served.rounds()
        assert sorted(kinds(await served.ended(second))) == ["accepted", "attempt", "delivered", "held", "released"]


async def test_limits_are_set_by_command(serve: Serve) -> None:
    served = await serve(delivery="capture")
    acme = await served.customer()
    await served.cli("account", "set", "acme", "--hour-limit", "1")
    await served.follow()
    ids = await many(served, acme, ["one", "two"])
    await served.reached(ids[1], State.DEFERRED)
    await served.cli("account", "set", "acme", "--hour-limit", "0")
    await served.follow()
    (third,) = await many(served, acme, ["three"])
    await served.ended(third)


# Who is served first.


@BOTH
@pytest.mark.parametrize("memory", ["64 MiB", "0"], ids=["handed over in memory", "from the table"])
async def test_a_password_passes_newsletters_that_wait(serve: Serve, memory: str) -> None:
    async with turnstile() as (gate, port):
        served = await serve(f"queue.memory = '{memory}'\n" + route(port, more="connections = 1"))
        acme = await served.customer()
        ids = await many(served, acme, [f"news {n}" for n in range(30)], X_Mailwright_Subsystem="blast")
        (password,) = await many(served, acme, ["password"], X_Mailwright_Subsystem="password")
        ids += await many(served, acme, ["bill"], X_Mailwright_Subsystem="billing")
        gate.open.set()
        for number in (password, *ids):
            await served.ended(number)
    behind = gate.subjects.index("password")
    assert behind <= 2  # one was under way, and one was being signed
    assert len(gate.subjects) == 32


async def test_a_password_does_not_wait_for_connections_that_newsletters_hold(serve: Serve) -> None:
    """Each site keeps a slot for the top priority: the others are busy with a server that takes its time."""
    async with turnstile() as (gate, port):
        served = await serve(route(port, more="connections = 3"))
        acme = await served.customer()
        await many(served, acme, [f"news {n}" for n in range(20)], X_Mailwright_Subsystem="blast")
        await many(served, acme, ["password"], X_Mailwright_Subsystem="password")

        async def three() -> bool:
            return gate.came == 3

        await served.until(three)
        gate.open.set()

        async def all_came() -> bool:
            return len(gate.mails) == 21

        await served.until(all_came)
    assert "password" in gate.subjects[:3]


async def test_ordinary_mail_is_served_beside_the_slot_of_the_top_priority(serve: Serve) -> None:
    """The lane that a password opened does not keep the rest waiting until it closes."""
    async with ScriptedServer() as server:
        served = await serve("timeouts.idle = '1 h'\n" + route(server.port))
        acme = await served.customer()
        await served.ended((await many(served, acme, ["password"], X_Mailwright_Subsystem="password"))[0])
        for subject in ("one", "two"):
            await served.ended((await many(served, acme, [subject]))[0])
        number = (await many(served, acme, ["three"]))[0]
        await served.ended(number)
        assert server.connections <= 2


async def test_accounts_take_turns(serve: Serve) -> None:
    async with turnstile() as (gate, port):
        served = await serve("queue.memory = '0'\n" + route(port, more="connections = 1"))
        customers = [await served.customer(name) for name in ("acme", "bolt", "cask")]
        ids = []
        for customer, number in zip(customers, (40, 10, 10), strict=True):
            ids += await many(served, customer, [f"{customer.name} {n}" for n in range(number)])
        gate.open.set()
        for one in ids:
            await served.ended(one)
    names = [subject.split()[0] for subject in gate.subjects]
    assert {name: names[:33].count(name) for name in ("bolt", "cask")} == {"bolt": 10, "cask": 10}, names


async def test_all_connections_together_have_a_limit(serve: Serve) -> None:
    """Sites that find all connections taken get theirs when another one gives it up."""
    async with turnstile() as (gate, port), ScriptedServer() as second, ScriptedServer() as third:
        routes = route(second.port, "second.example") + route(third.port, "third.example") + route(port)
        served = await serve("queue.connections = 2\nqueue.connections_per_site = 2\ntimeouts.idle = '1 h'\n" + routes)
        acme = await served.customer()
        for number in await many(served, acme, ["one", "two"]):
            await served.reached(number, State.SENDING, State.LEASED)
        other = await served.hand_in(acme, "bob@second.example")
        await served.hand_in(acme, "bob@third.example")
        gate.open.set()
        await served.ended(other)
        for number in await served.messages():
            await served.ended(number)
    assert (second.connections, third.connections, len(gate.mails)) == (1, 1, 2)


# What a person does, by commands in another process's place.


@BOTH
@pytest.mark.parametrize("what", ["site", "account", "message"])
async def test_pause_and_resume(serve: Serve, what: str) -> None:
    async with ScriptedServer("RCPT TO:<later@remote.example> = 451 4.7.1 later ; 250 ok") as server, ScriptedServer() as free:
        served = await serve(route(server.port) + route(free.port, "free.example"))
        acme, bolt = await served.customer("acme"), await served.customer("bolt")
        number = await served.hand_in(acme, "later@remote.example")
        await served.reached(number, State.DEFERRED)
        about = {
            "site": ("--site", f"route:127.0.0.1:{server.port}"),
            "account": ("--account", "acme"),
            "message": ("--message", number),
        }[what]
        await served.cli("queue", "pause", *about, "--why", "they asked for it")
        await served.rounds()
        await served.later(minutes=2)
        untouched = {
            "site": [(acme, "free.example")],
            "account": [(bolt, "remote.example")],
            "message": [(acme, "remote.example")],
        }
        for customer, domain in untouched[what]:
            await served.ended(await served.hand_in(customer, f"bob@{domain}"))
        assert states(await served.story(number)) != {"later@remote.example": "DELIVERED"}
        if what == "site":
            assert "they asked for it" in [row["paused"] for row in await served.shown("queue")]
        elif what == "message":
            assert "Held: they asked for it." in await served.cli("why", number)
        waiting = await served.hand_in(acme, "bob@remote.example") if what != "message" else number
        if what != "message":
            assert "is paused: they asked for it." in await served.cli("why", waiting)
        await served.cli("queue", "resume", *about)
        await served.rounds()
        await served.rounds()
        await served.ended(number)
        await served.ended(waiting)


async def test_a_pause_takes_back_what_waits_in_memory(serve: Serve) -> None:
    async with turnstile() as (gate, port):
        served = await serve(route(port, more="connections = 1"))
        acme, bolt = await served.customer("acme"), await served.customer("bolt")
        mine = await many(served, acme, [f"acme {n}" for n in range(5)])
        other = await many(served, bolt, ["bolt"])
        await served.cli("queue", "pause", "--account", "acme")
        await served.follow()
        gate.open.set()
        await served.ended(other[0])
        await served.rounds()
        assert len(gate.mails) <= 3  # the one under way, and the one being signed, had left already
        assert [subject for subject in gate.subjects if subject == "bolt"]
        await served.cli("queue", "resume", "--account", "acme")
        await served.rounds()
        for number in mine:
            await served.ended(number)


async def test_a_server_that_drips_does_not_hold_the_connections_of_its_site(serve: Serve) -> None:
    async with ScriptedServer("RCPT TO:<slow@remote.example> = <drip>") as server:
        served = await serve(route(server.port, more="connections = 1"))
        served.house.works.sender = SmtpSender(timeouts=Timeouts(quit=0.1, whole=0.5))
        acme = await served.customer()
        slow = await served.hand_in(acme, "slow@remote.example")
        other = await served.hand_in(acme, "bob@remote.example")
        assert states(await served.ended(other)) == {"bob@remote.example": "DELIVERED"}
        story = await served.reached(slow, State.DEFERRED)
        assert "took so long in all" in story.deliveries[0].reply


async def under_way(served: Served, gate: Turnstile, customer: Customer, number: int, subsystem: str = "billing") -> list[str]:
    """The first mail stands before its answer, the others are in memory, and nobody has begun them; the ids."""

    async def came() -> bool:
        return gate.came == 1

    ids = await many(served, customer, ["mail 0"], X_Mailwright_Subsystem=subsystem)
    await served.until(came)
    ids += await many(served, customer, [f"mail {n}" for n in range(1, number)], X_Mailwright_Subsystem=subsystem)
    await served.reached(ids[0], State.SENDING)
    for one in ids[1:]:
        await served.reached(one, State.LEASED)
    return ids


@BOTH
async def test_cancel_reaches_what_is_in_memory_and_was_not_begun(serve: Serve) -> None:
    async with turnstile() as (gate, port):
        served = await serve("timeouts.idle = '1 h'\n" + route(port, more="connections = 1"))
        acme = await served.customer()
        ids = await under_way(served, gate, acme, 6)
        said = [await served.cli("queue", "cancel", number, "--yes") for number in ids[:5]]
        assert ["1 is being sent right now and can no longer be cancelled." in one for one in said] == [True] + [False] * 4
        assert ["1 delivery is cancelled." in one for one in said] == [False] + [True] * 4
        for number in ids[1:5]:
            assert "Cancelled before it left." in await served.cli("why", number)
        gate.open.set()
        for number in (ids[0], ids[5]):
            assert states(await served.ended(number)) == {"bob@remote.example": "DELIVERED"}
        for number in ids[1:5]:
            assert kinds(await served.ended(number)) == ["accepted", "cancelled"]
        assert gate.subjects == ["mail 0", "mail 5"]
        assert served.house.dispatch.memory == 0


@BOTH
@pytest.mark.parametrize("what", ["site", "account", "message"])
async def test_pause_holds_what_is_in_memory_and_was_not_begun(serve: Serve, what: str) -> None:
    """And lets it go on again, once each, also where the first copy is still in memory when it is claimed anew."""
    async with turnstile() as (gate, port):
        served = await serve("timeouts.idle = '1 h'\n" + route(port, more="connections = 1"))
        acme = await served.customer()
        ids = await under_way(served, gate, acme, 5)
        named = {"site": ("--site", f"route:127.0.0.1:{port}"), "account": ("--account", "acme")}
        about = [named[what]] if what in named else [("--message", number) for number in ids[1:]]
        for one in about:
            await served.cli("queue", "pause", *one)
        await served.follow()
        for number in ids[1:]:
            await served.reached(number, State.READY, State.HELD)
        gate.open.set()
        await served.ended(ids[0])
        await served.rounds()
        assert gate.subjects == ["mail 0"]
        for one in about:
            await served.cli("queue", "resume", *one)
        await served.rounds()
        for number in ids[1:]:
            assert states(await served.ended(number)) == {"bob@remote.example": "DELIVERED"}
        assert sorted(gate.subjects) == [f"mail {n}" for n in range(5)]


@BOTH
async def test_what_is_claimed_anew_while_it_is_in_memory_is_sent_once(serve: Serve) -> None:
    """Paused and let go on before the process looked: the top priority is claimed although it has mail in memory."""
    async with turnstile() as (gate, port):
        served = await serve("timeouts.idle = '1 h'\n" + route(port, more="connections = 1"))
        acme = await served.customer()
        ids = await under_way(served, gate, acme, 5, "password")
        for doing in ("pause", "resume"):
            for number in ids[1:]:
                await served.cli("queue", doing, "--message", number)
        dispatch, leases = served.house.dispatch, served.house.works.leases
        await served.rounds()
        await dispatch.claim(dispatch.site(f"route:127.0.0.1:{port}"), top_only=True)
        assert len(leases.current.doubles) == 4
        gate.open.set()
        await served.rounds()
        for number in ids:
            assert states(await served.ended(number)) == {"bob@remote.example": "DELIVERED"}
        assert sorted(gate.subjects) == [f"mail {n}" for n in range(5)]

        async def nothing_held() -> bool:
            return not leases.current.jobs and not leases.current.doubles

        await served.until(nothing_held)


@pytest.mark.parametrize("what", ["site", "account", "message"])
async def test_retry_now(serve: Serve, what: str) -> None:
    """Also where the whole site backs off."""
    async with ScriptedServer("connect = 421 4.3.2 busy / <drop> ; 421 4.3.2 busy / <drop> ; 220 mx.test") as server:
        served = await serve(route(server.port))
        acme = await served.customer()
        number = await served.hand_in(acme, "bob@remote.example")
        await served.reached(number, State.DEFERRED)
        site = f"route:127.0.0.1:{server.port}"
        about = {"site": ("--site", site), "account": ("--account", "acme"), "message": ("--message", number)}[what]
        for attempts in (2, 3):
            assert "1 delivery is tried now" in await served.cli("queue", "retry", *about)
            await served.rounds()
            await served.until(lambda: tried(served, number, attempts))  # noqa: B023
        assert states(await served.ended(number)) == {"bob@remote.example": "DELIVERED"}


async def tried(served: Served, number: str, times: int) -> bool:
    (one,) = (await served.story(number)).deliveries
    return one.attempts == times and one.state not in {State.LEASED, State.SENDING, State.READY}


@BOTH
async def test_cancel(serve: Serve) -> None:
    async with ScriptedServer("RCPT TO:<later@remote.example> = 451 4.7.1 later ; 250 ok") as server:
        served = await serve(route(server.port))
        acme = await served.customer()
        number = await served.hand_in(acme, "bob@remote.example", "later@remote.example")

        async def half() -> bool:
            return set(states(await served.story(number)).values()) == {"DELIVERED", "DEFERRED"}

        await served.until(half)
        said = await served.cli("queue", "cancel", number, "--yes")
        assert "1 delivery is cancelled. 1 had ended before." in said
        await served.later(days=1)
        story = await served.ended(number)
    assert states(story) == {"bob@remote.example": "DELIVERED", "later@remote.example": "CANCELLED"}
    assert "Cancelled before it left." in await served.cli("why", number)


async def test_a_site_may_be_named_as_people_know_it(serve: Serve) -> None:
    async with ScriptedServer("RCPT TO:<later@remote.example> = 451 4.7.1 later ; 250 ok") as server:
        served = await serve(route(server.port))
        await served.reached(await served.hand_in(await served.customer(), "later@remote.example"), State.DEFERRED)
        known = f"127.0.0.1:{server.port}"
        assert f"mailwright queue resume --site {known}" in await served.cli("queue", "pause", "--site", known)
        assert [row["site"] for row in await served.shown("queue") if row["paused"]] == [f"route:{known}"]
        assert "Nothing waits for a later time." in await served.cli("queue", "retry", "--site", "mx:not-yet.example")
        with pytest.raises(NotFound, match=r"no one site called b\.example"):
            await served.cli("queue", "pause", "--site", "b.example")


async def test_why_says_that_the_site_is_left_alone(serve: Serve) -> None:
    """The second mail does not go there while the first one's failure counts: its story says so, and what is known."""
    served = await serve(route(9))  # the discard port: nobody listens there
    acme = await served.customer()
    await served.reached(await served.hand_in(acme, "bob@remote.example"), State.DEFERRED)
    told = await served.cli("why", await served.hand_in(acme, "eve@remote.example"))
    assert "route:127.0.0.1:9 is left alone until" in told
    assert "No connection to 127.0.0.1" in told


async def test_a_command_names_exactly_one_thing(serve: Serve) -> None:
    served = await serve()
    done = await served.run("queue", "pause")
    assert done.returncode == 1
    assert "Give one of --site SITE, --account NAME or --message ID." in done.stderr


# The end in good order.


@BOTH
async def test_a_stop_ends_what_is_under_way_and_the_rest_leaves_after_the_start(serve: Serve) -> None:
    async with turnstile() as (gate, port):
        served = await serve(route(port, more="connections = 2"))
        acme = await served.customer()
        ids = await many(served, acme, [f"mail {n}" for n in range(40)])

        async def under_way() -> bool:
            return State.SENDING in [(await served.story(number)).deliveries[0].state for number in ids[:3]]

        await served.until(under_way)
        stopping = asyncio.create_task(served.stop())
        await asyncio.sleep(0)
        gate.open.set()
        await stopping
        sent = len(gate.mails)
        assert 1 <= sent < 40
        await served.start()
        stories = [await served.ended(number) for number in ids]
    assert sorted(gate.subjects) == sorted(f"mail {n}" for n in range(40))  # each once
    assert not any(one.unknown for story in stories for one in story.deliveries)


@BOTH
async def test_what_was_begun_when_the_process_ended_is_told_as_unknown(serve: Serve) -> None:
    """A stop that cannot wait: the server answers too late."""
    async with turnstile() as (gate, port):
        served = await serve("timeouts.shutdown = '100 ms'\n" + route(port))
        acme = await served.customer()
        (number,) = await many(served, acme, ["slow"])
        await served.reached(number, State.SENDING)
        await served.restart()
        story = await served.story(number)
        assert "unknown" in kinds(story)
        gate.open.set()
        story = await served.ended(number)
        assert story.deliveries[0].unknown
    assert len(gate.mails) in {1, 2}


async def test_the_second_process_on_one_sqlite_database_is_refused(serve: Serve) -> None:
    served = await serve()
    done = await served.run("serve")
    assert done.returncode == 1
    assert "serves this database already" in done.stderr
    assert await served.messages() == []


async def test_ids_are_told_apart_from_nonsense(serve: Serve) -> None:
    served = await serve()
    for text, words in (("hello", "is not an id"), ("0000000000000", "There is no such message")):
        with pytest.raises(MailwrightError, match=words):
            await served.cli("why", text)
