"""The ValiMail suite of ARC chains: each verdict must be the one that it names."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from mailwright.auth.arc.verify import verify_arc
from mailwright.dns import Zone

SUITE = Path(__file__).resolve().parents[3] / "shared" / "suites" / "arc" / "tests" / "arc-draft-validation-tests.yml"
COUNT = 171


def cases() -> Iterator[tuple[str, Zone, bytes, str]]:
    if not SUITE.exists():
        return
    for scenario in yaml.safe_load_all(SUITE.read_text("utf-8")):
        zone = Zone.of({name: {"TXT": [text]} for name, text in scenario["txt-records"].items()})
        for name, test in scenario["tests"].items():
            mail = test["message"].replace("\n", "\r\n").encode()
            yield name, zone, mail, test["cv"].lower() or "fail"  # "": the chain had ended by cv=fail before


CASES = list(cases())


@pytest.mark.skipif(not CASES, reason=f"The ARC suite is not there: {SUITE.name} in ../shared/suites/arc/tests.")
def test_the_suite_is_whole() -> None:
    assert len(CASES) == COUNT


@pytest.mark.parametrize("name, zone, mail, expected", CASES, ids=[case[0] for case in CASES])
def test_suite(name: str, zone: Zone, mail: bytes, expected: str) -> None:
    verdict = zone.run(verify_arc(mail))
    assert verdict.result == expected, (name, verdict.reason)
