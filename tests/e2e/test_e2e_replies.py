"""What servers answer, and what becomes of each recipient: refusals, losses, silence, and what a person is told."""

import ssl
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
import trustme

from mailwright.queue import EventKind, State
from mailwright.values.ids import id_text
from tests.e2e.conftest import BOTH, Serve
from tests.e2e.served import Served, kinds, route, states, told, unstuffed
from tests.net.scripted import ScriptedServer

SHORT = "".join(f"timeouts.{name} = '300 ms'\n" for name in ("greeting", "mail", "recipient", "data_start", "data_end"))
TWENTY = [f"r{n}@remote.example" for n in range(20)]
REFUSED = {
    TWENTY[3]: "550 5.1.1 no such user",
    TWENTY[7]: "451 4.3.0 try later",
    TWENTY[11]: "452 4.2.2 mailbox full",
    TWENTY[19]: "450 4.2.1 too many at once",
}
RULES = "\n".join(f"RCPT TO:<{recipient}> = {reply} ; 250 2.1.5 Ok" for recipient, reply in REFUSED.items())


async def all_tried(served: Served, number: str) -> bool:
    return not {"READY", "LEASED", "SENDING"} & set(states(await served.story(number)).values())


@BOTH
@pytest.mark.parametrize("kind", ["own_server", "external_smtp"])
async def test_each_of_twenty_recipients_has_an_answer_of_its_own(serve: Serve, kind: str) -> None:
    """One that is refused never stops the others, in one transaction (external_smtp) or each in its own (own_server)."""
    async with ScriptedServer(RULES) as server:
        served = await serve(route(server.port))
        acme = await served.customer()
        if kind == "external_smtp":
            await served.external(acme, host="smtp.acme.example", tls="none")
        number = await served.hand_in(acme, *TWENTY)
        await served.until(lambda: all_tried(served, number))
        story = await served.story(number)
        first = Counter(states(story).values())
        replies = {one.recipient: one.reply for one in story.deliveries}
        for recipient, reply in REFUSED.items():
            assert replies[recipient] == reply
        assert first == {"BOUNCED": 1, "DEFERRED": 3, "DELIVERED": 16}
        await served.later(minutes=2)
        await served.ended(number)
        ended = Counter(states(await served.story(number)).values())
    assert ended == {"DELIVERED": 19, "BOUNCED": 1}
    senders = {command.split(" SIZE=")[0] for command in server.said if command.startswith("MAIL FROM:<b+")}
    if kind == "external_smtp":
        assert sum(command == "DATA" for command in server.said) <= 3
        assert sum(command.startswith("MAIL FROM:<anna@acme.example>") for command in server.said) <= 3
    else:
        assert len(senders) == len(TWENTY)


ONCE_MORE: list[tuple[str, str, str]] = [
    # what the server does at the first try, the reply that is kept, because
    ("connect = 421 4.3.2 busy / <drop> ; 220 mx", "421 4.3.2 busy", "421 in place of a greeting"),
    ("connect = 554 5.7.1 listed ; 220 mx", "554 5.7.1 listed", "a greeting that refuses is the server's, not the mail's"),
    ("EHLO = 421 4.3.2 busy / <drop> ; 250 mx", "421 4.3.2 busy", "421 at EHLO"),
    ("MAIL = 421 4.3.2 busy / <drop> ; 250 ok", "421 4.3.2 busy", "421 at MAIL"),
    ("MAIL = 451 4.7.1 greylisted ; 250 ok", "451 4.7.1 greylisted", "greylisting"),
    ("MAIL = 452 4.3.1 no room ; 250 ok", "452 4.3.1 no room", "no room"),
    ("RCPT = 450 4.2.1 slow down ; 250 ok", "450 4.2.1 slow down", "the recipient gets too much"),
    ("DATA = 451 4.3.0 not now ; 354 go", "451 4.3.0 not now", "a refusal at DATA"),
    (". = 451 4.3.0 scan failed ; 250 ok", "451 4.3.0 scan failed", "a refusal of the content"),
    ("MAIL = <drop> ; 250 ok", "", "dropped at MAIL"),
    ("DATA = <drop> ; 354 go", "", "dropped at DATA"),
    ("MAIL = <hang> ; 250 ok", "no answer at MAIL within 0.3 s", "silence at MAIL"),
    ("connect = <hang> ; 220 mx", "", "silence in place of a greeting"),
    ("DATA = <hang> ; 354 go", "no answer at DATA within 0.3 s", "silence at DATA"),
    ("RCPT = <endless> ; 250 ok", "", "a reply without end"),
    ("connect = <endless> ; 220 mx", "", "a greeting without end"),
    ("connect = SSH-2.0-OpenSSH ; 220 mx", "", "it is no mail server"),
]


@asynccontextmanager
async def sites(serve: Serve, rules: Sequence[str], settings: str = "") -> AsyncIterator[tuple[Served, list[ScriptedServer]]]:
    """A house with a route to a server for each rule: mail for d0.example goes to the first one."""
    async with AsyncExitStack() as stack:
        servers = [await stack.enter_async_context(ScriptedServer(rule)) for rule in rules]
        routes = "".join(route(server.port, f"d{n}.example") for n, server in enumerate(servers))
        yield await serve(settings + routes), servers


