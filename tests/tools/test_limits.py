"""The limits checker: source texts in, findings out."""

import textwrap
from pathlib import Path

import pytest

from tools.limits import MAX_FILE, MAX_FUNCTION, folder_findings, main, source_findings
from tools.limits import test_findings as findings_in_test


def found(text: str, path: str = "src/mailwright/room.py") -> list[str]:
    return [str(excess) for excess in source_findings(path, textwrap.dedent(text).lstrip("\n"))]


def found_in_test(text: str) -> list[str]:
    return [str(excess) for excess in findings_in_test("tests/test_x.py", textwrap.dedent(text).lstrip("\n"))]


def a_function(lines: int, extra: str = "") -> str:
    return "def settle():\n" + extra + "".join(f"    x{n} = {n}\n" for n in range(lines))


LENGTHS = [
    (a_function(MAX_FUNCTION), [], "just fits"),
    (
        a_function(MAX_FUNCTION + 1),
        ["src/mailwright/room.py:1: function settle has 41 lines of logic; 40 are allowed"],
        "one line too many",
    ),
    (a_function(MAX_FUNCTION, '    """Says\n    what.\n    """\n'), [], "a docstring is no logic"),
    (a_function(MAX_FUNCTION, "    # why\n\n    # because\n"), [], "comments and blank lines are no logic"),
    (
        a_function(MAX_FUNCTION - 1, "    call(\n        1,\n    )\n"),
        ["src/mailwright/room.py:1: function settle has 42 lines of logic; 40 are allowed"],
        "a call over three lines counts as three",
    ),
    (
        a_function(MAX_FUNCTION, "    @cached\n    def inner():\n        return 1\n"),
        [],
        "a function inside counts for itself, with its decorators",
    ),
    (
        "def outer():\n" + textwrap.indent(a_function(MAX_FUNCTION + 2), "    "),
        ["src/mailwright/room.py:2: function settle has 42 lines of logic; 40 are allowed"],
        "the inner one is the one that is too long",
    ),
    (
        'def settle():\n    return """' + "\n" * (MAX_FUNCTION + 1) + '"""\n',
        ["src/mailwright/room.py:1: function settle has 42 lines of logic; 40 are allowed"],
        "a long text inside a function is still to be read there",
    ),
    ("x = 1\n" * MAX_FILE, [], "a file that just fits"),
    ("x = 1\n" * (MAX_FILE + 1), ["src/mailwright/room.py:1: the file has 401 lines; 400 are allowed"], "a file too long"),
]


@pytest.mark.parametrize(("text", "expected", "because"), LENGTHS, ids=[row[2] for row in LENGTHS])
def test_length(text: str, expected: list[str], because: str) -> None:
    assert found(text) == expected, because


NESTINGS = [
    (
        """
        def f(a):
            for b in a:
                if b:
                    with b:
                        use(b)
        """,
        [],
        "three deep",
    ),
    (
        """
        def f(a):
            for b in a:
                if b:
                    with b:
                        while b:
                            for c in b:
                                use(c)
        """,
        ["src/mailwright/room.py:5: blocks are nested 4 deep; 3 are allowed"],
        "told once, where it begins",
    ),
    (
        """
        def f(a):
            for b in a:
                try:
                    if b == 1:
                        one()
                    elif b == 2:
                        two()
                    elif b == 3:
                        three()
                    else:
                        other()
                finally:
                    end()
        """,
        [],
        "elif and else stand beside their if",
    ),
    (
        """
        def f(a):
            for b in a:
                try:
                    if b == 1:
                        one()
                    else:
                        if b == 2:
                            two()
                finally:
                    end()
        """,
        ["src/mailwright/room.py:7: blocks are nested 4 deep; 3 are allowed"],
        "an if inside an else is one deeper",
    ),
    (
        """
        def f(a):
            for b in a:
                match b:
                    case 1:
                        if a:
                            one()
        """,
        [],
        "match deepens once, its cases do not",
    ),
    (
        """
        def f(a):
            for b in a:
                try:
                    one()
                except OSError:
                    if b:
                        async_with = [c for c in b if c]
                        while b:
                            two()
        """,
        ["src/mailwright/room.py:8: blocks are nested 4 deep; 3 are allowed"],
        "handlers are inside their try; comprehensions are not counted",
    ),
    (
        """
        def f(a):
            for b in a:
                if b:
                    with b:
                        def g():
                            if b:
                                one()
        """,
        [],
        "a function inside begins anew",
    ),
    (
        """
        for a in b:
            for c in a:
                for d in c:
                    for e in d:
                        use(e)
        """,
        ["src/mailwright/room.py:4: blocks are nested 4 deep; 3 are allowed"],
        "also outside functions",
    ),
]


