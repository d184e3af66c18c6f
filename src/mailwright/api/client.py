"""From where a request comes: the connection's address, or what a proxy in front of us says of its client."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from starlette.requests import HTTPConnection

Network = IPv4Network | IPv6Network


def client_of(request: HTTPConnection, proxies: Sequence[Network]) -> str:
    """The client's address; "" where there is none. Only `proxies` are believed, each for the one before it in the list."""
    peer = request.client.host if request.client else ""
    if not proxies or not _within(peer, proxies):
        return peer
    said = [one.strip() for line in request.headers.getlist("x-forwarded-for") for one in line.split(",")]
    for one in reversed(said):  # each proxy adds at the end whom it was asked by; further left anybody may have written
        if _address(one) is None:
            return peer
        peer = one
        if not _within(one, proxies):
            return one
    return peer


def _within(text: str, networks: Sequence[Network]) -> bool:
    address = _address(text)
    return address is not None and any(address in network for network in networks)


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address
