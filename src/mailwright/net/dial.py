"""The one guarded dialler: every outgoing connection is made here, to an address that was looked at and is then used as it is."""

import asyncio
import contextlib
import errno
import ipaddress
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from mailwright.values import Finding
from mailwright.values.finding import error

CONNECT_TIMEOUT = 30.0  # seconds for one address; RFC 5321 §4.5.3.2 leaves it open, five minutes would block the next MX
MAX_ADDRESSES = 16  # tried for one host: a long list of dead addresses must not hold a worker
_NO_PORT_YET = getattr(
    socket, "IP_BIND_ADDRESS_NO_PORT", 24
)  # Linux: the port is chosen at connect, so source ports are not used up

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# Addresses that tell a cloud machine its secrets: no setting opens the way to them.
_METADATA = frozenset(
    ipaddress.ip_address(text)
    for text in (
        "169.254.169.254",  # AWS, Azure, Google, OpenStack
        "169.254.170.2",  # AWS container credentials
        "168.63.129.16",  # Azure's wire server, a public address
        "100.100.100.200",  # Alibaba
        "192.0.0.192",  # Oracle
        "fd00:ec2::254",  # AWS
        "fd20:ce::254",  # Google
    )
)


class Reach(StrEnum):
    """Who may dial a kind of address."""

    ROUTED = "routed"  # the operator's own routes only
    NOBODY = "nobody"


# IANA special-purpose address registries (RFC 6890 and its updates).
_SPECIAL: tuple[tuple[_Network, str, Reach], ...] = tuple(
    (ipaddress.ip_network(network), words, reach)
    for network, words, reach in (
        ("0.0.0.0/8", "this network (RFC 791 §3.2)", Reach.NOBODY),
        ("10.0.0.0/8", "a private network (RFC 1918)", Reach.ROUTED),
        ("100.64.0.0/10", "a provider's inner network (RFC 6598)", Reach.ROUTED),
        ("127.0.0.0/8", "this machine itself (RFC 1122 §3.2.1.3)", Reach.ROUTED),
        ("169.254.0.0/16", "the local link (RFC 3927)", Reach.ROUTED),
        ("172.16.0.0/12", "a private network (RFC 1918)", Reach.ROUTED),
        ("192.0.0.0/24", "protocol assignments (RFC 6890)", Reach.NOBODY),
        ("192.0.2.0/24", "documentation (RFC 5737)", Reach.NOBODY),
        ("192.88.99.0/24", "a 6to4 relay (RFC 7526)", Reach.NOBODY),
        ("192.168.0.0/16", "a private network (RFC 1918)", Reach.ROUTED),
        ("198.18.0.0/15", "benchmarks (RFC 2544)", Reach.ROUTED),
        ("198.51.100.0/24", "documentation (RFC 5737)", Reach.NOBODY),
        ("203.0.113.0/24", "documentation (RFC 5737)", Reach.NOBODY),
        ("224.0.0.0/4", "a multicast group (RFC 5771)", Reach.NOBODY),
        ("240.0.0.0/4", "a reserved range (RFC 1112 §4)", Reach.NOBODY),
        ("::/128", "no address at all (RFC 4291 §2.5.2)", Reach.NOBODY),
        ("::1/128", "this machine itself (RFC 4291 §2.5.3)", Reach.ROUTED),
        ("64:ff9b:1::/48", "a local translation prefix (RFC 8215)", Reach.NOBODY),
        ("100::/64", "the discard prefix (RFC 6666)", Reach.NOBODY),
        ("2001:db8::/32", "documentation (RFC 3849)", Reach.NOBODY),
        ("3fff::/20", "documentation (RFC 9637)", Reach.NOBODY),
        ("5f00::/16", "segment routing (RFC 9602)", Reach.NOBODY),
        ("fc00::/7", "a private network (RFC 4193)", Reach.ROUTED),
        ("fe80::/10", "the local link (RFC 4291 §2.5.6)", Reach.ROUTED),
        ("fec0::/10", "a site-local network (RFC 3879)", Reach.NOBODY),
        ("ff00::/8", "a multicast group (RFC 4291 §2.7)", Reach.NOBODY),
    )
)
_GLOBAL_V6 = ipaddress.ip_network("2000::/3")  # RFC 4291 §2.4: the only range that is given out
_PROTOCOL_V6 = ipaddress.ip_network("2001::/23")  # RFC 2928: Teredo, ORCHID, benchmarks; no mail server lives there
_WRAPPED = tuple(ipaddress.ip_network(text) for text in ("::ffff:0:0/96", "::ffff:0:0:0/96", "::/96", "64:ff9b::/96"))
_SIX_TO_FOUR = ipaddress.ip_network("2002::/16")  # RFC 3056 §2: the IPv4 address stands behind the first 16 bits


@dataclass(frozen=True, slots=True)
class Dialled:
    """A connected, non-blocking socket; whoever takes it closes it."""

    sock: socket.socket
    ip: str


@dataclass(frozen=True, slots=True)
class Refused:
    """We do not connect there."""

    finding: Finding


@dataclass(frozen=True, slots=True)
class Failed:
    """We tried: `cause` is refused, timeout, unreachable, reset or source; `detail` in words."""

    cause: str
    detail: str


