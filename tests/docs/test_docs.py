"""The pages say what is: their links lead somewhere, the map shows the rooms that there are, the picture is the table."""

import re
import tomllib
from pathlib import Path

import pytest

from mailwright.queue.life import NEXT

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
MAP = ROOT / "docs" / "ARCHITECTURE.md"
_LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_links_lead_somewhere(page: Path) -> None:
    links = [link for link in _LINK.findall(page.read_text("utf-8")) if "://" not in link]
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_every_page_is_in_the_index() -> None:
    index = (ROOT / "docs" / "README.md").read_text("utf-8")
    pages = [page.name for page in (ROOT / "docs").glob("*.md") if page.name != "README.md"]
    assert [name for name in pages if f"({name})" not in index] == []


def rooms_of_the_map() -> list[set[str]]:
    floors = re.findall(r"^\| \d+ \| ([^|]+) \|", MAP.read_text("utf-8"), re.MULTILINE)
    return [set(re.findall(r"`(\w+)`", floor)) for floor in floors]


def test_the_map_has_the_floors_of_the_layers_contract() -> None:
    layers = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"][0]["layers"]
    assert rooms_of_the_map() == [set(re.findall(r"\w+", layer)) for layer in layers]


def test_the_map_marks_the_rooms_that_are_not_built_yet() -> None:
    planned = set(re.findall(r"`(\w+)`\*", MAP.read_text("utf-8")))
    built = {path.parent.name for path in (ROOT / "src" / "mailwright").glob("*/*.py")}
    assert planned == set().union(*rooms_of_the_map()) - built


def test_the_picture_of_a_delivery_is_its_table() -> None:
    arrows = re.findall(r"^    (\w+) --> (\w+): (\w+)$", MAP.read_text("utf-8"), re.MULTILINE)
    assert {(before, event, after) for before, after, event in arrows} == {
        (before.name, event, after.name) for (before, event), after in NEXT.items()
    }


def test_the_help_of_make_fits_in_the_head() -> None:
    targets = re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    assert len(targets) <= 12
    assert {"run", "test", "check", "bench", "help"} <= set(targets)
