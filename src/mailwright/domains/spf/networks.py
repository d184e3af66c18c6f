"""Sets of addresses of one family, exact: ranges of numbers, so that a /1 costs no more than a /32."""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, summarize_address_range

from mailwright.auth.spf.network import BITS4

Range = tuple[int, int]  # the first and the last address


@dataclass(frozen=True, slots=True)
class Networks:
    """The addresses in `ranges`, which are in order and do not touch; `bits` is 32 or 128."""

    bits: int
    ranges: tuple[Range, ...] = ()

    @staticmethod
    def everything(bits: int) -> "Networks":
        """All addresses of a family."""
        return Networks(bits, ((0, (1 << bits) - 1),))

    @staticmethod
    def of(bits: int, networks: Iterable[tuple[int, int]]) -> "Networks":
        """From networks as SPF terms have them: the high bits after a shift to the right, and that shift."""
        return Networks(bits, _joined([(high << shift, ((high + 1) << shift) - 1) for high, shift in networks]))

    @staticmethod
    def around(bits: int, addresses: Iterable[str], length: int) -> "Networks":
        """The networks of that prefix length in which these addresses are, those of the other family left out."""
        numbers = [int(one) for one in map(ip_address, addresses) if one.max_prefixlen == bits]
        shift = bits - length
        return Networks.of(bits, [(number >> shift, shift) for number in numbers])

    @staticmethod
    def union(bits: int, parts: Iterable["Networks"]) -> "Networks":
        """All of several sets."""
        return Networks(bits, _joined([one for part in parts for one in part.ranges]))

    def __bool__(self) -> bool:
        return bool(self.ranges)

    def __or__(self, other: "Networks") -> "Networks":
        return Networks(self.bits, _joined([*self.ranges, *other.ranges]))

    def __sub__(self, other: "Networks") -> "Networks":
        kept: list[Range] = []
        waiting = list(reversed(self.ranges))
        taken = iter(other.ranges)
        cut = next(taken, None)
        while waiting:
            first, last = waiting.pop()
            while cut and cut[1] < first:
                cut = next(taken, None)
            if cut is None or cut[0] > last:
                kept.append((first, last))
                continue
            if first < cut[0]:
                kept.append((first, cut[0] - 1))
            if cut[1] < last:
                waiting.append((cut[1] + 1, last))
        return Networks(self.bits, tuple(kept))

    def __and__(self, other: "Networks") -> "Networks":
        return self - (self - other)

    def __contains__(self, address: int) -> bool:
        return any(first <= address <= last for first, last in self.ranges)

    @property
    def size(self) -> int:
        """How many addresses."""
        return sum([last - first + 1 for first, last in self.ranges])

    @property
    def texts(self) -> tuple[str, ...]:
        """The fewest networks that are exactly these addresses; a single address stands without a length."""
        found: list[str] = []
        for first, last in self.ranges:
            blocks = (
                summarize_address_range(IPv4Address(first), IPv4Address(last))
                if self.bits == BITS4
                else summarize_address_range(IPv6Address(first), IPv6Address(last))
            )
            found += [str(block).removesuffix(f"/{self.bits}") for block in blocks]
        return tuple(found)


def _joined(ranges: Iterable[Range]) -> tuple[Range, ...]:
    """In order, with those that overlap or touch made one."""
    found: list[Range] = []
    for first, last in sorted(ranges):
        if found and first <= found[-1][1] + 1:
            found[-1] = found[-1][0], max(last, found[-1][1])
        else:
            found.append((first, last))
    return tuple(found)
