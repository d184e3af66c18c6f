"""Durations and sizes as people write them: "15 min", "5 d", "25 MB", "256 KiB"."""

import re
from datetime import timedelta

MAX_TEXT = 32  # characters: nothing longer is a quantity
SECONDS = {"ms": 0.001, "s": 1, "min": 60, "h": 3600, "d": 86400, "w": 604800}
LONG_NAMES = {"sec": "s", "second": "s", "minute": "min", "hour": "h", "day": "d", "week": "w"}
OCTETS = {"b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 2**10, "mib": 2**20, "gib": 2**30}  # IEC 80000-13
_QUANTITY = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?([A-Za-z]*)")
_SIZE_NAMES = (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10), ("GB", 10**9), ("MB", 10**6), ("kB", 10**3))


def duration(value: object) -> timedelta:
    """A time span from a number (seconds) or a text with a unit. Raises ValueError."""
    number, unit = _quantity(value)
    name = unit.lower()
    name = name.removesuffix("s") if name.removesuffix("s") in LONG_NAMES else name
    seconds = SECONDS.get(LONG_NAMES.get(name, name or "s"))
    if seconds is None:
        raise ValueError(f"{unit[:20]} is not a unit of time")
    try:
        return timedelta(seconds=number * seconds)
    except OverflowError as fault:
        raise ValueError("longer than anybody can wait") from fault


def duration_text(span: timedelta) -> str:
    """The shortest whole form: 900 seconds are "15 min"."""
    milliseconds = span // timedelta(milliseconds=1)
    for name in ("d", "h", "min", "s"):
        unit = int(SECONDS[name]) * 1000
        if milliseconds and milliseconds % unit == 0:
            return f"{milliseconds // unit} {name}"
    return f"{milliseconds} ms" if milliseconds else "0 s"


def milliseconds(span: timedelta) -> int:
    """A span in the unit of the queue's times."""
    return span // timedelta(milliseconds=1)


def size(value: object) -> int:
    """Octets from a number or a text with a unit; MB is 1,000,000 and MiB 1,048,576. Raises ValueError."""
    number, unit = _quantity(value)
    factor = OCTETS.get(unit.lower() or "b")
    if factor is None:
        raise ValueError(f"{unit[:20]} is not a unit of size")
    return round(number * factor)


def size_text(octets: int) -> str:
    """The shortest whole form: 26214400 octets are "25 MiB"."""
    for name, factor in _SIZE_NAMES:
        if octets and octets % factor == 0:
            return f"{octets // factor} {name}"
    return f"{octets} B"


def _quantity(value: object) -> tuple[float, str]:
    """Number and unit; a whole number stays exact."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        if not 0 <= value < 1e15:  # keeps out NaN and the infinities too
            raise ValueError("out of range")
        return value, ""
    match = _QUANTITY.fullmatch(value.strip()) if isinstance(value, str) and len(value) <= MAX_TEXT else None
    if match is None:
        raise ValueError("not a number with a unit")
    digits, unit = match.groups()
    return float(digits) if "." in digits else int(digits), unit
