"""The examples of an outside library, read and written by ours."""

import pytest

from mailwright.auth import read_results
from mailwright.values import Malformed
from tests.auth import authres_suite

HERE = pytest.mark.skipif(
    not authres_suite.SUITE.exists(),
    reason="the headers of authres are not here: put them at ../shared/suites/authres/authres-doctest.txt",
)


@HERE
def test_the_suite_is_whole() -> None:
    assert len(authres_suite.examples()) == 267


@HERE
def test_every_example() -> None:
    assert authres_suite.differences() == []


def test_where_ours_differs_from_that_library() -> None:
    """It refuses these; we read what is common in the wild, and refuse what cannot be understood."""
    address = read_results("mx.example; iprev=pass policy.iprev=2001:db8:40::2:2 (out.example); spf=none").results[0]
    assert address.value("policy", "iprev") == "2001:db8:40::2:2"
    untyped = read_results("mx.example; x-tls=pass version=TLSv1.2 bits=256").results[0]
    assert [one.name for one in untyped.properties] == ["version", "bits"]
    with pytest.raises(Malformed):
        read_results("mx.example; dkim=none header.d=none;mx.example; dmarc=none action=none header.from=a.example;")
