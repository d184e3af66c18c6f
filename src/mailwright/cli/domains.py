"""Commands for the sending domains of accounts, their DKIM keys, and transports."""

import json
import sys
from pathlib import Path
from typing import Any

import click

from mailwright.accounts import OPERATOR, SendingDomain, TransportInfo
from mailwright.app.setup import SELECTOR, keep_dkim_key, keep_domain, keep_transport, wants_password
from mailwright.auth import Algorithm, DkimKey, make_key, public_record, read_key
from mailwright.cli.desk import Desk, Office
from mailwright.cli.screen import out, show_table
from mailwright.transports import KINDS
from mailwright.values import Conflict, Domain, Malformed, NotFound
from mailwright.values.ids import id_number, id_text


@click.group()
def domain() -> None:
    """Sending domains: the names that an account may write as."""


@domain.command("add")
@click.argument("account")
@click.argument("name", metavar="DOMAIN")
@click.option("--subdomains", is_flag=True, help="Cover the names below it too.")
@click.option(
    "--selector", metavar="NAME", default=SELECTOR, show_default=True, help="Selector of the DKIM key that is made with it."
)
@click.pass_obj
def add_domain(desk: Desk, account: str, name: str, subdomains: bool, selector: str) -> None:
    """Give an account a domain, and make its DKIM key."""
    wanted = Domain.parse(name)
    key = make_key(wanted, selector)

    async def work(office: Office) -> None:
        owner = await office.storage.directory.account_named(account)
        made = SendingDomain(office.new_id(), owner.id, wanted, subdomains)
        await keep_domain(office.storage.directory, await office.vault(), office.new_id, made, key)

    desk.run(work)
    out.print(f"{account} may now write as anybody at {wanted.readable}. Its mail is signed; publish this record:\n")
    _show_record(key)


@domain.command("list")
@click.argument("account")
@click.pass_obj
def list_domains(desk: Desk, account: str) -> None:
    """Show the domains of an account."""

    async def work(office: Office) -> list[tuple[str, str, str]]:
        owner = await office.storage.directory.account_named(account)
        rows = []
        for entry in await office.storage.directory.domains(owner.id):
            keys = await office.storage.directory.dkim_keys(entry.domain)
            shown = " ".join(f"{key.selector} ({key.state})" for key in keys) or "none: mail waits until there is one"
            rows.append((entry.domain.readable, "yes" if entry.subdomains else "no", shown))
        return rows

    show_table(("domain", "sub-domains", "DKIM keys"), desk.run(work), empty=f"{account} has no domain.")


@domain.command("remove")
@click.argument("account")
@click.argument("name", metavar="DOMAIN")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def remove_domain(desk: Desk, account: str, name: str, yes: bool) -> None:
    """Take a domain away from an account.

    The account can no longer write as it, and mail that still waits is not signed any more, so it does not leave.
    """
    wanted = Domain.parse(name)
    if not yes:
        click.confirm(f"Take {wanted.readable} from {account}, and delete its DKIM keys?", abort=True)

    async def work(office: Office) -> None:
        owner = await office.storage.directory.account_named(account)
        await office.storage.directory.remove_domain(owner.id, wanted)

    desk.run(work)
    out.print(f"{account} cannot write as {wanted.readable} any more.")


@click.group()
def dkim() -> None:
    """DKIM keys of domains."""


@dkim.command("add")
@click.argument("name", metavar="DOMAIN")
@click.option("--selector", metavar="NAME", required=True, help="The name of the key in DNS.")
@click.option("--algorithm", type=click.Choice([a.value for a in Algorithm]), default=Algorithm.RSA.value, show_default=True)
@click.option(
    "--import", "file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Take this private key (PEM)."
)
@click.option("--operator", is_flag=True, help="A key of the operator's own domain.")
@click.pass_obj
def add_dkim(desk: Desk, name: str, selector: str, algorithm: str, file: Path | None, operator: bool) -> None:
    """Make a key for a domain.

    From now on it signs, and the older ones retire.
    """
    wanted = Domain.parse(name)
    key = read_key(wanted, selector, file.read_bytes()) if file else make_key(wanted, selector, algorithm)

    async def work(office: Office) -> None:
        owner = OPERATOR if operator else await _owner(office, wanted)
        if any(known.selector == selector for known in await office.storage.directory.dkim_keys(wanted)):
            raise Conflict(f"{wanted} has a key with the selector {selector}.", "Choose another selector.")
        await _retire(office, key)
        await keep_dkim_key(office.storage.directory, await office.vault(), office.new_id(), owner, key)

    desk.run(work)
    out.print("The key signs from now on. Publish this record first, or receivers cannot check the signature:\n")
    _show_record(key)


