"""Holds what no linter holds: the size and shape of files and functions, their names, and tests without mocks.

`python tools/limits.py` reads src/mailwright, clients and tests, prints one line per finding (path:line: what, how much, what is
allowed) and ends with 1 where there are any.
"""

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

MAX_FILE = 400  # lines; a reader holds one subject in mind
ALONE = {"clients/python/mailwright_client/__init__.py": 900}  # one file on purpose: applications may copy it as it is
MAX_FUNCTION = 40  # lines of logic: one screen, without docstring, comments and blank lines
MAX_NESTING = 3  # deeper than that, the conditions no longer fit in the head

_LOUD_PREFIXES = ("get_", "process_", "handle_", "do_")
_EMPTY_WORDS = frozenset({"manager", "helper", "helpers", "util", "utils", "common"})
_WORD = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])")
_NO_LOGIC = frozenset(
    {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENCODING, tokenize.ENDMARKER}
)
_MOCKS = ("unittest.mock", "mock", "pytest_mock")
_PATCHES = frozenset({"setattr", "delattr", "setitem", "delitem"})

_BLOCKS = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.With, ast.AsyncWith, ast.Try, ast.TryStar, ast.Match)
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True, order=True)
class Excess:
    """One place that is over a limit."""

    path: str
    line: int
    what: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.what}"


def source_findings(path: str, text: str) -> list[Excess]:
    """What is over the limits in one file of src."""
    tree = ast.parse(text, filename=path)
    found = [*_long_file(path, text), *_bad_names(path, tree), *_deep(path, tree)]
    logic = _logic_lines(text)
    for function in _functions(tree):
        lines = _lines_of_logic(function, logic)
        if lines > MAX_FUNCTION:
            what = f"function {function.name} has {lines} lines of logic; {MAX_FUNCTION} are allowed"
            found.append(Excess(path, function.lineno, what))
    return sorted(found)


def test_findings(path: str, text: str) -> list[Excess]:
    """Where one test file mocks, or patches our own modules."""
    tree = ast.parse(text, filename=path)
    ours = {name for node in ast.walk(tree) for name in _names_of_ours(node)}
    return sorted(
        Excess(path, node.lineno, what)
        for node in ast.walk(tree)
        if isinstance(node, (ast.Import, ast.ImportFrom, ast.Call, ast.FunctionDef, ast.AsyncFunctionDef))
        for what in _mocking(node, ours)
    )


def folder_findings(paths: Iterable[str]) -> list[Excess]:
    """Folders of src with modules but without an __init__.py: import-linter does not see what is in them."""
    folders = {str(Path(path).parent) for path in paths}
    packages = {str(Path(path).parent) for path in paths if Path(path).name == "__init__.py"}
    return [
        Excess(folder, 1, "no __init__.py; one is needed, or the arrows are not checked") for folder in sorted(folders - packages)
    ]


def _long_file(path: str, text: str) -> Iterator[Excess]:
    lines, most = text.count("\n"), ALONE.get(path, MAX_FILE)
    if lines > most:
        yield Excess(path, 1, f"the file has {lines} lines; {most} are allowed")


def _bad_names(path: str, tree: ast.Module) -> Iterator[Excess]:
    if objection := _objection(Path(path).stem):
        yield Excess(path, 1, f"the file is named {Path(path).stem}: {objection}")
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) and (objection := _objection(node.name)):
            yield Excess(path, node.lineno, f"{node.name} is a name that says little: {objection}")


def _objection(name: str) -> str:
    if name.startswith("__"):
        return ""  # named by the language or by a library
    prefix = next((prefix for prefix in _LOUD_PREFIXES if name.lstrip("_").startswith(prefix)), "")
    if prefix:
        return f"no name begins with {prefix}; a verb of the trade is allowed"
    word = next((word for word in _WORD.findall(name) if word.lower() in _EMPTY_WORDS), "")
    return f"no name has the word {word}; what it holds or does is allowed" if word else ""


