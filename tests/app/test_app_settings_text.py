"""The file of `mailwright init` and docs/settings.md say what the models say."""

from pathlib import Path

import pytest

from mailwright.app.settings import load
from mailwright.app.settings.load import defaults
from mailwright.app.settings.model import Settings, Table
from mailwright.app.settings.page import page
from mailwright.app.settings.sources import line_numbers
from mailwright.app.settings.text import commented_file, uncommented

DOCS = Path(__file__).parents[2] / "docs"


def name() -> str:
    return "host.example.org"


@pytest.mark.parametrize("change", [str, uncommented], ids=["all commented", "all uncommented"])
def test_the_file_gives_the_defaults(tmp_path: Path, change: type[str]) -> None:
    path = tmp_path / "mailwright.toml"
    wanted = defaults(path, name=name)
    path.write_text(change(commented_file(path, name=name)), encoding="utf-8")
    assert load(path, {}, name=name) == wanted


def test_the_uncommented_file_sets_every_key(tmp_path: Path) -> None:
    text = uncommented(commented_file(tmp_path / "mailwright.toml", name=name))
    keys = {path[-1] for path in line_numbers(text)}
    for field, info in Settings.model_fields.items():
        row = info.annotation
        wanted = list(row.model_fields) if isinstance(row, type) and issubclass(row, Table) else [field]
        if field not in ("outbound", "route", "subsystems", "listen"):
            assert keys.issuperset(wanted), field
    assert {("listen", 1, "tls"), ("subsystems", "password", "secret")} <= line_numbers(text).keys()


def test_the_file_is_made_to_be_read(tmp_path: Path) -> None:
    text = commented_file(tmp_path / "mailwright.toml", name=name)
    assert str(tmp_path) not in text  # the file can move with its data
    assert all(len(line) <= 110 for line in text.splitlines())
    assert text.endswith("\n")
    for word in ("[[route]]", "[[outbound]]", "trusted", "MAILWRIGHT_"):
        assert word in text


def test_every_key_says_what_it_means() -> None:
    def told(table: type[Table]) -> None:
        for field, info in table.model_fields.items():
            inner = info.annotation
            if isinstance(inner, type) and issubclass(inner, Table):
                assert inner.__doc__, field
                told(inner)
            elif table is not Settings or info.metadata:
                assert (info.description or "").endswith("."), f"{table.__name__}.{field}"

    told(Settings)


def test_the_page_is_fresh() -> None:
    told = "docs/settings.md is stale. Write it anew: python -m mailwright.app.settings.page > docs/settings.md"
    assert (DOCS / "settings.md").read_text(encoding="utf-8") == page(), told


def test_lines_are_found_in_awkward_files() -> None:
    text = '# a = 1\na = 1\n\n[x."y.z"]\n"k=v" = 2\nb.c = 3\n[[l]]\np = """\nq\n"""\n[[l]]\np = 4 # [no]\n[l.sub]\nr = 1\n'
    lines = line_numbers(text)
    assert lines[("a",)] == 2
    assert lines[("x", "y.z")] == 4
    assert lines[("x", "y.z", "b", "c")] == 6
    assert (lines[("l", 0)], lines[("l", 1)], lines[("l", 0, "p")], lines[("l", 1, "p")]) == (7, 11, 8, 12)
