"""Every finding that the code can make has its page, and every page its finding."""

import ast
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SRC = ROOT / "src" / "mailwright"
TREES = {path.relative_to(SRC).as_posix(): ast.parse(path.read_text("utf-8")) for path in sorted(SRC.rglob("*.py"))}
FINDINGS = ROOT / "docs" / "findings"
PAGES = {path.stem: path.read_text("utf-8") for path in FINDINGS.glob("*.md")}
FAMILY = "replies"  # one page for the meanings of replies: a table, as their source is
REPLIES = tomllib.loads((SRC / "explain" / "replies.toml").read_text("utf-8"))


def takes_a_code(node: ast.AST) -> bool:
    """Whether it is a function or class whose first argument is the code of a finding."""
    if isinstance(node, ast.ClassDef):
        return next((ast.unparse(one) for one in node.body if isinstance(one, ast.AnnAssign)), "") == "code: str"
    if isinstance(node, ast.FunctionDef):
        return next((ast.unparse(one) for one in node.args.args if one.arg != "self"), "") == "code: str"
    return False


DEFINED = {file: {node.name for node in ast.walk(tree) if takes_a_code(node)} for file, tree in TREES.items()}  # type: ignore[attr-defined]


@cache
def imports(file: str) -> list[tuple[str, str]]:
    """What a file imports from our own code, and from which file."""
    found: list[tuple[str, str]] = []
    for node in ast.walk(TREES[file]):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("mailwright."):
            path = node.module.removeprefix("mailwright.").replace(".", "/")
            source = f"{path}.py" if f"{path}.py" in TREES else f"{path}/__init__.py"
            found.extend((one.name, source) for one in node.names if source != file)
    return found


def makes_a_code(name: str, file: str) -> bool:
    """Whether what a file has under a name, perhaps handed on from another, takes a code."""
    return name in DEFINED[file] or any(makes_a_code(name, source) for known, source in imports(file) if known == name)


def makers(file: str) -> set[str]:
    """The names by which this file can make a code."""
    return DEFINED[file] | {name for name, source in imports(file) if makes_a_code(name, source)}


def calls(file: str, names: set[str]) -> Iterator[ast.expr]:
    """The first argument of each call, by the bare name, by `words` or by `self`; a logger's `error` is another thing."""
    for node in ast.walk(TREES[file]):
        if not isinstance(node, ast.Call) or not (node.args or any(one.arg == "code" for one in node.keywords)):
            continue  # also one that is made from a finding's fields (**), whose code is another's
        called = node.func.attr if isinstance(node.func, ast.Attribute) else ast.unparse(node.func)
        if called in names and ast.unparse(node.func) in {called, f"self.{called}", f"words.{called}"}:
            yield next((one.value for one in node.keywords if one.arg == "code"), None) or node.args[0]


def words(code: ast.expr) -> set[str] | None:
    """The codes that stand in the source; None where it is put together."""
    if isinstance(code, ast.IfExp):
        one, other = words(code.body), words(code.orelse)
        return None if one is None or other is None else one | other
    return {code.value} if isinstance(code, ast.Constant) and isinstance(code.value, str) else None


def written(file: str, names: set[str]) -> set[str]:
    return set().union(*(words(code) or set() for code in calls(file, names)))


def keys_of(file: str, table: str) -> set[str]:
    tree = next(node for node in TREES[file].body if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == table)
    assert isinstance(tree.value, ast.Dict)
    return {key.value for key in tree.value.keys if isinstance(key, ast.Constant) and isinstance(key.value, str)}


PUT_TOGETHER = {  # where a code is not a word in the source: the codes that come about there
    ("explain/replies.py", "f'reply-{reason.code}'"): {f"reply-{reason}" for reason in REPLIES["reasons"]},
    ("net/smtp_out.py", "f'connect-{failed.cause}'"): {f"connect-{cause}" for cause in written("net/dial.py", {"Failed"})},
    ("smtp/words.py", "f'{step}-refused'"): {f"{step}-refused" for step in written("smtp/client.py", {"refused"})},
    ("auth/arc/words.py", "code"): keys_of("auth/arc/words.py", "WORDS"),
    ("auth/dkim/words.py", "code"): keys_of("auth/dkim/words.py", "WORDS"),
    ("message/headers.py", "code"): keys_of("message/headers.py", "_SAID"),
    # Handed on: each of these came from a call that has the word.
    ("auth/arc/verdict.py", "self.code"): set(),
    ("auth/dkim/published.py", "fault.code"): set(),
    ("auth/dkim/verdict.py", "self.code"): set(),
    ("smtp/words.py", "found.code"): set(),
    ("smtp/replies.py", "code"): set(),
    ("message/author.py", "code"): set(),
    ("routing/mx_words.py", "self.code"): set(),
    ("values/finding.py", "code"): set(),
    ("explain/replies.py", "code"): set(),
}
IN_THE_TABLE = PUT_TOGETHER["explain/replies.py", "f'reply-{reason.code}'"]
CODES = set().union(*(written(file, makers(file)) for file in TREES), *PUT_TOGETHER.values())


def test_all_ways_to_make_a_code_are_known() -> None:
    made = {(file, ast.unparse(code)) for file in TREES for code in calls(file, makers(file)) if words(code) is None}
    assert made == set(PUT_TOGETHER)
    assert len(CODES) > 80


def test_every_code_has_its_page() -> None:
    assert sorted(CODES - IN_THE_TABLE - set(PAGES)) == []


def test_every_page_has_its_code() -> None:
    assert sorted(set(PAGES) - CODES - {FAMILY}) == []


def test_the_table_of_replies_is_what_is_known_of_them() -> None:
    rows = re.findall(r"^\| (reply-[a-z-]+) \|.*\| (yes|no) \| (yes|no) \| ([^|]+) \|$", PAGES[FAMILY], re.MULTILINE)
    flag = {True: "yes", False: "no"}
    said = {f"reply-{code}": one for code, one in REPLIES["reasons"].items()}
    assert sorted(rows) == sorted((code, flag[one["hard"]], flag[one["suppress"]], one["what"]) for code, one in said.items())


@pytest.mark.parametrize("code", sorted(set(PAGES) - {FAMILY}))
def test_a_page_tells_its_code_what_it_means_and_what_to_do(code: str) -> None:
    page = PAGES[code]
    assert page.startswith(f"# {code}\n") or f"\n`{code}`\n" in page
    assert ("**Why.**" in page and "**Do.**" in page) or ("## Why it matters" in page and "## What to do" in page)
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)+", code)
