"""The command that follows what happens, as it happens."""

import asyncio
import json
from collections.abc import AsyncIterator

import click
from rich.markup import escape

from mailwright.app.knowledge import replies
from mailwright.app.tail import PAGE, TICK
from mailwright.cli.desk import Desk, Office
from mailwright.cli.screen import out, plain, when
from mailwright.cli.webhooks import span
from mailwright.values.ids import id_number, id_text, least_id
from mailwright.webhooks import Happened, payload, type_for
from mailwright.webhooks.following import Following, position
from mailwright.webhooks.types import checked


@click.command()
@click.option("--account", metavar="NAME", help="Only this account's mail.")
@click.option("--email", metavar="ID", help="Only this mail.")
@click.option("--event", "events", multiple=True, default=["*"], help="Such as email.bounced; without it all.")
@click.option("--since", metavar="TIME", help='Begin so long ago, such as "10 min".')
@click.option("--after", metavar="ID", help="Go on after an event, whose id is at the beginning of its line.")
@click.option("--follow/--no-follow", default=True, show_default=True, help="Wait for more, until Ctrl-C.")
@click.option("--json", "as_json", is_flag=True, help="For programs: one object a line.")
@click.pass_obj
def tail(
    desk: Desk, account: str | None, email: str | None, events: tuple[str, ...], since: str | None, after: str | None,
    follow: bool, as_json: bool,
) -> None:  # fmt: skip
    """Follow what happens to mail, as it happens.

    After --after some events may come again, and none is missed.
    """
    wanted = checked(events)

    async def work(office: Office) -> None:
        owner = (await office.storage.directory.account_named(account)).id if account else None
        message = await office.storage.store.find(id_number(email), account=owner) if email else None
        async for one in _events(office, _beginning(office, since, after), owner, follow=follow):
            name = type_for(one.kind, one.data, wanted)
            if name is not None and message in (None, one.message):
                _show(one, name, as_json=as_json)

    desk.run(work)


def _beginning(office: Office, since: str | None, after: str | None) -> int:
    if after is not None:
        return position(id_number(after))
    return least_id(office.now() - (span(since) if since is not None else 0)) - 1


async def _events(office: Office, begin: int, account: int | None, *, follow: bool) -> AsyncIterator[Happened]:
    """What is there behind a position, and then what comes."""
    events, place = office.storage.events, begin
    following = Following(begin)
    told: set[int] = set()
    on: int | None = place
    while on is not None:
        page, on = await events.after(on, account=account)
        for one in page:
            told.add(one.id)
            yield one
    following.fresh(sorted(told), now=office.now())
    while follow:
        await asyncio.sleep(TICK)
        fresh = following.fresh(await _ids(office, following.at), now=office.now())
        for one in await events.these(fresh):
            if account in (None, one.account):
                yield one


async def _ids(office: Office, at: int) -> list[int]:
    found: list[int] = []
    while True:
        page = await office.storage.events.ids_after(at, limit=PAGE)
        found += page
        if len(page) < PAGE:
            return found
        at = page[-1]


def _show(one: Happened, name: str, *, as_json: bool) -> None:
    told = payload(one, name, replies())
    if as_json:
        out.print(json.dumps({"id": id_text(one.id), **told}), markup=False)
        return
    to = ", ".join(one.recipients[:3]) + (f" and {one.recipients_in_all - 3} more" if one.recipients_in_all > 3 else "")
    where = f"{one.account_name}  " if one.account_name else ""
    said = plain(str(told["data"]["told"]))
    out.print(
        f"[dim]{id_text(one.id)}[/dim] {when(one.at)}  {where}[bold]{one.kind.value}[/bold]  {id_text(one.message)}  "
        f"{escape(plain(to))}  {escape(said)}"
    )


COMMANDS = (tail,)
