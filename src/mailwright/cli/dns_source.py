"""Where a command's DNS answers come from: the live DNS, a zone file, or either with some records replaced."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click

from mailwright.app.settings import Settings
from mailwright.app.wiring import resolver_of
from mailwright.dns import Asking, Cause, Zone, overlaid
from mailwright.dns.records import quoted
from mailwright.values import Malformed

T = TypeVar("T")
_TEXTS = ("TXT", "SPF")
_OWN_WORDS = {"NONE", "FAILS", *(f"FAILS {cause}" for cause in Cause)}  # of zone texts, never the text of a record


@dataclass(frozen=True, slots=True)
class DnsSource:
    """Answers askings: from `zone` alone, or from the live DNS where it is None; `published` replaces records of either.

    `words` says so to people.
    """

    zone: Zone | None
    published: Zone | None
    words: str

    def run(self, asking: Asking[T], settings: Callable[[], Settings]) -> T:
        """Drive an asking to its end. The settings are read only where the live DNS is asked."""
        if self.published is not None:
            asking = overlaid(asking, self.published)
        return asyncio.run(_live(asking, settings())) if self.zone is None else self.zone.run(asking)


def dns_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of every command that asks DNS; the command takes them as one argument, `source: DnsSource`."""

    @click.option(
        "--zone",
        type=click.Path(dir_okay=False, path_type=Path),
        metavar="FILE",
        help='Ask this zone file instead of the DNS: lines such as: example.com TXT "v=spf1 -all", or: example.com FAILS',
    )
    @click.option(
        "--overlay",
        type=click.Path(dir_okay=False, path_type=Path),
        metavar="FILE",
        help="Ask as if the records of this zone file were published in place of those that are.",
    )
    @click.option(
        "--with",
        "records",
        multiple=True,
        metavar='"NAME TYPE VALUE"',
        help='The same for one record, such as "_dmarc.example.com TXT v=DMARC1; p=reject"; may be repeated.',
    )
    @wraps(command)
    def asked(*args: Any, zone: Path | None, overlay: Path | None, records: tuple[str, ...], **values: Any) -> Any:
        return command(*args, source=read_source(zone, overlay, records), **values)

    return asked


def read_source(zone: Path | None, overlay: Path | None, records: Sequence[str]) -> DnsSource:
    """What the options say. Raises Malformed, which names the file or record and what is wrong in it."""
    asked = _read(zone)
    laid = [found for found in (_read(overlay), _record_lines(records)) if found is not None]
    words = "the live DNS" if zone is None else f"the zone file {zone}"
    if not laid:
        return DnsSource(asked, None, words)
    published = Zone(
        {key: kept for one in laid for key, kept in one.sets.items()},
        {key: cause for one in laid for key, cause in one.failing.items()},
    )
    replaced = [f"{name} {type}" for name, type in (*published.sets, *published.failing)]
    return DnsSource(asked, published, f"{words}, as if these were published: {', '.join(replaced)}")


async def _live(asking: Asking[T], settings: Settings) -> T:
    resolver = resolver_of(settings)
    try:
        return await resolver.run(asking)
    finally:
        await resolver.close()


def _read(file: Path | None) -> Zone | None:
    if file is None:
        return None
    try:
        text = file.read_text("utf-8", "surrogateescape")
    except OSError as fault:
        raise Malformed(f"{file} cannot be read: {fault.strerror}.", "Name a file with lines of a zone.") from fault
    try:
        return Zone.parse(text)
    except Malformed as fault:
        raise Malformed(f"{file}: {fault}", fault.remedy) from fault


def _record_lines(records: Sequence[str]) -> Zone | None:
    """Each record is read for itself first, so that a fault names it."""
    lines = [_line(record) for record in records]
    for record, line in zip(records, lines, strict=True):
        try:
            Zone.parse(line)
        except Malformed as fault:
            what = str(fault).removeprefix("Line 1: ")
            raise Malformed(f"--with {record!r:.100}: {what}", fault.remedy or 'Write it as "NAME TYPE VALUE".') from fault
    return Zone.parse("\n".join(lines)) if lines else None


def _line(record: str) -> str:
    """A zone line; the text of a TXT may stand without quotes, since a shell has eaten one pair already."""
    match record.split(None, 2):
        case [name, type, value] if type.upper() in _TEXTS and not value.startswith(('"', "(")) and value not in _OWN_WORDS:
            return f"{name} {type} {quoted(value.strip().encode('utf-8', 'surrogateescape'))}"
        case _:
            return record.strip()
