"""Commands that run the house: run, serve, init, migrate, secrets."""

import asyncio
import gc
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

import click
import uvloop

from mailwright import __version__
from mailwright.api import health
from mailwright.api.serve import serve as serve_http
from mailwright.app import logs
from mailwright.app.first_run import FirstAccount, first_account
from mailwright.app.house import House
from mailwright.app.memory import return_large_blocks
from mailwright.app.settings import Delivery, ListenerTls, Settings, commented_file, findings
from mailwright.app.vault import open_vault
from mailwright.app.wiring import build, now_ms
from mailwright.cli.desk import Desk, Office
from mailwright.cli.screen import out
from mailwright.storage import migrate as migrate_database
from mailwright.storage.vault import rotate
from mailwright.values import Conflict

GC_THRESHOLD = (20_000, 20, 50)  # a mail makes hundreds of objects and no cycles: look a thirtieth as often


@click.command()
@click.pass_obj
def serve(desk: Desk) -> None:
    """Serve: take mail in, deliver it, until stopped by SIGTERM or Ctrl-C."""
    _until_stopped(desk.settings, _quietly)


@click.command()
@click.pass_obj
def run(desk: Desk) -> None:
    """Serve with a first account, and print how to send a first mail."""
    _until_stopped(desk.settings, _welcome)


@click.command()
@click.option("--force", is_flag=True, help="Replace a file that is there.")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path), default=Path("mailwright.toml"))
def init(file: Path, force: bool) -> None:
    """Write a settings file with every key, its meaning and its default."""
    if file.exists() and not force:
        raise Conflict(f"{file} is there already.", "Give another name, or --force to replace it.")
    file.write_text(commented_file(), encoding="utf-8")
    out.print(f"{file} is written. Every key in it is a comment until you take the # away.")


@click.command()
@click.pass_obj
def migrate(desk: Desk) -> None:
    """Bring the database to this version. On SQLite this happens at every start by itself."""
    migrate_database(desk.settings.database.url)
    out.print("The database is of this version.")


@click.group("secrets")
def secrets_group() -> None:
    """The key that encrypts stored secrets."""


@secrets_group.command("rotate")
@click.pass_obj
def rotate_secrets(desk: Desk) -> None:
    """Seal every stored secret with a new key, and delete the old one. Can be repeated after any interruption."""

    async def work(office: Office) -> int:
        vault = open_vault(office.settings, sealed=await office.storage.directory.sealed_count())
        return await rotate(vault, office.storage.directory.reseal)

    out.print(f"{desk.run(work)} secrets are sealed with a new key.")


def _until_stopped(settings: Settings, announce: Callable[[House], Awaitable[None]]) -> None:
    return_large_blocks()
    logs.start(level=settings.log.level.value, form=settings.log.format.value, addresses=settings.log.addresses)
    try:
        uvloop.run(_serve(settings, announce))
    finally:
        logs.stop()


async def _serve(settings: Settings, announce: Callable[[House], Awaitable[None]]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    gc.set_threshold(*GC_THRESHOLD)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    house = await build(settings)
    try:
        await house.open()
        gc.freeze()  # what stands now stands to the end: never looked at again
        app = health.create(house.ready, house.metrics.text, __version__)
        http = await serve_http(app, settings.http.address.host, settings.http.address.port)
        try:
            await announce(house)
            _log_start(house)
            await stop.wait()
        finally:
            await http.close()
    finally:
        await house.close()


def _log_start(house: House) -> None:
    log = logs.logger("serve")
    for finding in (*findings(house.settings), *house.storage.weaknesses):
        log.warning(finding.code, what=finding.what, do=finding.do)
    for opened in house.listeners:
        log.info("listening", address=str(opened.settings.address), tls=opened.settings.tls.value)
    log.info("serving", version=__version__, delivery=house.settings.delivery.value, http=str(house.settings.http.address))


async def _quietly(house: House) -> None:
    del house


async def _welcome(house: House) -> None:
    made = await first_account(house.storage.directory, house.vault, house.works.ids, now=now_ms())
    await house.works.accounts.refresh()
    settings = house.settings
    out.print(f"[bold]Mailwright {__version__}[/bold] serves:")
    for opened in house.listeners:
        out.print(f"  SMTP hand-in ({opened.settings.tls.value}): {opened.settings.address}")
    out.print(f"  health and metrics: http://{settings.http.address}/readyz")
    if settings.delivery is Delivery.CAPTURE:
        out.print('  Capture mode: nothing leaves this machine. delivery = "live" in mailwright.toml lets mail out.')
    _show_account(house, made)
    out.print("Stop with Ctrl-C.")


def _show_account(house: House, made: FirstAccount | None) -> None:
    starttls = next((o for o in house.listeners if o.settings.tls is ListenerTls.STARTTLS), None)
    if made is None:
        out.print("\nThere are accounts already (mailwright account list). A new key: mailwright key add ACCOUNT")
        return
    out.print(f"\nA first account is made: [bold]{made.name}[/bold], which writes as anybody at {made.domain}.")
    out.print(f"Its API key, shown this once: [bold]{made.key}[/bold]")
    if starttls is None:
        return
    out.print("\nSend a first mail (swaks: apt install swaks libnet-ssleay-perl):\n")
    out.print(
        f"  swaks --server {starttls.settings.address} --tls --auth PLAIN --auth-user {made.name} --auth-password {made.key}"
        f" --from you@{made.domain} --to somebody@example.net --header 'Subject: Hello'\n",
        markup=False,
    )
    out.print("Its answer names the mail's id. See what became of it: mailwright why ID")


COMMANDS = (run, serve, init, migrate, secrets_group)