def _deep(path: str, tree: ast.Module) -> Iterator[Excess]:
    """Blocks that are nested too deep, the outermost offender of each branch; a function begins anew at depth 0."""
    waiting: list[tuple[ast.AST, int]] = [(tree, 0)]
    while waiting:
        node, depth = waiting.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            depth = 0
        if isinstance(node, _BLOCKS):
            depth += 1
        if depth == MAX_NESTING + 1 and isinstance(node, _BLOCKS):
            yield Excess(path, node.lineno, f"blocks are nested {depth} deep; {MAX_NESTING} are allowed")
            continue
        waiting.extend((child, depth - 1 if _is_elif(node, child) else depth) for child in ast.iter_child_nodes(node))


def _is_elif(node: ast.AST, child: ast.AST) -> bool:
    """Whether `child` is written as `elif`: the same node as an `if` inside an `else`, but in the column of the first `if`."""
    if not (isinstance(node, ast.If) and isinstance(child, ast.If)):
        return False
    return node.orelse == [child] and child.col_offset == node.col_offset


def _functions(tree: ast.AST) -> Iterator[Function]:
    return (node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)))


def _logic_lines(text: str) -> set[int]:
    """The lines on which something stands that is neither a comment nor blank."""
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in _NO_LOGIC:
            lines.update(range(token.start[0], token.end[0] + 1))
    return lines


def _lines_of_logic(function: Function, logic: set[int]) -> int:
    """Lines of the body without its docstring; a function inside counts for itself."""
    body = function.body[1:] if ast.get_docstring(function, clean=False) is not None else function.body
    own = {line for statement in body for line in range(_first_line(statement), (statement.end_lineno or 0) + 1)} & logic
    for inner in _functions(function):
        if inner is not function:
            own -= set(range(_first_line(inner), (inner.end_lineno or 0) + 1))
    return len(own)


def _first_line(node: ast.stmt) -> int:
    decorators = node.decorator_list if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) else []
    return min([node.lineno, *(decorator.lineno for decorator in decorators)])


def _names_of_ours(node: ast.AST) -> Iterator[str]:
    """The names that an import of our package binds."""
    if isinstance(node, ast.ImportFrom) and _is_ours(node.module or ""):
        yield from (alias.asname or alias.name for alias in node.names)
    if isinstance(node, ast.Import):
        for alias in node.names:
            if _is_ours(alias.name):
                yield alias.asname or alias.name.partition(".")[0]


def _is_ours(module: str) -> bool:
    return module.partition(".")[0] == "mailwright"


def _mocking(node: ast.AST, ours: set[str]) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (f"imports {alias.name}; real peers are allowed" for alias in node.names if _is_mock(alias.name))
    elif isinstance(node, ast.ImportFrom):
        names = {f"{node.module}.{alias.name}" for alias in node.names} | {node.module or ""}
        yield from (f"imports {name}; real peers are allowed" for name in sorted(names) if name in _MOCKS)
    elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        if any(argument.arg == "mocker" for argument in node.args.args):
            yield f"{node.name} takes a mocker; real peers are allowed"
    elif isinstance(node, ast.Call) and _patches_ours(node, ours):
        yield "patches a module of ours; arguments are allowed: hand in what shall differ"


def _is_mock(module: str) -> bool:
    return any(module == mock or module.startswith(mock + ".") for mock in _MOCKS)


def _patches_ours(call: ast.Call, ours: set[str]) -> bool:
    if not (isinstance(call.func, ast.Attribute) and call.func.attr in _PATCHES and call.args):
        return False
    if not (isinstance(call.func.value, ast.Name) and "monkeypatch" in call.func.value.id):
        return False
    target = call.args[0]
    if isinstance(target, ast.Constant) and isinstance(target.value, str):
        return _is_ours(target.value)
    while isinstance(target, (ast.Attribute, ast.Subscript, ast.Call)):
        target = target.func if isinstance(target, ast.Call) else target.value
    return isinstance(target, ast.Name) and target.id in ours


def main(root: Path) -> int:
    """Check the project below `root`; the exit code."""
    sources = sorted([*(root / "src" / "mailwright").rglob("*.py"), *(root / "clients").rglob("*.py")])
    found = folder_findings([str(path.relative_to(root)) for path in sources])
    for path in sources:
        found += source_findings(str(path.relative_to(root)), path.read_text("utf-8"))
    for path in sorted((root / "tests").rglob("*.py")):
        found += test_findings(str(path.relative_to(root)), path.read_text("utf-8"))
    for excess in found:
        print(excess)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(Path(__file__).resolve().parent.parent))
