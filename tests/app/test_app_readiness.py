"""What /readyz tells."""

from pathlib import Path
from typing import Any

import pytest

from mailwright.app.readiness import hindrances
from mailwright.values import NoRoom, Unavailable

FINE: dict[str, Any] = {"store": None, "worker_unheard": False, "vault_opens": True, "listeners": 2}
WRONG = [
    ({}, []),
    ({"store": Unavailable("The database is locked.", "End the program that holds it.")}, ["store-silent"]),
    ({"store": NoRoom("The disk is full.", "Make room.")}, ["disk-full"]),
    ({"worker_unheard": True}, ["worker-not-heard"]),
    ({"vault_opens": False}, ["vault-closed"]),
    ({"listeners": 0}, ["nothing-listens"]),
    ({"store": NoRoom("The disk is full.", "Make room."), "listeners": 0}, ["disk-full", "nothing-listens"]),
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
