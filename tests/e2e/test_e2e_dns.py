"""From a recipient's domain to its mail hosts: what the DNS says, what it does not say, and what a person is told."""

import asyncio
import shutil
import socket
from pathlib import Path

import pytest

from mailwright.queue import EventKind, State
from tests.e2e.conftest import Serve
from tests.e2e.nameserver import Nameserver, Signpost
from tests.e2e.peers import ADMIN_PATH
from tests.e2e.served import Served, letter, states, told
from tests.net.scripted import ScriptedServer

GOOD, BAD = "93.184.215.14", "93.184.215.66"  # addresses that may be dialled; they lead to ports of ours

MX, MX_A = "{0} MX 20 mx.{0}.\n", f"mx.{{0}} A {GOOD}\n"
WAYS: list[tuple[str, str, str]] = [
    # the zone of a domain, the host that takes the mail, because
    (MX + MX_A, "mx.{0}", "its MX"),
    (f"{{0}} A {GOOD}", "{0}", "no MX: the domain itself, RFC 5321 §5.1"),
    (MX + MX_A + f"{{0}} MX 10 b.example.\nb.example A {BAD}", "mx.{0}", "the best host is down"),
    (MX + f"mx.{{0}} A {BAD}\n" + MX_A, "mx.{0}", "the second address of one host"),
    (MX + MX_A + f"{{0}} MX 30 mail.operator.example.\nmail.operator.example A {BAD}", "mx.{0}", "a better host than we"),
    (MX + MX_A + "{0} MX 10 gone.example.", "mx.{0}", "a host without address is passed over"),
    (MX + MX_A + "{0} MX 10 c.example.\nc.example A 10.0.0.5", "mx.{0}", "an inner address is not dialled"),
]


async def served_with(serve: Serve, names: Nameserver, ports: dict[str, int], settings: str = "") -> Served:
    served = await serve(names.settings + settings)
    await served.stop()
    served.sender = Signpost(ports)
    await served.start()
    return served


async def test_the_way_to_the_recipients_server(serve: Serve, unused_tcp_port: int) -> None:
    zone = "\n".join(text.format(f"d{n}.example") for n, (text, _, _) in enumerate(WAYS))
    async with Nameserver(zone) as names, ScriptedServer() as server:
        served = await served_with(serve, names, {GOOD: server.port, BAD: unused_tcp_port})
        acme = await served.customer()
        ids = [await served.hand_in(acme, f"bob@d{n}.example") for n in range(len(WAYS))]
        for n, (number, (_, host, because)) in enumerate(zip(ids, WAYS, strict=True)):
            story = await served.ended(number)
            assert story.deliveries[0].state is State.DELIVERED, because
            assert told(story, EventKind.ATTEMPT).data["host"] == host.format(f"d{n}.example"), because


NO_WAY: list[tuple[str, str, str]] = [
    # the zone of a domain, the reply that we give ourselves, words
    ("{0} MX 0 .", "556 5.1.10", "takes no mail at all"),
    ("", "550 5.1.2", "does not exist"),
    ("{0} MX 10 mail.operator.example.\nmail.operator.example A 93.184.215.14", "554 5.4.6", "come back to this server"),
    ("{0} MX 10 nothing.example.\nnothing.example TXT x", "550 5.4.4", "no server that takes mail"),
    ("{0} MX 10 192.0.2.1.", "550 5.4.4", "no server that takes mail"),
]


async def test_a_domain_that_takes_no_mail_is_told_by_us(serve: Serve) -> None:
    zone = "\n".join(text.format(f"d{n}.test") for n, (text, _, _) in enumerate(NO_WAY))
    async with Nameserver(zone) as names:
        served = await serve(names.settings)
        acme = await served.customer()
        for n, (_, reply, words) in enumerate(NO_WAY):
            numbers = [await served.hand_in(acme, f"bob@d{n}.test", f"eve@d{n}.test") for _ in range(3)]
            for number in numbers:
                story = await served.ended(number)
                assert set(states(story).values()) == {"BOUNCED"}
                assert story.deliveries[0].reply.startswith(reply)
                assert words in told(story, EventKind.BOUNCED).data["reason"]
        (newest, *_) = await served.messages()
        shown = await served.cli("why", newest)
    assert "Not sent: we could not find a way." in shown
    assert "Who acts: " in shown


async def test_not_to_know_is_not_to_refuse(serve: Serve) -> None:
    """SERVFAIL is not NXDOMAIN: the domain backs off, and once the DNS answers the mail leaves."""
    async with Nameserver("remote.example SERVFAIL") as names, ScriptedServer() as server:
        served = await served_with(serve, names, {GOOD: server.port})
        acme = await served.customer()
        number = await served.hand_in(acme, "bob@remote.example")
        story = await served.reached(number, State.DEFERRED)
        assert "could not be found out" in story.deliveries[0].reply
        assert "Put off by us" in await served.cli("why", number)
        names.read(f"remote.example A {GOOD}")
        await served.restart()  # with nothing in the resolver's cache
        await served.later(minutes=1.1)
        assert states(await served.ended(number)) == {"bob@remote.example": "DELIVERED"}


