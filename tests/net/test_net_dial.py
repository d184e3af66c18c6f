"""The guarded dialler: the whole table of addresses, and what comes of a try."""

import asyncio
import socket

import pytest

from mailwright.net.dial import Dialled, Failed, Refused, dial, objection, objection_to_target

PUBLIC = [
    "8.8.8.8",
    "1.1.1.1",
    "193.0.6.139",
    "100.63.255.255",
    "100.128.0.1",
    "172.15.0.1",
    "172.32.0.1",
    "11.0.0.1",
    "169.253.0.1",
]
PUBLIC += [
    "2001:4860:4860::8888",
    "2606:4700:4700::1111",
    "2a00:1450:4001::1",
    "::ffff:8.8.8.8",
    "64:ff9b::808:808",
    "2002:808:808::1",
]

REFUSED = [
    ("127.0.0.1", "this machine"),
    ("127.255.255.254", "this machine"),
    ("0.0.0.0", "this network"),
    ("0.1.2.3", "this network"),
    ("10.0.0.1", "private"),
    ("172.16.0.1", "private"),
    ("172.31.255.255", "private"),
    ("192.168.1.1", "private"),
    ("100.64.0.1", "inner network"),
    ("100.127.255.255", "inner network"),
    ("169.254.1.1", "local link"),
    ("169.254.169.254", "metadata"),
    ("169.254.170.2", "metadata"),
    ("100.100.100.200", "metadata"),
    ("168.63.129.16", "metadata"),
    ("192.0.0.192", "metadata"),
    ("192.0.0.8", "protocol"),
    ("192.0.2.1", "documentation"),
    ("198.51.100.1", "documentation"),
    ("203.0.113.1", "documentation"),
    ("192.88.99.1", "6to4"),
    ("198.18.0.1", "benchmark"),
    ("224.0.0.1", "multicast"),
    ("239.255.255.255", "multicast"),
    ("240.0.0.1", "reserved"),
    ("255.255.255.255", "reserved"),
    ("::", "no address"),
    ("::1", "this machine"),
    ("fe80::1", "local link"),
    ("fe80::1%eth0", "interface"),
    ("2001:4860:4860::8888%1", "interface"),
    ("fec0::1", "site-local"),
    ("fc00::1", "private"),
    ("fd12:3456::1", "private"),
    ("fd00:ec2::254", "metadata"),
    ("fd20:ce::254", "metadata"),
    ("ff02::1", "multicast"),
    ("100::1", "discard"),
    ("2001:db8::1", "documentation"),
    ("3fff::1", "documentation"),
    ("5f00::1", "segment"),
    ("64:ff9b:1::1", "translation"),
    ("2001:10::1", "not a public address"),
    ("4000::1", "not a public address"),
    ("::ffff:127.0.0.1", "127.0.0.1"),
    ("::ffff:169.254.169.254", "metadata"),
    ("::ffff:a9fe:a9fe", "metadata"),
    ("::ffff:10.0.0.1", "private"),
    ("::ffff:0:10.0.0.1", "private"),
    ("::127.0.0.1", "127.0.0.1"),
    ("::7f00:1", "127.0.0.1"),
    ("64:ff9b::7f00:1", "127.0.0.1"),
    ("64:ff9b::169.254.169.254", "metadata"),
    ("2002:7f00:1::1", "127.0.0.1"),
    ("2002:a9fe:a9fe::1", "metadata"),
    ("2002:c0a8:101::1", "192.168.1.1"),
    ("2001:0:808:808:0:0:f5ff:fffe", "10.0.0.1"),
    ("2001:0:7f00:1::f7f7:f7f7", "127.0.0.1"),
    ("localhost", "not an IP address"),
    ("127.1", "not an IP address"),
    ("0177.0.0.1", "not an IP address"),
    ("2130706433", "not an IP address"),
    ("0x7f000001", "not an IP address"),
    ("１２７.0.0.1", "not an IP address"),
    ("", "not an IP address"),
    ("127.0.0.1\n", "not an IP address"),
]

