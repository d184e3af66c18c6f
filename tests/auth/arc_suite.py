"""The reader of the ValiMail suite of ARC chains."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from mailwright.dns import Zone

SUITE = Path(__file__).resolve().parents[3] / "shared" / "suites" / "arc" / "tests" / "arc-draft-validation-tests.yml"
COUNT = 171


@dataclass(frozen=True)
class Case:
    """A mail, the keys, and the verdict that is right."""

    name: str
    zone: Zone
    mail: bytes
    result: str


def cases() -> Iterator[Case]:
    """All cases of the suite, none where the folder is absent."""
    if not SUITE.exists():
        return
    for scenario in yaml.safe_load_all(SUITE.read_text("utf-8")):
        zone = Zone.of({name: {"TXT": [text]} for name, text in scenario["txt-records"].items()})
        for name, test in scenario["tests"].items():
            mail = test["message"].replace("\n", "\r\n").encode()
            yield Case(name, zone, mail, test["cv"].lower() or "fail")  # "": the chain had ended by cv=fail before
