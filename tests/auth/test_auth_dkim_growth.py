"""Time grows with the octets and no faster: calls are counted for an input and one twice as large, no clock is read."""

import sys
from collections.abc import Callable
from types import FrameType

import pytest

from mailwright.auth import public_record, sign_dkim, verify_dkim
from mailwright.dns import Zone
from tests.auth.odd_dkim import BODY, HEAD, TAGS, Mail, a_key

ZONE = Zone.of({"s._domainkey.example.com": {"TXT": public_record(a_key("rsa-sha256"))}})
SLACK = 2.2  # twice the input may cost twice the calls, and a little for what is done once


def calls(raw: bytes) -> int:
    """How many functions, ours and built-in, a verification calls."""
    count = 0

    def counted(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal count
        count += event in {"call", "c_call"}

    sys.setprofile(counted)
    try:
        ZONE.run(verify_dkim(raw))
    finally:
        sys.setprofile(None)
    return count


def spaces(size: int) -> bytes:
    mail = HEAD + b"X:" + b" " * size + b"x\r\n\r\na" + b" " * size + b"b\r\n"
    return sign_dkim(mail, a_key("rsa-sha256")) + mail


def signed_spaces(size: int) -> bytes:
    return Mail(head=b"Subject:" + b" \t" * (size // 2) + b"x\r\n" + HEAD).octets()


def fields(size: int) -> bytes:
    return Mail(head=b"X-A: b\r\n" * size + HEAD).octets()


def signed_fields(size: int) -> bytes:
    return Mail(tags=TAGS + ":x-a" * 100, head=b"X-A: b\r\n" * size + HEAD).octets()


def signatures(size: int) -> bytes:
    return Mail().field() * size + HEAD + b"\r\n" + BODY


def bad_signatures(size: int) -> bytes:
    return b"DKIM-Signature: v=1\r\n" * size + HEAD + b"\r\n" + BODY


def tags(size: int) -> bytes:
    return Mail(tags=TAGS + "".join(f"; t{n}=x" for n in range(size))).octets()


def long_tag(size: int) -> bytes:
    return Mail(tags=TAGS + "; z=" + "=20" * (size // 3)).octets()


def identity(size: int) -> bytes:
    return Mail(tags=TAGS + "; i=" + "=41" * (size // 3) + "@example.com").octets()


def folds(size: int) -> bytes:
    return Mail(head=b"Subject:" + b"\r\n x" * size + b"\r\n" + HEAD).octets()


def empty_lines(size: int) -> bytes:
    mail = HEAD + b"\r\n" + b"\r\n" * size + b"x" + b" \r\n" * size
    return sign_dkim(mail, a_key("rsa-sha256")) + mail


@pytest.mark.parametrize(
    "shape, size",
    [
        (spaces, 64 * 1024),
        (spaces, 1024 * 1024),
        (signed_spaces, 512 * 1024),
        (fields, 10_000),
        (signed_fields, 10_000),
        (signatures, 1_000),
        (bad_signatures, 1_000),
        (tags, 3_000),
        (tags, 12_000),
        (long_tag, 50_000),
        (identity, 30_000),
        (folds, 50_000),
        (empty_lines, 200_000),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_calls_grow_no_faster_than_the_mail(shape: Callable[[int], bytes], size: int) -> None:
    calls(shape(size))  # what is cached is cached in both
    once, twice = calls(shape(size)), calls(shape(2 * size))
    assert twice <= SLACK * once + 50


@pytest.mark.parametrize("size", [64 * 1024, 1024 * 1024])
def test_spaces_cost_few_calls(size: int) -> None:
    """A call per 64 KiB and canonical step, not one per blank: dkimpy needs 3.3 s for the smaller of these."""
    assert calls(spaces(size)) < 3_000


def test_large_inputs_are_verified_or_refused_and_never_dropped() -> None:
    assert ZONE.run(verify_dkim(fields(10_000)))[0].result == "pass"
    assert ZONE.run(verify_dkim(spaces(1024 * 1024)))[0].result == "pass"
    assert ZONE.run(verify_dkim(long_tag(100_000)))[0].code == "dkim-signature-too-long"
