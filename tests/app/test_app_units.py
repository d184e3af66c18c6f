"""Durations and sizes are read as people write them."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailwright.app.settings import units

DURATIONS = [
    # text, seconds, because
    ("15 min", 900, "a unit after a blank"),
    ("15min", 900, "the blank may be missing"),
    ("5 d", 432_000, "days"),
    ("1 h", 3600, "hours"),
    ("1 hour", 3600, "a long name"),
    ("2 hours", 7200, "a plural"),
    ("90 s", 90, "seconds"),
    ("1.5 h", 5400, "a fraction"),
    ("250 ms", 0.25, "milliseconds, whose s is no plural"),
    ("2 W", 1_209_600, "capitals"),
    (" 1 d ", 86_400, "blanks around it"),
    ("30", 30, "no unit is seconds, as from a variable"),
    (30, 30, "a number is seconds"),
    (0.5, 0.5, "a fraction of a second"),
]
SIZES = [
    ("25 MB", 25_000_000, "MB is a million octets (IEC 80000-13)"),
    ("25 MiB", 26_214_400, "MiB is 2^20"),
    ("256KiB", 262_144, "without a blank"),
    ("1.5 mib", 1_572_864, "small letters, a fraction"),
    ("1 GB", 10**9, "GB"),
    ("12 B", 12, "octets"),
    (26_214_400, 26_214_400, "a number is octets"),
]
NEITHER = [
    ("", "nothing"),
    ("min", "no number"),
    ("5 parsecs", "no such unit"),
    ("-5 min", "nothing lasts less than nothing"),
    ("5 min 3 s", "one number, one unit"),
    ("1e9", "no exponents"),
    ("٣ min", "digits of ASCII only"),
    ("9" * 40, "too long to be meant"),
    (True, "a boolean is no number"),
    (None, "nothing at all"),
    (float("nan"), "not a number"),
    (float("inf"), "for ever"),
    (-1, "negative"),
]


@pytest.mark.parametrize("given_text,seconds,because", DURATIONS, ids=str)
def test_duration(given_text: object, seconds: float, because: str) -> None:
    assert units.duration(given_text) == timedelta(seconds=seconds), because


@pytest.mark.parametrize("given_text,octets,because", SIZES, ids=str)
def test_size(given_text: object, octets: int, because: str) -> None:
    assert units.size(given_text) == octets, because


@pytest.mark.parametrize("given_text,because", NEITHER, ids=str)
def test_neither(given_text: object, because: str) -> None:
    with pytest.raises(ValueError):
        units.duration(given_text)
    with pytest.raises(ValueError):
        units.size(given_text)


def test_far_too_long_is_refused_and_not_an_overflow() -> None:
    with pytest.raises(ValueError):
        units.duration("999999999999 w")


@given(st.integers(0, 10**12))
def test_duration_text_reads_back(milliseconds: int) -> None:
    span = timedelta(milliseconds=milliseconds)
    assert units.duration(units.duration_text(span)) == span
    assert units.milliseconds(span) == milliseconds


@given(st.integers(0, 2**40))
def test_size_text_reads_back(octets: int) -> None:
    assert units.size(units.size_text(octets)) == octets


@given(st.text(max_size=40))
def test_no_text_raises_anything_else(text: str) -> None:
    for reader in (units.duration, units.size):
        try:
            reader(text)
        except ValueError:
            pass
