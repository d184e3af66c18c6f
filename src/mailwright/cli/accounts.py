"""Commands for accounts and their API keys."""

import re
import secrets
from dataclasses import replace

import click

from mailwright.accounts import OPERATOR, Account, ApiKey, Scope
from mailwright.accounts.key import PREFIX_BYTES, SECRET_BYTES, prefix_of
from mailwright.app.setup import new_key, sender
from mailwright.cli.desk import Desk, Office
from mailwright.cli.screen import out, show_json, show_table, when
from mailwright.values import Malformed
from mailwright.values.ids import id_text

OF_AN_ACCOUNT = (Scope.SEND.value, Scope.READ.value, Scope.ADMIN.value)
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


@click.group()
def account() -> None:
    """Accounts: the customers of the operator."""


@account.command("add")
@click.argument("name")
@click.option(
    "--retention",
    type=click.IntRange(0, 3650),
    metavar="DAYS",
    default=30,
    show_default=True,
    help="Days a mail's body is kept after its end.",
)
@click.option("--hour-limit", type=click.IntRange(1), metavar="NUMBER", help="Deliveries an hour; what is over waits.")
@click.option("--day-limit", type=click.IntRange(1), metavar="NUMBER", help="Deliveries a day; what is over waits.")
@click.option("--reports/--no-reports", default=True, show_default=True, help="Report final failures to the sender by mail.")
@click.pass_obj
def add_account(desk: Desk, name: str, retention: int, hour_limit: int | None, day_limit: int | None, reports: bool) -> None:
    """Make an account."""
    if not _NAME.fullmatch(name):
        raise Malformed(f"{name!r} cannot be the name of an account.", "Use small letters, digits and inner hyphens, at most 63.")

    async def work(office: Office) -> None:
        made = Account(office.new_id(), name, retention, reports, hour_limit, day_limit)
        await office.storage.directory.add_account(made)

    desk.run(work)
    out.print(f"The account {name} is there. Next: mailwright domain add {name} example.com, and mailwright key add {name}.")


@account.command("list")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def list_accounts(desk: Desk, as_json: bool) -> None:
    """Show all accounts."""
    found = desk.run(lambda office: office.storage.directory.accounts())
    if as_json:
        show_json(
            [{"name": a.name, "id": id_text(a.id), "retention_days": a.retention_days, "reports": a.reports} for a in found]
        )
        return
    rows = [(a.name, id_text(a.id), f"{a.retention_days} d", a.hour_limit or "-", a.day_limit or "-") for a in found]
    show_table(
        ("name", "id", "kept", "per hour", "per day"),
        rows,
        empty="There is no account yet. Make one: mailwright account add NAME",
    )


@account.command("set")
@click.argument("name")
@click.option("--retention", type=click.IntRange(0, 3650), metavar="DAYS", help="Days a mail's body is kept after its end.")
@click.option("--hour-limit", type=click.IntRange(0), metavar="NUMBER", help="Deliveries an hour; 0 takes the limit away.")
@click.option("--day-limit", type=click.IntRange(0), metavar="NUMBER", help="Deliveries a day; 0 takes the limit away.")
@click.option("--reports/--no-reports", default=None, help="Report final failures to the sender by mail.")
@click.pass_obj
def change_account(
    desk: Desk, name: str, retention: int | None, hour_limit: int | None, day_limit: int | None, reports: bool | None
) -> None:
    """Change an account."""

    async def work(office: Office) -> None:
        known = await office.storage.directory.account_named(name)
        await office.storage.directory.change_account(
            replace(
                known,
                retention_days=known.retention_days if retention is None else retention,
                reports=known.reports if reports is None else reports,
                hour_limit=known.hour_limit if hour_limit is None else hour_limit or None,
                day_limit=known.day_limit if day_limit is None else day_limit or None,
            )
        )

    desk.run(work)
    out.print(f"The account {name} is changed.")


@click.group()
def key() -> None:
    """API keys: how an application logs in."""


@key.command("add")
@click.argument("account", required=False)
@click.option("--operator", is_flag=True, help="A key of the operator, for the HTTP API alone; it belongs to no account.")
@click.option("--name", metavar="TEXT", default="", help="What the key is for.")
@click.option("--scope", "scopes", multiple=True, type=click.Choice(OF_AN_ACCOUNT), default=["send"], show_default=True)
@click.option(
    "--send-as", multiple=True, help="An address, or @domain, that the key may send as; without it: all of the account."
)
@click.pass_obj
def add_key(
    desk: Desk, account: str | None, operator: bool, name: str, scopes: tuple[str, ...], send_as: tuple[str, ...]
) -> None:
    """Make a key and show it, once."""
    random = secrets.token_bytes(PREFIX_BYTES + SECRET_BYTES)
    allowed = [sender(entry) for entry in send_as]
    may = (Scope.OPERATOR,) if operator else [Scope(scope) for scope in scopes]

    async def work(office: Office) -> str:
        owner = await _owner(office, account, operator=operator)
        made, text = new_key(office.new_id(), owner, random, name=name, scopes=may, send_as=allowed, now=office.now())
        await office.storage.directory.add_key(made)
        return text

    text = desk.run(work)
    use = "Authorization: Bearer, over HTTP." if operator else "the SMTP password; any user name will do."
    out.print(f"{text}\nThis is the only time that the key is shown. Use it as {use}")


@key.command("list")
@click.argument("account", required=False)
@click.option("--operator", is_flag=True, help="The operator's own keys.")
@click.pass_obj
def list_keys(desk: Desk, account: str | None, operator: bool) -> None:
    """Show the keys of an account, without their secrets."""

    async def work(office: Office) -> list[ApiKey]:
        return list(await office.storage.directory.keys(await _owner(office, account, operator=operator)))

    rows = [
        (
            f"mw_{k.prefix}_...",
            k.name or "-",
            " ".join(sorted(k.scopes)),
            " ".join(k.send_as) or ("-" if operator else "all of the account"),
            when(k.created_at),
            when(k.revoked_at),
        )
        for k in desk.run(work)
    ]
    whose = "The operator" if operator else f"The account {account}"
    show_table(("key", "name", "scopes", "may send as", "made", "revoked"), rows, empty=f"{whose} has no key.")


@key.command("revoke")
@click.argument("account", required=False)
@click.argument("prefix", required=False)
@click.option("--operator", is_flag=True, help="A key of the operator: give its PREFIX alone.")
@click.pass_obj
def revoke_key(desk: Desk, account: str | None, prefix: str | None, operator: bool) -> None:
    """Take a key out of use. It cannot be undone.

    PREFIX is the part between mw_ and the next underscore, as `mailwright key list ACCOUNT` shows it.
    """
    if operator:
        account, prefix = None, account
    if prefix is None:
        raise Malformed("It is not said which key.", "Give ACCOUNT and PREFIX, or --operator and PREFIX.")
    short = prefix_of(prefix) or prefix.removeprefix("mw_").removesuffix("_...")

    async def work(office: Office) -> None:
        await office.storage.directory.revoke_key(await _owner(office, account, operator=operator), short, now=office.now())

    desk.run(work)
    out.print(f"The key mw_{short}_... is revoked; nobody can log in with it any more.")


async def _owner(office: Office, account: str | None, *, operator: bool) -> int:
    """Whose key it is: the account of that name, or the operator."""
    if (account is None) is not operator:
        raise Malformed("It is not said whose key this is.", "Give the name of an account, or --operator.")
    return (await office.storage.directory.account_named(account)).id if account is not None else OPERATOR


COMMANDS = (account, key)
