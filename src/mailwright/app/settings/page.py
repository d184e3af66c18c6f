"""docs/settings.md, made from the models: `python -m mailwright.app.settings.page > docs/settings.md`."""

import sys
from collections.abc import Iterator
from typing import Any

from pydantic.fields import FieldInfo

from mailwright.app.settings.faults import allowed_words, annotation_at, kind_of, type_at
from mailwright.app.settings.model import SUBSYSTEMS, Settings, Subsystem, Table
from mailwright.app.settings.text import literal

HEAD = """\
# Settings

Mailwright reads `mailwright.toml` once, at its start: the file named with `--config` or `$MAILWRIGHT_CONFIG`, else
`./mailwright.toml`, `~/.config/mailwright/mailwright.toml`, `/etc/mailwright/mailwright.toml`. Without any of them the
defaults hold. `mailwright init` writes a file with every key and its meaning.

Variables win over the file. Their name is the key's in capitals, with `__` between the parts:
`MAILWRIGHT_QUEUE__LIFETIME="2 d"`. Lists and tables are written as in TOML: `MAILWRIGHT_DNS__SERVERS='["127.0.0.1:53"]'`.

Times are written `"90 s"`, `"15 min"`, `"1 h"`, `"5 d"`; a bare number is seconds. Sizes are written `"256 KiB"` (1024
each) or `"25 MB"` (1000 each); a bare number is octets. Relative paths count from the folder of the file.

What is wrong is told at the start, all of it at once, with the line, the value and what is allowed. A password in
`database` is never shown.
"""
FOOT = """\
## Who may send without a login

`trusted` of a `[[listen]]` names the machines of your application. A range wider than /8 (IPv6: /32) is refused:
strangers would send in your name.

```toml
[[listen]]
address = "127.0.0.1:2525"
tls = "none"
trusted = { "127.0.0.1/32" = "acme" }
```

## Mail for a host of your own

A `[[route]]` is the only way past the MX, and the only way to a private address. The most exact pattern wins: a name,
then the nearest `"*.name"`, then `"*"`.

```toml
[[route]]
domain = ["example.com", "*.site1.example"]
to = "10.0.0.5:2525"
```
"""


def page() -> str:
    """The page as Markdown."""
    singles = [name for name in Settings.model_fields if kind_of(annotation_at((name,))) is not None]
    lines = [HEAD, "## General", "", *_table((), Settings, singles)]
    for name in Settings.model_fields:
        if name not in singles:
            lines += ["", *_section(name)]
    return "\n".join([*lines, "", FOOT])


def _section(name: str) -> Iterator[str]:
    wanted = type_at((name,))
    if isinstance(wanted, type) and issubclass(wanted, Table):
        yield from (f"## [{name}]", "", wanted.__doc__ or "", "", *_table((name,), wanted, list(wanted.model_fields)))
    elif name == "subsystems":
        yield from (
            f"## [{name}.NAME]",
            "",
            Subsystem.__doc__ or "",
            "",
            *_table((name, "NAME"), Subsystem, list(Subsystem.model_fields)),
        )
        yield from ("", *_built_in())
    else:
        row: type[Table] = type_at((name, 0))
        yield from (f"## [[{name}]]", "", row.__doc__ or "", "", *_table((name, 0), row, list(row.model_fields)))


def _table(path: tuple[str | int, ...], table: type[Table], names: list[str]) -> Iterator[str]:
    yield from ("| key | what it does | default | allowed |", "|---|---|---|---|")
    for name in names:
        field, annotation = table.model_fields[name], annotation_at((*path, name))
        cells = (f"`{name}`", _cell(field.description or ""), _default(annotation, field), _cell(allowed_words(annotation)))
        yield f"| {' | '.join(cells)} |"


def _default(annotation: Any, field: FieldInfo) -> str:
    extra = field.json_schema_extra
    if isinstance(extra, dict):
        return _cell(str(extra["derived"]))
    return "none, it must be set" if field.is_required() else f"`{literal(annotation, field.default)}`"


def _built_in() -> Iterator[str]:
    yield from ("Built in:", "", "| subsystem | priority | lifetime | secret |", "|---|---|---|---|")
    for name, table in SUBSYSTEMS.items():
        cells = [literal(annotation_at(("subsystems", name, key)), value) for key, value in table]
        yield f"| `{name}` | {' | '.join(f'`{cell}`' for cell in cells)} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*")


if __name__ == "__main__":
    sys.stdout.write(page())