async def test_it_is_tried_again(serve: Serve) -> None:
    async with sites(serve, [rule for rule, _, _ in ONCE_MORE], SHORT) as (served, servers):
        acme = await served.customer()
        ids = [await served.hand_in(acme, f"bob@d{n}.example") for n in range(len(ONCE_MORE))]
        for number, (_, reply, because) in zip(ids, ONCE_MORE, strict=True):
            story = await served.reached(number, State.DEFERRED)
            (one,) = story.deliveries
            assert kinds(story) == ["accepted", "attempt", "deferred"], because
            assert one.reply == reply or not reply, because
            assert one.reply, because
            assert not one.unknown, because
            assert one.due_at - told(story, EventKind.DEFERRED).at == 60_000, "the first of the waits, without jitter"
        await served.later(minutes=1.1)
        for number, (_, _, because) in zip(ids, ONCE_MORE, strict=True):
            story = await served.ended(number)
            assert story.deliveries[0].state is State.DELIVERED, because
            assert kinds(story)[3:] == ["attempt", "delivered"], because
    for server, (rule, _, because) in zip(servers, ONCE_MORE, strict=True):
        with_content = [mail for mail in server.mails if mail]  # empty: DATA was sent ahead, nobody was taken (RFC 2920 §3.1)
        assert len(with_content) == 1 + rule.startswith("."), because


FOR_GOOD: list[tuple[str, str]] = [
    ("MAIL = 550 5.7.1 not from you", "550 5.7.1 not from you"),
    ("RCPT = 550 5.1.1 no such user", "550 5.1.1 no such user"),
    ("RCPT = 553", "553"),
    ("DATA = 554 5.5.0 no", "554 5.5.0 no"),
    (". = 554-5.7.1 this / 554-5.7.1 is / 554 5.7.1 spam", "554 5.7.1 this is spam"),
]


async def test_it_is_refused_for_good(serve: Serve) -> None:
    async with sites(serve, [rule for rule, _ in FOR_GOOD]) as (served, servers):
        acme = await served.customer()
        ids = [await served.hand_in(acme, f"bob@d{n}.example", mail_from="") for n in range(len(FOR_GOOD))]
        for number, (rule, reply) in zip(ids, FOR_GOOD, strict=True):
            story = await served.ended(number)
            assert story.deliveries[0].state is State.BOUNCED, rule
            assert kinds(story) == ["accepted", "attempt", "bounced"], rule
            assert story.deliveries[0].reply == reply
        await served.later(days=1)
    assert [sum(command.startswith("MAIL") for command in server.said) for server in servers] == [1] * len(FOR_GOOD)


UNKNOWN: list[tuple[str, str]] = [
    (". = <drop> ; 250 ok", "dropped after the dot"),
    (". = <hang> ; 250 ok", "silence after the dot"),
    (". = <endless> ; 250 ok", "an answer to the dot without end"),
]


@BOTH
async def test_what_may_have_arrived_is_tried_again_and_told(serve: Serve) -> None:
    async with sites(serve, [rule for rule, _ in UNKNOWN], SHORT) as (served, servers):
        acme = await served.customer()
        ids = [await served.hand_in(acme, f"bob@d{n}.example") for n in range(len(UNKNOWN))]
        for number, (_, because) in zip(ids, UNKNOWN, strict=True):
            story = await served.reached(number, State.DEFERRED)
            assert kinds(story) == ["accepted", "attempt", "unknown", "deferred"], because
            assert story.deliveries[0].unknown, because
        await served.later(minutes=2)
        for number, (_, because) in zip(ids, UNKNOWN, strict=True):
            (one,) = (await served.ended(number)).deliveries
            assert (one.state, one.unknown) == (State.DELIVERED, True), because
        words = await served.cli("why", ids[0])
        assert "It may have arrived: the end of the conversation with 127.0.0.1 was lost." in words
        assert "It may have arrived twice" in words
        assert [one["may_have_arrived_twice"] for one in (await served.shown("why", ids[0]))["deliveries"]] == [True]
    for server in servers:
        assert len(server.mails) == 2  # as told
        assert unstuffed(server.mails[0]) == unstuffed(server.mails[1])


