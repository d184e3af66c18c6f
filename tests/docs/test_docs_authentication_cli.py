"""The commands on the pages of `mailwright auth` and `mailwright spf` say what the pages say."""

import contextlib
import re
import shlex
from pathlib import Path

import pytest

from mailwright.cli import main

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGES = {name: (DOCS / name).read_text("utf-8") for name in ("authentication-cli.md", "domains/spf.md")}
BLOCKS = {name: re.findall(r"```(\w+)\n(.*?)```", page, re.DOTALL) for name, page in PAGES.items()}
RUNS = [(name, *text.split("\n", 1)) for name, blocks in BLOCKS.items() for kind, text in blocks if kind == "console"]


@pytest.mark.parametrize("page,line,expected", RUNS, ids=[line for _, line, _ in RUNS])
def test_the_page_shows_what_the_command_says(
    page: str, line: str, expected: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for kind, file in (("zone", "example.zone"), ("mail", "invoice.eml")):
        (tmp_path / file).write_text(next((text for known, text in BLOCKS[page] if known == kind), ""))
    command, _, rest = line.removeprefix("$ mailwright ").partition("; ")
    with contextlib.chdir(tmp_path), pytest.raises(SystemExit) as ended:
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

    assert [name for name in auth.commands if f"mailwright auth {name}" not in PAGES["authentication-cli.md"]] == []


def test_every_option_of_the_doctor_is_on_its_page() -> None:
    from mailwright.cli.spf import advise

    options = [option for parameter in advise.params for option in parameter.opts if option.startswith("--")]
    assert [option for option in options if f"`{option}" not in PAGES["domains/spf.md"]] == []
