"""The targets of `make fuzz` hold for their own seeds and for all that was ever found; and nothing of auth is left out."""

import inspect
import re
from pathlib import Path

import pytest

from fuzz import targets
from fuzz.targets import TARGETS, Target
from mailwright import auth

PIECES = 150  # inputs of one target that are run here: `make fuzz` runs them all
NOT_FUZZED = {  # name, because
    "make_key": "reads nothing",
    "sign_headers": "sign_dkim is nothing but it",
    "read_mail": "sign_dkim begins with it",
    "judge_dmarc": "evaluate_dmarc and authenticate are nothing but it",
}
X448 = (
    b"-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VvBCIEIPmgHqJbmBJ4bYoY266oE06ua3i8jkGq8thAd7tip4sA\n-----END PRIVATE KEY-----\n"
)
FOUND = [  # target, input, because
    (
        "authenticate",
        b"192.0.2.1\x1cmx\x1ca@b.example\x1c dkim=pass header.d=bank.example\r\nFrom: a@b.example\r\n\r\n\x1c-",
        "a mail that begins with a continuation line added results to our own field",
    ),
    (
        "dkim-key",
        b"a.example\x1cs\x1c" + X448,
        "an X448 key cut short made the library raise what it never names",
    ),
    ("dkim-sign", b" x=y\r\nFrom: a@example.com\r\n\r\n", "such a line became part of our signature"),
]


@pytest.mark.parametrize("target", TARGETS, ids=[target.name for target in TARGETS])
def test_the_seeds_hold(target: Target) -> None:
    inputs = list(dict.fromkeys(target.seeds()))
    assert inputs
    for octets in inputs[:: max(1, len(inputs) // PIECES)]:
        target.run(octets)


@pytest.mark.parametrize("name, octets, because", FOUND, ids=[row[2] for row in FOUND])
def test_what_was_found_once_holds(name: str, octets: bytes, because: str) -> None:
    targets.named(name).run(octets)


def test_every_public_function_of_auth_is_fuzzed() -> None:
    public = {name for name, one in vars(auth).items() if callable(one) and not inspect.isclass(one)}
    used = set(re.findall(r"\bauth\.(\w+)\(", Path(targets.__file__).read_text("utf-8")))
    assert sorted(public - used - set(NOT_FUZZED)) == []


def test_names_are_there_once() -> None:
    names = [target.name for target in TARGETS]
    assert len(set(names)) == len(names)
