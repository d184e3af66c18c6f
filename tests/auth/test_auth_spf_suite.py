"""SPF against the openspf test suite for RFC 7208, explanations included."""

import pytest

from mailwright import auth
from tests.auth import spf_suite

CASES = list(spf_suite.cases())
DEFAULT = "DEFAULT"  # the suite's word for the explanation that a receiver makes itself: ours is ""


@pytest.mark.skipif(not CASES, reason="the openspf suite is not here: put it at ../shared/suites/spf/rfc7208-tests.yml")
def test_the_suite_is_whole() -> None:
    assert len(CASES) >= 203


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_a_case_of_the_suite(case: spf_suite.Case) -> None:
    verdict = case.zone.run(auth.check_spf(ip=case.ip, helo=case.helo, mail_from=case.mail_from))
    assert verdict.result in case.results
    if case.explanation is not None:
        assert (verdict.explanation or DEFAULT) == case.explanation