async def test_no_name_is_looked_up_before_the_250(serve: Serve) -> None:
    async with Nameserver(f"remote.example A {GOOD}") as names, ScriptedServer() as server:
        names.gate.clear()
        served = await served_with(serve, names, {GOOD: server.port})
        number = await served.hand_in(await served.customer(), "bob@remote.example")  # answered, although no name server is
        assert states(await served.story(number)) != {"bob@remote.example": "DELIVERED"}
        names.gate.set()
        await served.ended(number)
    assert len(server.mails) == 1


async def test_domains_with_the_same_hosts_are_one_site_that_is_remembered(serve: Serve) -> None:
    zone = f"mx.big.example A {GOOD}\n" + "\n".join(f"d{n}.example MX 10 mx.big.example." for n in range(5))
    async with Nameserver(zone) as names, ScriptedServer() as server:
        served = await served_with(serve, names, {GOOD: server.port}, "queue.connections_per_site = 2\n")
        acme = await served.customer()
        await served.ended(await served.hand_in(acme, *(f"bob@d{n}.example" for n in range(5))))
        assert server.connections <= 2
        await served.restart()
        await served.ended(await served.hand_in(acme, "bob@d3.example"))
        story = await served.ended(await served.hand_in(acme, "bob@d4.example"))
    assert story.deliveries[0].site == "mx:mx.big.example"
    assert names.asked["d0.example"] == 1


async def test_what_waits_is_shown_under_the_site_that_was_learnt(serve: Serve) -> None:
    zone = f"remote.example MX 10 mx.big.example.\nmx.big.example A {GOOD}"
    async with Nameserver(zone) as names, ScriptedServer("RCPT = 451 4.7.1 greylisted") as server:
        served = await served_with(serve, names, {GOOD: server.port})
        number = await served.hand_in(await served.customer(), "bob@remote.example")
        story = await served.reached(number, State.DEFERRED)
        assert story.deliveries[0].site == "mx:mx.big.example"
        (row,) = await served.shown("queue")
    assert (row["site"], row["deferred"]) == ("mx:mx.big.example", 1)


INNER = ["127.0.0.1", "10.1.2.3", "169.254.169.254", "100.100.100.200", "192.0.2.1", "0.0.0.0"]


async def test_a_domain_whose_server_is_an_inner_address_reaches_nothing(serve: Serve) -> None:
    zone = "\n".join(f"d{n}.example MX 10 mx{n}.example.\nmx{n}.example A {address}" for n, address in enumerate(INNER))
    async with Nameserver(zone) as names:
        served = await serve(names.settings)
        number = await served.hand_in(await served.customer(), *(f"bob@d{n}.example" for n in range(len(INNER))))
        story = await served.reached(number, State.DEFERRED)
    for one, address in zip(story.deliveries, INNER, strict=True):
        assert "Mailwright does not connect to mx" in one.reply
        assert address in one.reply


async def test_an_international_domain_goes_out_in_a_labels(serve: Serve) -> None:
    async with Nameserver(f"xn--bcher-kva.example A {GOOD}") as names, ScriptedServer() as server:
        served = await served_with(serve, names, {GOOD: server.port})
        acme = await served.customer()
        number = await served.hand_in(acme, "bob@bücher.example", mail=letter(acme.writes()), options=["SMTPUTF8"])
        await served.ended(number)
    assert "RCPT TO:<bob@xn--bcher-kva.example>" in server.said


async def test_bind_answers(serve: Serve, tmp_path: Path) -> None:
    """The same with BIND 9 in place of our own name server."""
    program = shutil.which("named", path=ADMIN_PATH)
    if program is None:
        pytest.skip("named is not installed: apt-get install bind9")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (tmp_path / "zone").write_text(
        f"$TTL 60\n@ SOA ns hostmaster 1 3600 600 86400 60\n@ NS ns\nns A 192.0.2.53\nnull MX 0 .\nplain A {GOOD}\n"
    )
    options = f"""
        directory "{tmp_path}"; pid-file none; session-keyfile none; recursion no; dnssec-validation no; allow-query {{ any; }};
        listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};
    """
    zone = 'zone "remote.example" { type primary; file "zone"; };'
    (tmp_path / "named.conf").write_text(f"options {{ {options} }};\ncontrols {{ }};\n{zone}\n")
    asked = [program, "-g", "-n", "1", "-c", str(tmp_path / "named.conf")]
    named = await asyncio.create_subprocess_exec(*asked, stderr=asyncio.subprocess.PIPE)
    assert named.stderr is not None
    while not (line := await named.stderr.readline()).rstrip().endswith(b" running"):
        assert line, "named did not start"
    drain = asyncio.ensure_future(named.stderr.read())
    try:
        async with ScriptedServer() as server:
            served = await serve(f'dns.servers = ["127.0.0.1:{port}"]\ndns.timeout = "3 s"\n')
            await served.stop()
            served.sender = Signpost({GOOD: server.port})
            await served.start()
            to = [f"bob@{name}.remote.example" for name in ("null", "plain", "missing")]
            story = await served.ended(await served.hand_in(await served.customer(), *to))
    finally:
        named.terminate()
        await asyncio.gather(named.wait(), drain)
    assert list(states(story).values()) == ["BOUNCED", "DELIVERED", "BOUNCED"]
    assert [one.reply.split()[1] for one in story.deliveries if one.state is State.BOUNCED] == ["5.1.10", "5.1.2"]