@pytest.mark.parametrize(("text", "expected", "because"), NESTINGS, ids=[row[2] for row in NESTINGS])
def test_nesting(text: str, expected: list[str], because: str) -> None:
    assert found(text) == expected, because


NAMES = [
    ("def get_reply(): ...", "get_reply is a name that says little: no name begins with get_; a verb of the trade is allowed"),
    (
        "def _handle_it(): ...",
        "_handle_it is a name that says little: no name begins with handle_; a verb of the trade is allowed",
    ),
    (
        "class QueueManager: ...",
        "QueueManager is a name that says little: no name has the word Manager; what it holds or does is allowed",
    ),
    (
        "def common_part(): ...",
        "common_part is a name that says little: no name has the word common; what it holds or does is allowed",
    ),
]


@pytest.mark.parametrize(("text", "expected"), NAMES)
def test_names(text: str, expected: str) -> None:
    assert found(text) == [f"src/mailwright/room.py:1: {expected}"]


@pytest.mark.parametrize(
    "text", ["def forget_it(): ...", "def uncommon(): ...", "class Handled: ...", "def undo_all(): ...", "def __get_it__(): ..."]
)
def test_names_that_only_look_like_it(text: str) -> None:
    assert found(text) == []


def test_a_module_named_utils() -> None:
    assert found("", "src/mail_utils.py") == [
        "src/mail_utils.py:1: the file is named mail_utils: no name has the word utils; what it holds or does is allowed"
    ]


PATCHED = "patches a module of ours; arguments are allowed: hand in what shall differ"
MOCKS = [
    ("import unittest.mock", ["imports unittest.mock; real peers are allowed"]),
    ("from unittest import mock", ["imports unittest.mock; real peers are allowed"]),
    ("from unittest.mock import patch", ["imports unittest.mock; real peers are allowed"]),
    ("import mock", ["imports mock; real peers are allowed"]),
    ("def test_it(mocker): ...", ["test_it takes a mocker; real peers are allowed"]),
    ("monkeypatch.setattr('mailwright.net.dial.connect', no)", [PATCHED]),
    ("from mailwright.net import dial\nmonkeypatch.setattr(dial, 'connect', no)", [PATCHED]),
    ("import mailwright.net\nmonkeypatch.delattr(mailwright.net.dial, 'connect')", [PATCHED]),
    ("from mailwright.routing import KINDS\nmonkeypatch.setitem(KINDS, 'x', no)", [PATCHED]),
    ("import unittest", []),
    ("monkeypatch.setenv('MAILWRIGHT_X', '1')", []),
    ("import os\nmonkeypatch.setattr(os, 'umask', no)", []),
    ("setattr(mailwright, 'x', 1)", []),
]


@pytest.mark.parametrize(("text", "expected"), MOCKS)
def test_mocks(text: str, expected: list[str]) -> None:
    assert [line.split(": ", 1)[1] for line in found_in_test(text)] == expected


def test_a_folder_without_init_is_not_seen_by_import_linter() -> None:
    paths = ["src/mailwright/__init__.py", "src/mailwright/app/wiring.py", "src/mailwright/smtp/__init__.py"]
    assert [str(excess) for excess in folder_findings(paths)] == [
        "src/mailwright/app:1: no __init__.py; one is needed, or the arrows are not checked"
    ]


def test_the_whole_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "src" / "mailwright").mkdir(parents=True)
    (tmp_path / "tests").mkdir()
    (tmp_path / "src" / "mailwright" / "__init__.py").write_text("x = 1\n")
    assert main(tmp_path) == 0
    (tmp_path / "tests" / "test_bad.py").write_text("import unittest.mock\n")
    assert main(tmp_path) == 1
    assert capsys.readouterr().out == "tests/test_bad.py:1: imports unittest.mock; real peers are allowed\n"
