"""The commands on docs/authentication-cli.md say what the page says."""

import contextlib
import re
import shlex
from pathlib import Path

import pytest

from mailwright.cli import main

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "authentication-cli.md").read_text("utf-8")
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", PAGE, re.DOTALL)
RUNS = [text.split("\n", 1) for kind, text in BLOCKS if kind == "console"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for kind, file in (("zone", "example.zone"), ("mail", "invoice.eml")):
        (tmp_path / file).write_text(next(text for known, text in BLOCKS if known == kind))
    return tmp_path


@pytest.mark.parametrize("line,expected", RUNS, ids=[line for line, _ in RUNS])
def test_the_page_shows_what_the_command_says(folder: Path, capsys: pytest.CaptureFixture[str], line: str, expected: str) -> None:
    command, _, rest = line.removeprefix("$ mailwright ").partition("; ")
    with contextlib.chdir(folder), pytest.raises(SystemExit) as ended:
        main(shlex.split(command))
    said = [row.rstrip() for row in capsys.readouterr().out.splitlines()]
    if rest:
        said.append(str(ended.value.code))
    shown = expected.splitlines()
    if "..." in shown:
        cut = shown.index("...")
        assert (said[:cut], said[len(said) - len(shown) + cut + 1 :]) == (shown[:cut], shown[cut + 1 :])
    else:
        assert said == shown


def test_every_command_is_on_the_page() -> None:
    from mailwright.cli.auth import auth

    assert [name for name in auth.commands if f"mailwright auth {name}" not in PAGE] == []