TARGETS = [
    ("mx.example.com", 25, None),
    ("mx.example.com.", 465, None),
    ("mx.example.com", 0, "does not exist"),
    ("mx.example.com", -1, "does not exist"),
    ("mx.example.com", 65536, "does not exist"),
    ("mx.example.com", 8080, "is not one of"),
    ("", 25, "is an address"),
    ("[192.0.2.1]", 25, "is an address"),
    ("[IPv6:2001:db8::1]", 25, "is an address"),
    ("8.8.8.8", 25, "is an address"),
    ("127.1", 25, "is an address"),
    ("2130706433", 25, "is an address"),
    ("0x7f.1", 25, "is an address"),
    ("0x7f000001", 25, "is an address"),
    ("::1", 25, "is an address"),
    ("8.8.8.8.", 25, "is an address"),
]


@pytest.mark.parametrize("ip", PUBLIC)
def test_public_addresses_are_dialled(ip: str) -> None:
    assert objection(ip) is None


@pytest.mark.parametrize("ip, because", REFUSED)
def test_inner_addresses_are_not(ip: str, because: str) -> None:
    found = objection(ip)
    assert found is not None
    assert because in found


@pytest.mark.parametrize(
    "ip", ["127.0.0.1", "10.1.1.1", "192.168.0.1", "100.64.0.1", "fd12::1", "::1", "::ffff:127.0.0.1", "198.18.0.1"]
)
def test_the_operators_own_routes_lead_inside(ip: str) -> None:
    assert objection(ip, allow_private=True) is None


@pytest.mark.parametrize(
    "ip",
    [
        "169.254.169.254",
        "::ffff:169.254.169.254",
        "fd00:ec2::254",
        "100.100.100.200",
        "0.0.0.0",
        "224.0.0.1",
        "::",
        "255.255.255.255",
    ],
)
def test_some_addresses_are_nobodys(ip: str) -> None:
    assert objection(ip, allow_private=True) is not None


@pytest.mark.parametrize("host, port, because", TARGETS)
def test_names_and_ports(host: str, port: int, because: str | None) -> None:
    found = objection_to_target(host, port, ports=frozenset({0, 25, 465, -1, 65536}))
    assert (found is None) if because is None else (found is not None and because in found)


async def test_a_refusal_says_what_to_do_and_connects_to_nothing() -> None:
    refused = await dial("mx.example.com", 25, addresses=["127.0.0.1", "10.0.0.1"])
    assert isinstance(refused, Refused)
    assert refused.finding.code == "address-refused"
    assert "mx.example.com" in refused.finding.what
    assert "[[route]]" in refused.finding.do
    assert isinstance(await dial("127.0.0.1", 25, addresses=["8.8.8.8"]), Refused)
    assert isinstance(await dial("mx.example.com", 0, addresses=["8.8.8.8"]), Refused)


async def test_no_address_at_all() -> None:
    assert await dial("mx.example.com", 25, addresses=[]) == Failed(
        "unreachable", "mx.example.com has no address that can be used from here"
    )


async def test_the_first_address_that_answers_is_taken() -> None:
    async def accept(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with await asyncio.start_server(accept, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        found = await dial(
            "mx.test", port, addresses=["224.0.0.1", "::1", "127.0.0.1"], allow_private=True, source_ip="127.0.0.1"
        )
        assert isinstance(found, Dialled)
        assert found.ip == "127.0.0.1"
        assert found.sock.getpeername() == ("127.0.0.1", port)
        assert found.sock.getsockname()[0] == "127.0.0.1"
        found.sock.close()


async def test_a_closed_port_is_refused() -> None:
    with socket.socket() as idle:
        idle.bind(("127.0.0.1", 0))
        found = await dial("mx.test", idle.getsockname()[1], addresses=["127.0.0.1"], allow_private=True)
    assert isinstance(found, Failed)
    assert found.cause == "refused"


async def test_a_port_that_does_not_answer_times_out() -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for sock in waiting:  # fill the backlog: further SYNs are dropped
            sock.setblocking(False)
            sock.connect_ex(full.getsockname())
        found = await dial("mx.test", full.getsockname()[1], addresses=["127.0.0.1"], allow_private=True, within=0.05)
        for sock in waiting:
            sock.close()
    assert isinstance(found, Failed)
    assert found.cause == "timeout"


SOURCES = [("::1", "127.0.0.1", "the families differ"), ("127.0.0.1", "198.18.9.9", "not an address of this machine")]


@pytest.mark.parametrize("to, source, because", SOURCES)
async def test_a_source_address_that_does_not_fit(to: str, source: str, because: str) -> None:
    found = await dial("mx.test", 25, addresses=[to], source_ip=source, allow_private=True)
    assert isinstance(found, Failed)
    assert found.cause == "source", because
