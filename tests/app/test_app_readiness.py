"""What /readyz tells."""

from pathlib import Path
from typing import Any

import pytest

from mailwright.app.readiness import hindrances

FINE: dict[str, Any] = {"store_answers": True, "worker_lost": False, "vault_opens": True, "listeners": 2}
WRONG = [
    ({}, []),
    ({"store_answers": False}, ["store-silent"]),
    ({"worker_lost": True}, ["worker-declared-dead"]),
    ({"vault_opens": False}, ["vault-closed"]),
    ({"listeners": 0}, ["nothing-listens"]),
    ({"store_answers": False, "listeners": 0}, ["store-silent", "nothing-listens"]),
]


@pytest.mark.parametrize("wrong,codes", WRONG, ids=str)
def test_hindrances(wrong: dict[str, Any], codes: list[str]) -> None:
    found = list(hindrances(**{**FINE, **wrong}, data=Path("/nowhere/at/all")))
    assert [finding.code for finding in found] == codes
    assert all(finding.why and finding.do for finding in found)


def test_a_small_disk_is_told() -> None:
    proc = Path("/proc")  # a file system without any room
    if not proc.is_dir():
        pytest.skip("this system has no /proc")
    assert [finding.code for finding in hindrances(**FINE, data=proc)] == ["disk-full"]
