"""What the pages on running and on findings name does exist."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from mailwright.app import readiness
from mailwright.app.metrics import COUNTERS, PREFIX
from mailwright.app.settings import rules

ROOT = Path(__file__).parents[2]
SOURCES = (Path(rules.__file__), Path(readiness.__file__), ROOT / "src" / "mailwright" / "api" / "health.py")
RUNNING = (ROOT / "docs" / "running.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.name)
def test_every_finding_has_its_page(source: Path) -> None:
    codes = re.findall(r'(?:error|warning|note)\(\s*"([a-z0-9-]+)"', source.read_text(encoding="utf-8"))
    assert codes
    for code in codes:
        page = (ROOT / "docs" / "findings" / f"{code}.md").read_text(encoding="utf-8")
        assert f"`{code}`" in page
        assert "## What to do" in page


def test_the_counters_named_in_the_page_exist() -> None:
    named = re.findall(rf"{PREFIX}([a-z_]+)_total", RUNNING)
    assert named
    assert {name for name, _ in COUNTERS}.issuperset(named)


def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze is not installed: apt-get install systemd")
    text = RUNNING.partition("```ini\n")[2].partition("```")[0].replace("/opt/mailwright/bin/mailwright", "/bin/true")
    unit = tmp_path / "mailwright.service"
    unit.write_text(re.sub("^#(?=[A-Z])", "", text, flags=re.MULTILINE))  # the optional lines too
    verdict = subprocess.run(["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True, check=False)
    assert (verdict.returncode, [line for line in verdict.stderr.splitlines() if str(unit) in line]) == (0, [])
