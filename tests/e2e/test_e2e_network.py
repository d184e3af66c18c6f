"""The real way to an MX: port 25 of public addresses, in a network namespace where they are ours."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CASES = Path(__file__).with_name("network_cases.py")
ADDRESSES = ("93.184.215.14", "93.184.215.15", "93.184.215.20")


@pytest.mark.slow
def test_the_real_way_to_an_mx() -> None:
    if os.geteuid() != 0 or not shutil.which("unshare") or not shutil.which("ip"):
        pytest.skip("a network namespace needs root, unshare and ip: apt-get install util-linux iproute2")
    if subprocess.run(["unshare", "-n", "true"], check=False, capture_output=True).returncode:
        pytest.skip("this system does not let us make a network namespace")
    up = "; ".join(["ip link set lo up", *(f"ip addr add {address}/32 dev lo" for address in ADDRESSES)])
    pytest_again = f'exec "{sys.executable}" -m pytest -q -p no:cacheprovider "{CASES}"'
    done = subprocess.run(
        ["unshare", "-n", "sh", "-c", f"{up}; {pytest_again}"], capture_output=True, text=True, check=False, timeout=100,
        cwd=CASES.parents[2],
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout
