"""The DMARC cases of an outside suite: discovery, alignment and tags of RFC 9989."""

from typing import Any

import pytest

from tests.auth.dmarc_suite import CASES, SUITE, evaluate, expected, right, value


def test_the_suite_is_here() -> None:
    if not CASES:
        pytest.skip(
            f"the DMARC cases ({SUITE.name} in ../shared/suites/dmarc) are not here; dmarc_cases.txt holds the same rules"
        )
    assert len(CASES) >= 27


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_case(case: dict[str, Any]) -> None:
    ran = [evaluate(case["name"], call) for call in case["calls"]]
    for number, expect in expected(case):
        found = value(expect["path"], *ran[number])
        assert right(expect, found), (expect, found)
