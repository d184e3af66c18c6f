"""What commands print: plain words on a terminal, JSON for programs."""

import json
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from mailwright.values import Finding, MailwrightError

if TYPE_CHECKING:
    from rich.console import Console

_FOR_PROGRAMS = 10_000  # columns where no terminal is: grep and cut want one line for each row


class _Screen:
    """A console that is made when something is first printed: a process that serves prints nothing."""

    def __init__(self, **how: Any) -> None:
        self._how = how
        self._console: Console | None = None

    def __getattr__(self, name: str) -> Any:
        if self._console is None:
            from rich.console import Console

            self._console = Console(
                highlight=False, emoji=False, soft_wrap=True, **self._how
            )  # ":a:" in an IPv6 address is no emoji
        return getattr(self._console, name)


out = cast("Console", _Screen(width=None if sys.stdout.isatty() else _FOR_PROGRAMS))
err = cast("Console", _Screen(stderr=True))


def escape(text: str) -> str:
    """Text of others, in which no bracket is markup."""
    from rich.markup import escape as escaped

    return escaped(text)


def show_fault(fault: MailwrightError) -> None:
    """What went wrong and what to do."""
    err.print(f"[red]{escape(str(fault))}[/red]")
    if fault.remedy:
        err.print(escape(fault.remedy))


def show_finding(finding: Finding) -> None:
    """A finding: what, why, do."""
    for part in (finding.what, finding.why, finding.do):
        if part:
            out.print(escape(part))


def show_table(heads: Sequence[str], rows: Iterable[Sequence[object]], *, empty: str) -> None:
    """Rows under heads, or a sentence where there are none."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for head in heads:
        table.add_column(head, overflow="fold")
    for row in rows:
        table.add_row(*(escape(str(cell)) for cell in row))
    if table.row_count:
        out.print(table)
    else:
        out.print(empty)


def write_file(file: Path, content: bytes) -> None:
    """Write a file that the person named. Raises MailwrightError where it cannot be written."""
    try:
        file.write_bytes(content)
    except OSError as fault:
        raise MailwrightError(
            f"{file} cannot be written: {fault.strerror}.", "Name a file in a folder that is there and that you may write to."
        ) from fault


def show_json(value: Any) -> None:
    """The same for programs. An octet that is no UTF-8, as records may have, becomes an escape from \\udc80 to \\udcff."""
    text = json.dumps(value, ensure_ascii=False, indent=2, default=str)
    out.print(text.encode("utf-8", "backslashreplace").decode(), markup=False)


def plain(text: str) -> str:
    """Text of others as a terminal may show it: nothing in it moves the cursor or changes the direction of reading."""
    return text if text.isprintable() else "".join([char if char.isprintable() else "\ufffd" for char in text])


def shown(address: tuple[str, int]) -> str:
    """An address and port as people write it."""
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def when(moment: int | None) -> str:
    """A time in milliseconds since 1970, for people, in UTC."""
    if not moment:
        return "-"
    return datetime.fromtimestamp(moment / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")


def ago(moment: int | None, now: int) -> str:
    """How long ago, in the largest fitting unit."""
    if not moment:
        return "-"
    return span(max(0, now - moment))


def span(milliseconds: int) -> str:
    """A length of time in words."""
    seconds = milliseconds // 1000
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