# TLS on the way out.


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def certified(authority: trustme.CA, *names: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(context)
    return context


OFFER = "EHLO = 250-mx.test / 250 STARTTLS\n"
TLS: list[tuple[str, str, str, str, str]] = [
    # what the server does, the route's tls, the state, words of the attempt's note (or of the reply), because
    ("", "opportunistic", "DELIVERED", "", "TLS where it is offered"),
    ("EHLO = 250 mx.test", "opportunistic", "DELIVERED", "does not offer", "none is offered: sent without, and that is told"),
    ("STARTTLS = 454 4.7.0 not now", "opportunistic", "DELIVERED", "454", "STARTTLS is refused: sent without, and told"),
    ("STARTTLS = 220 go / <garbage>", "opportunistic", "DELIVERED", "TLS failed", "the handshake breaks: once more without"),
    ("EHLO = 250 mx.test", "required", "DEFERRED", "TLS", "none is offered where it is required: it waits"),
    ("STARTTLS = 454 4.7.0 not now", "required", "DEFERRED", "", "refused where it is required: it waits"),
    ("", "required", "DEFERRED", "certificate", "a certificate of nobody we trust: it waits"),
    ("", "none", "DELIVERED", "", "never, where the route says so"),
]


async def test_tls_on_the_way_out(serve: Serve, authority: trustme.CA) -> None:
    context = certified(authority, "127.0.0.1")
    async with AsyncExitStack() as stack:
        servers = [await stack.enter_async_context(ScriptedServer(OFFER + rule, context=context)) for rule, *_ in TLS]
        pairs = enumerate(zip(servers, TLS, strict=True))
        routes = "".join(route(server.port, f"d{n}.example", tls=tls) for n, (server, (_, tls, *_)) in pairs)
        served = await serve("timeouts.handshake = '1 s'\n" + routes)
        acme = await served.customer()
        ids = [await served.hand_in(acme, f"bob@d{n}.example") for n in range(len(TLS))]
        for number, server, (rule, tls, state, words, because) in zip(ids, servers, TLS, strict=True):
            attempt = told(await served.reached(number, State[state]), EventKind.ATTEMPT).data
            secured = state == "DELIVERED" and not words and tls != "none"
            assert str(attempt.get("tls", "")).startswith("TLSv1.3" if secured else ""), because
            assert bool(attempt.get("tls")) is secured, because
            assert words in f"{attempt.get('note', '')} {attempt['reply']}", because
            assert ("STARTTLS" in server.said) is (tls != "none" and "EHLO" not in rule), because


# Sites.


@BOTH
async def test_a_dead_site_backs_off_as_a_whole(serve: Serve) -> None:
    async with ScriptedServer("connect = <drop> ; <drop> ; 220 mx.test") as dead, ScriptedServer() as alive:
        served = await serve("queue.connections_per_site = 1\n" + route(dead.port) + route(alive.port, "alive.example"))
        acme = await served.customer()
        first = await served.hand_in(acme, "r0@dead.example")
        await served.reached(first, State.DEFERRED)
        others = [await served.hand_in(acme, f"r{n}@dead.example") for n in range(1, 6)]
        await served.ended(await served.hand_in(acme, "bob@alive.example"))
        await served.rounds()
        assert dead.connections == 1  # nobody else tries
        for number in others:
            assert set(states(await served.story(number)).values()) == {"READY"}
        (row,) = [row for row in await served.shown("queue") if row["ready"]]
        assert (row["site"], row["ready"], row["deferred"], row["failures"]) == (f"route:127.0.0.1:{dead.port}", 5, 1, 1)
        assert row["until"] > served.clock()
        await served.later(minutes=1.1)
        await served.until(lambda: failures(served, f"route:127.0.0.1:{dead.port}", 2))
        await served.later(minutes=5.1)
        for number in (first, *others):
            assert (await served.ended(number)).deliveries[0].state is State.DELIVERED
        assert dead.connections == 3
        assert await served.shown("queue") == []


async def failures(served: Served, site: str, number: int) -> bool:
    return served.house.dispatch.site(site).failures >= number


async def test_the_back_off_of_a_site_outlives_a_restart(serve: Serve) -> None:
    async with ScriptedServer("connect = <drop> ; 220 mx.test") as server:
        served = await serve(route(server.port))
        acme = await served.customer()
        number = await served.hand_in(acme, "bob@dead.example")
        await served.reached(number, State.DEFERRED)
        await served.restart()
        await served.hand_in(acme, "carl@dead.example")
        await served.rounds()
        assert server.connections == 1


async def test_a_connection_is_used_again_and_one_that_ended_meanwhile_is_no_failure(serve: Serve) -> None:
    async with ScriptedServer(". = 250 ok ; 250 ok / <drop> ; 250 ok") as server:
        served = await serve("queue.connections_per_site = 2\n" + route(server.port))
        acme = await served.customer()
        for n in range(4):
            story = await served.ended(await served.hand_in(acme, f"r{n}@remote.example"))
            assert kinds(story) == ["accepted", "attempt", "delivered"]
    assert (len(server.mails), server.connections) == (4, 2)


async def test_after_some_seconds_without_mail_a_connection_is_ended_politely(serve: Serve) -> None:
    async with ScriptedServer() as server:
        served = await serve("timeouts.idle = '100 ms'\n" + route(server.port))
        await served.ended(await served.hand_in(await served.customer(), "bob@remote.example"))

        async def left() -> bool:
            return server.said[-1] == "QUIT"

        await served.until(left)


async def test_why_of_a_delivery_id_is_the_story_of_its_mail(serve: Serve) -> None:
    served = await serve(delivery="capture")
    number = await served.hand_in(await served.customer(), "bob@remote.example")
    (one,) = (await served.ended(number)).deliveries
    assert await served.cli("why", id_text(one.id)) == await served.cli("why", number)
