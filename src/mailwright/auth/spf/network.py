"""IP addresses and networks as numbers: compared by a shift, never by objects."""

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import NamedTuple

from mailwright.values import Malformed

BITS4, BITS6 = 32, 128


class Client(NamedTuple):
    """The address that sent the mail: as a number, with its width in bits, and as text."""

    number: int
    bits: int
    text: str

    @property
    def dotted(self) -> str:
        """%{i}: dotted quad, or the 32 nibbles of an IPv6 address parted by dots (RFC 7208 §7.3)."""
        return self.text if self.bits == BITS4 else ".".join(f"{self.number:032X}")

    @property
    def reverse_name(self) -> str:
        """The name that holds its PTR records (RFC 7208 §5.5)."""
        parts = reversed(self.dotted.lower().split("."))
        return ".".join(parts) + (".in-addr.arpa" if self.bits == BITS4 else ".ip6.arpa")

    def among(self, addresses: Iterable[str], cidr4: int, cidr6: int) -> bool:
        """Whether one of these (canonical texts) is the same in its high bits, as many as the family's length says."""
        shift = self.bits - (cidr4 if self.bits == BITS4 else cidr6)
        if not shift:
            return self.text in addresses
        wanted = self.number >> shift
        return any(number >> shift == wanted for number in map(_number, addresses) if number >= 0)


@lru_cache(maxsize=4096)  # one client sends many mails
def read_client(text: str) -> Client | None:
    """Read the client's address; an IPv4-mapped IPv6 address is an IPv4 address (RFC 7208 §5). None where it is none."""
    try:
        return _client(int(IPv4Address(text)), BITS4)
    except AddressValueError:
        pass
    try:
        six = IPv6Address(text)
    except AddressValueError:
        return None
    mapped = six.ipv4_mapped
    return _client(int(six), BITS6) if mapped is None else _client(int(mapped), BITS4)


@lru_cache(maxsize=16384)  # the addresses of mail servers come again and again
def _number(text: str) -> int:
    """The number of an address from an A or AAAA record, whose texts are canonical; -1 where it is none."""
    try:
        return int(IPv6Address(text)) if ":" in text else int(IPv4Address(text))
    except AddressValueError:
        return -1


def read_network(text: str, bits: int) -> int:
    """The number of an ip4-network or ip6-network (RFC 7208 §5.6). Raises Malformed."""
    try:
        return int(IPv4Address(text)) if bits == BITS4 else int(_plain_ipv6(text))
    except AddressValueError as fault:
        example = "192.0.2.0" if bits == BITS4 else "2001:db8::"
        kind = "IPv4" if bits == BITS4 else "IPv6"
        raise Malformed(f"{text[:60]!r} is not an {kind} address.", f"Write all of it, such as {example}.") from fault


def read_length(text: str, bits: int) -> int:
    """A CIDR prefix length without leading zeros, at most `bits` (RFC 7208 §5.6). Raises Malformed."""
    if text.isascii() and text.isdigit() and len(text) <= 3 and str(int(text)) == text and int(text) <= bits:
        return int(text)
    raise Malformed(f"/{text[:20]} is no prefix length for these addresses.", f"Write a number from 0 to {bits} after the slash.")


def _client(number: int, bits: int) -> Client:
    return Client(number, bits, str(IPv4Address(number) if bits == BITS4 else IPv6Address(number)))


def _plain_ipv6(text: str) -> IPv6Address:
    """Without the name of an interface, which no record may have (RFC 4291 §2.2)."""
    if "%" in text:
        raise AddressValueError(text)
    return IPv6Address(text)
