"""The ValiMail suite of ARC chains: each verdict must be the one that it names."""

import pytest

from mailwright.auth.arc.verify import verify_arc
from tests.auth import arc_suite

CASES = list(arc_suite.cases())


@pytest.mark.skipif(not CASES, reason=f"The ARC suite is not there: {arc_suite.SUITE.name} in ../shared/suites/arc/tests.")
def test_the_suite_is_whole() -> None:
    assert len(CASES) == arc_suite.COUNT


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_suite(case: arc_suite.Case) -> None:
    verdict = case.zone.run(verify_arc(case.mail))
    assert verdict.result == case.result, (case.name, verdict.reason)
