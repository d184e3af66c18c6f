"""Commands for what waits: show, pause, resume, retry, cancel."""

import shlex
from typing import TypedDict

import click

from mailwright.cli.desk import Desk, Office
from mailwright.cli.screen import ago, out, show_json, show_table, when
from mailwright.ports.store import Cancelled
from mailwright.routing.sites import DOMAIN, MX, ROUTE, SMTP
from mailwright.values import Malformed, NotFound
from mailwright.values.ids import id_number

SORTS = (DOMAIN, MX, ROUTE, SMTP)
SUGGESTED = 5  # sites in a question of which was meant


class Which(TypedDict):
    """What a command is about: exactly one is not None."""

    site: str | None
    account: int | None
    message: int | None


@click.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.option("--account", metavar="NAME", help="Only this account's mail.")
@click.pass_context
def queue(context: click.Context, as_json: bool, account: str | None) -> None:
    """What waits, by site, with the last reply of each."""
    if context.invoked_subcommand is None:
        _show(context.obj, as_json, account)


def _show(desk: Desk, as_json: bool, account: str | None) -> None:
    async def work(office: Office) -> None:
        owner = (await office.storage.directory.account_named(account)).id if account else None
        sites, now = await office.storage.queue.sites(account=owner), office.now()
        if as_json:
            show_json([{name: getattr(site, name) for name in site.__slots__} for site in sites])
            return
        rows = [
            (
                s.site,
                s.ready,
                s.deferred,
                s.held,
                s.in_hand,
                ago(s.oldest, now),
                _standing(s.paused, s.until, now),
                s.last_reply or "-",
            )
            for s in sites
        ]
        heads = ("site", "ready", "later", "held", "under way", "oldest", "standing", "last reply")
        show_table(heads, rows, empty="Nothing waits.")

    desk.run(work)


def _standing(paused: str, until: int | None, now: int) -> str:
    if paused:
        return f"paused: {paused}"
    return f"tried again at {when(until)}" if until and until > now else "open"


def _about(command: click.decorators.FC) -> click.decorators.FC:
    """The three ways to say what a command is about."""
    for option in (
        click.option("--message", metavar="ID", help="A message, by its id."),
        click.option("--account", metavar="NAME", help="All mail of an account."),
        click.option("--site", metavar="SITE", help="All mail to a site, as `mailwright queue` names it."),
    ):
        command = option(command)
    return command


async def _which(office: Office, site: str | None, account: str | None, message: str | None) -> Which:
    if sum(given is not None for given in (site, account, message)) != 1:
        raise Malformed("Say exactly what this is about.", "Give one of --site SITE, --account NAME or --message ID.")
    owner = (await office.storage.directory.account_named(account)).id if account else None
    found = await office.storage.store.find(id_number(message), account=None) if message else None
    return Which(site=await _known_site(office, site) if site else None, account=owner, message=found)


async def _known_site(office: Office, name: str) -> str:
    """The site that is meant: its full name, or the part of it that people know. Raises NotFound rather than pause nothing."""
    if name.startswith(SORTS):
        return name  # a site may be paused before there is mail for it
    asked = office.storage.queue
    known = {view.site for view in await asked.sites()} | (await asked.pauses()).sites.keys()
    meant = sorted(site for site in known if site.partition(":")[2] == name) or sorted(site for site in known if name in site)
    if len(meant) == 1:
        return meant[0]
    which = f"Did you mean one of these: {', '.join(meant[:SUGGESTED])}?" if meant else "`mailwright queue` names them."
    raise NotFound(f"There is no one site called {name} with mail that waits.", which)


def _same(site: str | None, account: str | None, message: str | None) -> str:
    """The options once more, for a command that takes this one back."""
    given = {"--site": site, "--account": account, "--message": message}
    return " ".join(f"{option} {shlex.quote(value)}" for option, value in given.items() if value is not None)


@queue.command("pause")
@_about
@click.option("--why", metavar="TEXT", default="paused by the operator", help="The reason, for whoever asks.")
@click.pass_obj
def pause(desk: Desk, site: str | None, account: str | None, message: str | None, why: str) -> None:
    """Stop sending; mail is still taken and waits."""

    async def work(office: Office) -> None:
        await office.storage.queue.pause(**await _which(office, site, account, message), why=why, now=office.now())

    desk.run(work)
    out.print(f"Paused. Go on with: mailwright queue resume {_same(site, account, message)}", markup=False)


@queue.command("resume")
@_about
@click.pass_obj
def resume(desk: Desk, site: str | None, account: str | None, message: str | None) -> None:
    """Send again what was paused."""

    async def work(office: Office) -> int:
        return await office.storage.queue.resume(**await _which(office, site, account, message), now=office.now())

    desk.run(work)
    out.print("Resumed.")


@queue.command("retry")
@_about
@click.pass_obj
def retry(desk: Desk, site: str | None, account: str | None, message: str | None) -> None:
    """Try now what waits for a later time."""

    async def work(office: Office) -> int:
        return await office.storage.queue.retry_now(**await _which(office, site, account, message), now=office.now())

    tried = desk.run(work)
    out.print(
        f"{tried} {'delivery is' if tried == 1 else 'deliveries are'} tried now." if tried else "Nothing waits for a later time."
    )


@queue.command("cancel")
@click.argument("message", metavar="ID")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def cancel(desk: Desk, message: str, yes: bool) -> None:
    """Cancel what has not been sent of a message. It cannot be undone."""
    number = id_number(message)
    if not yes:
        click.confirm(f"Cancel all of {message} that is not being sent yet?", abort=True)

    async def work(office: Office) -> Cancelled:
        found = await office.storage.store.find(number, account=None)
        return await office.storage.queue.cancel(found, account=None, now=office.now())

    out.print(_cancelled(desk.run(work)))


def _cancelled(told: Cancelled) -> str:
    said = [f"{told.cancelled} {'delivery is' if told.cancelled == 1 else 'deliveries are'} cancelled."]
    if told.sending:
        said.append(f"{told.sending} {'is' if told.sending == 1 else 'are'} being sent right now and can no longer be cancelled.")
    if told.ended:
        said.append(f"{told.ended} had ended before.")
    return " ".join(said)


COMMANDS = (queue,)
