"""The commented file that `mailwright init` writes, made from the models, so that it never goes stale."""

import textwrap
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

from pydantic.fields import FieldInfo

from mailwright.app.settings.faults import allowed_words, annotation_at, kind_of, type_at
from mailwright.app.settings.kinds import SQLITE, Database, toml
from mailwright.app.settings.load import defaults, own_name
from mailwright.app.settings.model import Settings, Table
from mailwright.app.settings.sources import FILE_NAME

WIDTH = 100  # columns of prose in the file
EXAMPLES = {
    "outbound": ('ip = "192.0.2.1"', 'ehlo = "mail.example.com"'),
    "route": ('domain = ["example.com", "*.site1.example"]', 'to = "10.0.0.5:2525"', 'tls = "none"'),
}
INTRODUCTION = """\
Mailwright: settings.

Every key stands here with its default: take away the # before it and change the value. \
Times are written "90 s", "15 min", "1 h", "5 d"; sizes "256 KiB" (1024 each) or "25 MB" (1000 each).

A variable wins over this file: MAILWRIGHT_HOSTNAME is hostname, MAILWRIGHT_QUEUE__LIFETIME is lifetime in [queue]. \
Settings are read once: start again after a change. What is wrong is told then, all of it at once."""


def commented_file(file: Path = Path(FILE_NAME), *, name: Callable[[], str] = own_name, data: Path | None = None) -> str:
    """What `mailwright init` writes to `file`: every key commented out, with the default that holds there.

    `data`, where it is given, is set: the file goes on with the mail and keys that lie in that folder.
    """
    seen = _seen_from(defaults(file, name=name, data=data), file.absolute().parent)
    lines = [*_prose(INTRODUCTION), ""]
    for key, field in Settings.model_fields.items():
        if kind_of(annotation_at((key,))) is not None:
            lines += _key((key,), field, getattr(seen, key), holds=data is not None and key == "data")
    for key in Settings.model_fields:
        if kind_of(annotation_at((key,))) is None:
            lines += ["", *_section(key, getattr(seen, key))]
    return "\n".join(lines).rstrip() + "\n"


def uncommented(text: str) -> str:
    """The same file with every key in force: a # directly before a key or header goes, prose stays."""
    lines = text.splitlines(keepends=True)
    return "".join(line[1:] if line[:1] == "#" and line[1:2] not in ("", " ", "\n") else line for line in lines)


def literal(annotation: Any, value: Any) -> str:
    """A value as TOML writes it, by its Kind; lists and inline tables by those of their items."""
    kind = kind_of(annotation)
    if kind is not None:
        return kind.write(value)
    if isinstance(value, Mapping):
        item = get_args(annotation)[1]
        pairs = ", ".join(f"{toml(str(key))} = {literal(item, each)}" for key, each in value.items())
        return f"{{ {pairs} }}" if pairs else "{}"
    return f"[{', '.join(literal(get_args(annotation)[0], each) for each in value)}]"


def _seen_from(settings: Settings, folder: Path) -> Settings:
    """With paths relative to the folder where they lie in it, so that the file can move with its data."""

    def near(path: Path) -> Path:
        return path.relative_to(folder) if path.is_relative_to(folder) else path

    changed: dict[str, Any] = {"data": near(settings.data), "keyring": near(settings.keyring)}
    if settings.database.engine == SQLITE:
        changed["database"] = Database(f"sqlite:///{near(Path(settings.database.url.removeprefix('sqlite:///')))}")
    return settings.model_copy(update=changed)


def _section(name: str, value: Any) -> Iterator[str]:
    """One table, or all tables of a list or of a family such as [subsystems.NAME]."""
    if isinstance(value, Table):
        yield f"[{name}]"
        yield from _prose(type(value).__doc__ or "")
        yield from _keys((name,), value, told=True)
    elif isinstance(value, Mapping):
        yield from _prose(_row_of(name).__doc__ or "")
        for n, (each, table) in enumerate(value.items()):
            yield f"[{name}.{each}]"
            yield from _keys((name, each), table, told=n == 0)
    else:
        yield from _rows(name, value)


def _rows(name: str, value: tuple[Table, ...]) -> Iterator[str]:
    yield from _prose(_row_of(name).__doc__ or "")
    if not value:
        yield from _wordy((name, 0), _row_of(name))
        yield "# For example:"
        yield from (f"#     {line}" for line in (f"[[{name}]]", *EXAMPLES[name]))
    for n, table in enumerate(value):
        yield f"#[[{name}]]"
        yield from _keys((name, n), table, told=n == 0)


def _row_of(name: str) -> type[Table]:
    row: type[Table] = type_at((name, 0)) or type_at((name, "each"))
    return row


def _keys(path: tuple[str | int, ...], table: Table, *, told: bool) -> Iterator[str]:
    """The keys of a table; what they mean is told in the first table of its sort."""
    yield from [""] if told else []
    for name, field in type(table).model_fields.items():
        value = getattr(table, name)
        if told:
            yield from _key((*path, name), field, value)
        else:
            yield f"#{name} = {literal(annotation_at((*path, name)), value)}"
    yield from [] if told else [""]


def _key(path: tuple[str | int, ...], field: FieldInfo, value: Any, *, holds: bool = False) -> Iterator[str]:
    yield from _meaning(path, field)
    yield f"{'' if holds else '#'}{path[-1]} = {literal(annotation_at(path), value)}"
    yield ""


def _wordy(path: tuple[str | int, ...], row: type[Table]) -> Iterator[str]:
    """The keys of a table of which there is none by default, in words only."""
    for name, field in row.model_fields.items():
        allowed = allowed_words(annotation_at((*path, name)))
        yield from _prose(f"{name}: {field.description} Allowed: {allowed}. {_default(path, name, field)}")


def _default(path: tuple[str | int, ...], name: str, field: FieldInfo) -> str:
    extra = field.json_schema_extra
    if isinstance(extra, dict):
        return f"Default: {extra['derived']}."
    if field.is_required():
        return "It has no default."
    return f"Default: {literal(annotation_at((*path, name)), field.default)}."


def _meaning(path: tuple[str | int, ...], field: FieldInfo) -> Iterator[str]:
    yield from _prose(field.description or "")
    yield from _prose(f"Allowed: {allowed_words(annotation_at(path))}.")
    extra = field.json_schema_extra
    if isinstance(extra, dict):
        yield from _prose(f"Default: {extra['derived']}.")


def _prose(text: str) -> Iterator[str]:
    for paragraph in text.split("\n"):
        lines = textwrap.wrap(paragraph, WIDTH - 2, break_on_hyphens=False)
        yield from (f"# {line}" for line in lines) if lines else ["#"]
