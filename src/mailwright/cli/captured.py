"""Commands for mail that was captured instead of sent: list, read, export."""

import sys
from pathlib import Path

import click

from mailwright.cli.desk import Desk, Office
from mailwright.cli.screen import out, show_json, show_table, when, write_file
from mailwright.ports.store import Story
from mailwright.queue import State
from mailwright.values import Conflict
from mailwright.values.ids import id_number, id_text


@click.group()
def captured() -> None:
    """Mail that was kept instead of sent (delivery = "capture")."""


@captured.command("list")
@click.option("--account", metavar="NAME", help="Only this account's.")
@click.option("--limit", type=click.IntRange(1, 10_000), metavar="NUMBER", default=50, show_default=True, help="How many.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def list_captured(desk: Desk, account: str | None, limit: int, as_json: bool) -> None:
    """The newest captured mails."""

    async def work(office: Office) -> list[tuple[str, str, str, str, str]]:
        owner = (await office.storage.directory.account_named(account)).id if account else None
        found = await office.storage.store.messages(account=owner, state=State.CAPTURED, limit=limit)
        return [
            (id_text(mail.id), when(mail.created_at), mail.author, mail.subsystem, "(secret)" if mail.secret else mail.subject)
            for mail, _ in found
        ]

    heads, rows = ("id", "taken", "from", "subsystem", "subject"), desk.run(work)
    if as_json:
        show_json([dict(zip(heads, row, strict=True)) for row in rows])
    else:
        show_table(heads, rows, empty="Nothing was captured yet.")


@captured.command("export")
@click.argument("message", metavar="ID")
@click.option("--to", "file", type=click.Path(dir_okay=False, path_type=Path), help="A file (default: standard output).")
@click.pass_obj
def export(desk: Desk, message: str, file: Path | None) -> None:
    """The whole mail as it would have been sent.

    With its signature, as message/rfc822. `mailwright captured list` shows the ids.
    """

    async def work(office: Office) -> bytes:
        number = await office.storage.store.find(id_number(message), account=None)
        story = await office.storage.store.story(number, account=None)
        _may_be_shown(story)
        fields = b"".join(field for _, field in await office.storage.store.signatures(number))
        return fields + b"".join(office.storage.store.content(number))

    content = desk.run(work)
    if file is not None:
        write_file(file, content)
        out.print(f"{file} has {len(content)} bytes.")
    else:
        sys.stdout.buffer.write(content)


def _may_be_shown(story: Story) -> None:
    if story.message.secret:
        raise Conflict(
            f"The mail of the subsystem {story.message.subsystem} is secret: its text is never shown.",
            "For tests, give the subsystem secret = false in the settings before the mail is handed in.",
        )
    if not story.has_body:
        raise Conflict("The text of this mail was deleted: its time was up.", "The story remains: mailwright why ID")
    if all(delivery.state is not State.CAPTURED for delivery in story.deliveries):
        raise Conflict(f"{id_text(story.message.id)} was not captured.", "See what became of it: mailwright why ID")


COMMANDS = (captured,)