@dkim.command("show")
@click.argument("name", metavar="DOMAIN")
@click.pass_obj
def show_dkim(desk: Desk, name: str) -> None:
    """Show the records to publish for a domain."""
    wanted = Domain.parse(name)
    keys = desk.run(lambda office: office.storage.directory.dkim_keys(wanted))
    if not keys:
        raise NotFound(
            f"{wanted.readable} has no DKIM key here.",
            f"A sending domain gets one: mailwright domain add ACCOUNT {wanted}. {desk.looked()}",
        )
    for key in keys:
        out.print(f"{key.selector} ({key.state}, {key.algorithm})")
        out.print(f"{key.selector}._domainkey.{key.domain} TXT {key.public_record}\n", markup=False)


@dkim.command("retire")
@click.argument("name", metavar="DOMAIN")
@click.option("--selector", metavar="NAME", required=True, help="The name of the key in DNS, as `mailwright dkim show` tells it.")
@click.pass_obj
def retire_dkim(desk: Desk, name: str, selector: str) -> None:
    """Stop signing with a key.

    Leave its record published for two weeks, for mail that is under way.
    """
    wanted = Domain.parse(name)

    async def work(office: Office) -> None:
        for key in await office.storage.directory.dkim_keys(wanted):
            if key.selector == selector:
                await office.storage.directory.change_dkim_state(key.id, "retiring")
                return
        raise NotFound(f"{wanted} has no key with the selector {selector}.", f"See its keys: mailwright dkim show {wanted}")

    desk.run(work)
    out.print("The key does not sign any more.")


@click.group()
def transport() -> None:
    """Transports: the ways for an account's mail to leave."""


@transport.command("add")
@click.argument("account")
@click.argument("name")
@click.option("--kind", type=click.Choice(sorted(KINDS)), required=True)
@click.option(
    "--set", "pairs", metavar="KEY=VALUE", multiple=True, help="A setting, as key=value (host, port, tls, username, connections)."
)
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@click.option("--default", "default", is_flag=True, help="Use it for all mail of the account.")
@click.pass_obj
def add_transport(
    desk: Desk, account: str, name: str, kind: str, pairs: tuple[str, ...], password_stdin: bool, default: bool
) -> None:
    """Add a transport to an account."""
    settings = dict(_pair(text) for text in pairs)
    password = _password(password_stdin, wanted=wants_password(kind, settings))

    async def work(office: Office) -> None:
        owner = await office.storage.directory.account_named(account)
        made = TransportInfo(office.new_id(), owner.id, kind, name, settings)
        await keep_transport(office.storage.directory, await office.vault(), owner, made, password, default=default)

    desk.run(work)
    out.print(f"The transport {name} is there." + (" All mail of the account leaves by it." if default else ""))


@transport.command("list")
@click.argument("account")
@click.pass_obj
def list_transports(desk: Desk, account: str) -> None:
    """Show the transports of an account, without their passwords."""

    async def work(office: Office) -> list[tuple[str, str, str, str, str, str]]:
        owner = await office.storage.directory.account_named(account)
        return [
            (
                t.name,
                id_text(t.id),
                t.kind,
                json.dumps(dict(t.settings)),
                "yes" if t.has_secret else "no",
                "yes" if t.id == owner.default_transport else "no",
            )
            for t in await office.storage.directory.transports(owner.id)
        ]

    heads = ("name", "id", "kind", "settings", "password", "default")
    show_table(heads, desk.run(work), empty=f"{account} has no transport of its own: its mail leaves by our servers.")


@transport.command("remove")
@click.argument("account")
@click.argument("number", metavar="ID")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def remove_transport(desk: Desk, account: str, number: str, yes: bool) -> None:
    """Take a transport away; its password is deleted."""
    if not yes:
        click.confirm(f"Take the transport {number} from {account}, and delete its password?", abort=True)

    async def work(office: Office) -> None:
        owner = await office.storage.directory.account_named(account)
        await office.storage.directory.remove_transport(owner.id, id_number(number))

    desk.run(work)
    out.print("The transport is gone.")


async def _owner(office: Office, name: Domain) -> int:
    found = await office.storage.directory.domain_named(name)
    if found is None:
        raise NotFound(f"{name} is no sending domain of any account.", f"Add it first: mailwright domain add ACCOUNT {name}")
    return found.account


async def _retire(office: Office, key: DkimKey) -> None:
    """One active key of each algorithm: the new one takes over."""
    for known in await office.storage.directory.dkim_keys(key.domain):
        if known.state == "active" and known.algorithm == key.algorithm:
            await office.storage.directory.change_dkim_state(known.id, "retiring")


def _show_record(key: DkimKey) -> None:
    out.print(f"{key.dns_name} TXT {public_record(key)}", markup=False)


def _pair(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals:
        raise Malformed(f"{text!r} is not a setting.", "Write it as key=value, such as host=smtp.example.com.")
    return name.strip(), int(value) if value.strip().isdecimal() else value.strip()


def _password(from_stdin: bool, *, wanted: bool) -> bytes:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n").encode()
    return str(click.prompt("Password", hide_input=True)).encode() if wanted else b""


COMMANDS = (domain, dkim, transport)