async def dial(
    host: str,
    port: int,
    *,
    addresses: Sequence[str],
    source_ip: str | None = None,
    allow_private: bool = False,
    within: float = CONNECT_TIMEOUT,
    ports: frozenset[int] | None = None,
) -> Dialled | Refused | Failed:
    """Connect to the first of `addresses` (numeric, resolved by the caller, tried in order) that answers `within` seconds each.

    `host` is the name that they stand for. Nothing is looked up again, so a name that changes its mind (DNS rebinding)
    gains nothing. `allow_private` is for the operator's own routes; `ports` limits where a customer may send us.
    """
    found = objection_to_target(host, port, ports=ports, allow_private=allow_private)
    if found:
        return _refused(host, found)
    outcome: Dialled | Refused | Failed = Failed("unreachable", f"{host} has no address that can be used from here")
    for text in addresses[:MAX_ADDRESSES]:
        found = objection(text, allow_private=allow_private)
        if found:
            outcome = outcome if isinstance(outcome, Failed) and outcome.cause != "unreachable" else _refused(host, found)
            continue
        tried = await _connect(ipaddress.ip_address(text), port, source_ip, within)
        if isinstance(tried, Dialled):
            return tried
        outcome = tried
    return outcome


def objection_to_target(host: str, port: int, *, ports: frozenset[int] | None = None, allow_private: bool = False) -> str | None:
    """Why this name and port are not dialled, in words; None where there is no objection."""
    if not 0 < port <= 65535:
        return f"port {port} does not exist"
    if ports is not None and port not in ports:
        return f"port {port} is not one of {', '.join(map(str, sorted(ports)))}"
    if not allow_private and _is_literal(host):
        return f"{host[:80]} is an address, not a name"
    return None


@lru_cache(maxsize=8192)
def objection(ip: str, *, allow_private: bool = False) -> str | None:
    """Why this address is not dialled, in words; None where there is no objection. Unwraps IPv4 inside IPv6."""
    try:
        address = ipaddress.ip_address(ip)
    except ValueError:
        return f"{ip[:80]!r} is not an IP address"
    if "%" in ip:
        return f"{ip[:80]} names a network interface (RFC 4007 §11)"
    for inner in (address, *_inside(address)):
        found = _objection(inner, allow_private=allow_private)
        if found:
            return found if inner == address else f"{address} stands for {inner}: {found}"
    return None


def _objection(address: Address, *, allow_private: bool) -> str | None:
    if address in _METADATA:
        return f"{address} is a cloud's metadata service"
    for network, words, reach in _SPECIAL:
        if address.version == network.version and address in network:
            return None if allow_private and reach is Reach.ROUTED else f"{address} is {words}"
    if address.version == 6 and not _inside(address) and (address not in _GLOBAL_V6 or address in _PROTOCOL_V6):
        return f"{address} is not a public address (RFC 4291 §2.4)"
    return None


def _inside(address: Address) -> tuple[ipaddress.IPv4Address, ...]:
    """The IPv4 addresses that an IPv6 address carries: mapped, compatible, translated, 6to4, Teredo."""
    if isinstance(address, ipaddress.IPv4Address) or int(address) < 2:  # :: and ::1 carry nothing
        return ()
    if any(address in network for network in _WRAPPED):
        return (ipaddress.IPv4Address(int(address) & 0xFFFFFFFF),)
    if address in _SIX_TO_FOUR:
        return (ipaddress.IPv4Address(int(address) >> 80 & 0xFFFFFFFF),)
    return address.teredo or ()  # RFC 4380 §4: the server and the client behind it


def _is_literal(host: str) -> bool:
    """Whether a host is an address in any notation that some resolver takes: [::1], 127.1, 0x7f000001, 2130706433."""
    last = host.rstrip(".").rpartition(".")[2].lower()
    return not host or host.startswith("[") or ":" in host or last.isdigit() or last.startswith("0x")


def _refused(host: str, why: str) -> Refused:
    return Refused(
        error(
            "address-refused",
            f"Mailwright does not connect to {host[:255] or 'a server without a name'}: {why}.",
            why="Outgoing connections lead to public servers only, so that nobody reaches inner machines through Mailwright.",
            do="Correct the server's name or its DNS records. For an inner server, the operator adds a [[route]].",
        )
    )


async def _connect(address: Address, port: int, source_ip: str | None, within: float) -> Dialled | Failed:
    """One try; the numeric address goes to connect(2) as it was checked."""
    source = ipaddress.ip_address(source_ip) if source_ip else None
    if source and source.version != address.version:
        return Failed("source", f"{address} cannot be reached from the source address {source}")
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    try:
        sock = socket.socket(family, socket.SOCK_STREAM)
    except OSError as fault:  # a machine without IPv6
        return Failed("unreachable", f"{address}: {_reason(fault)}")
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if source:
            _bind(sock, source)
        await asyncio.wait_for(asyncio.get_running_loop().sock_connect(sock, (str(address), port)), within)
    except (OSError, TimeoutError) as fault:
        sock.close()
        return _failed(fault, address, port, within)
    except BaseException:
        sock.close()
        raise
    return Dialled(sock, str(address))


def _bind(sock: socket.socket, source: Address) -> None:
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.IPPROTO_IP, _NO_PORT_YET, 1)
    sock.bind((str(source), 0))


def _failed(fault: OSError, address: Address, port: int, within: float) -> Failed:
    where = f"{address} port {port}"
    if isinstance(fault, ConnectionRefusedError):
        return Failed("refused", f"{where} refused the connection: nothing listens there")
    if isinstance(fault, TimeoutError) or fault.errno == errno.ETIMEDOUT:
        return Failed("timeout", f"{where} did not answer within {within:g} s")
    if isinstance(fault, ConnectionError):
        return Failed("reset", f"{where} ended the connection at once")
    if fault.errno == errno.EADDRNOTAVAIL:
        return Failed("source", f"{where}: the source address is not one of this machine")
    return Failed("unreachable", f"{where}: {_reason(fault)}")


def _reason(fault: OSError) -> str:
    return (fault.strerror or "no route").lower()
