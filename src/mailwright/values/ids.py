"""Ids: 63 bits that grow with time, written as 13 letters and digits.

Layout: 42 bits of milliseconds since 2024-01-01 UTC, 11 bits of node (a number that each process start draws from the
database), 10 bits of counter. New rows so land at the end of their index, on either engine, without asking the database.
"""

from dataclasses import dataclass, field

from mailwright.values.errors import Malformed

EPOCH_MS = 1_704_067_200_000  # 2024-01-01T00:00:00Z
NODE_BITS, COUNTER_BITS = 11, 10
NODES = 1 << NODE_BITS
ID_LENGTH = 13  # 13 digits of 5 bits hold 63 bits
_DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford base 32: no i, l, o, u
_PAIRS = [high + low for high in _DIGITS for low in _DIGITS]  # two digits at a time: ids are written on the hot path
_QUINTET = (1 << 25) - 1
_VALUE = {digit: n for n, digit in enumerate(_DIGITS)} | {"i": 1, "l": 1, "o": 0}


@dataclass(slots=True)
class IdMaker:
    """Makes ids for one process; `node` below NODES. Never gives an id twice, also when the clock steps back."""

    node: int
    _last: int = field(default=0)

    def next(self, now_ms: int) -> int:
        """The next id, for a time in milliseconds since 1970."""
        tick = (now_ms - EPOCH_MS) << COUNTER_BITS
        self._last = tick if tick > self._last else self._last + 1
        high, counter = self._last >> COUNTER_BITS, self._last & ((1 << COUNTER_BITS) - 1)
        return ((high << NODE_BITS | self.node) << COUNTER_BITS) | counter


def id_text(number: int) -> str:
    """An id as people and programs see it."""
    high, middle, low = number >> 50, (number >> 25) & _QUINTET, number & _QUINTET  # 3, 5 and 5 digits
    return (
        f"{_PAIRS[high >> 5 & 1023]}{_DIGITS[high & 31]}"
        f"{_PAIRS[middle >> 15]}{_PAIRS[middle >> 5 & 1023]}{_DIGITS[middle & 31]}"
        f"{_PAIRS[low >> 15]}{_PAIRS[low >> 5 & 1023]}{_DIGITS[low & 31]}"
    )


def id_number(text: str) -> int:
    """Read an id, whatever its letter case. Raises Malformed."""
    try:
        digits = [_VALUE[char] for char in text.strip().lower()]
    except KeyError as fault:
        raise Malformed(f"{text[:40]!r} is not an id.", "An id has 13 letters and digits, such as 05cg7x2k4m9pq.") from fault
    number = 0
    for digit in digits:
        number = number << 5 | digit
    if len(digits) != ID_LENGTH or number >= 1 << 63:
        raise Malformed(f"{text[:40]!r} is not an id.", "An id has 13 letters and digits, such as 05cg7x2k4m9pq.")
    return number


def made_at(number: int) -> int:
    """When an id was made, in milliseconds since 1970."""
    return (number >> (NODE_BITS + COUNTER_BITS)) + EPOCH_MS


def least_id(ms: int) -> int:
    """An id below all that are made from a time on, in milliseconds since 1970; the least or the largest one for times beyond."""
    return min(max(0, ms - EPOCH_MS) << (NODE_BITS + COUNTER_BITS), (1 << 63) - 1)
