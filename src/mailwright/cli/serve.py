"""Commands that run the house: run, serve, init, migrate, secrets."""

import asyncio
import gc
import signal
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import click
import uvloop

from mailwright import __version__
from mailwright.api.app import create as create_app
from mailwright.api.serve import Served
from mailwright.api.serve import serve as serve_http
from mailwright.api.services import services_of
from mailwright.app import logs
from mailwright.app.house import House
from mailwright.app.memory import return_large_blocks
from mailwright.app.settings import Settings, commented_file, findings
from mailwright.app.vault import open_vault
from mailwright.app.wiring import build
from mailwright.cli.desk import Desk, Office
from mailwright.cli.screen import out, shown, write_file
from mailwright.cli.welcome import welcome
from mailwright.storage import migrate as migrate_database
from mailwright.storage.vault import rotate
from mailwright.values import Conflict

Announce = Callable[[House, Served], Awaitable[None]]
GC_THRESHOLD = (20_000, 20, 50)  # a mail makes hundreds of objects and no cycles: look a thirtieth as often


@click.command()
@click.pass_obj
def serve(desk: Desk) -> None:
    """Take mail in and deliver it, until stopped.

    SIGTERM or Ctrl-C stop it: mail under way is ended first, the rest waits in the database.
    """
    _until_stopped(desk.settings, _quietly)


@click.command()
@click.pass_obj
def run(desk: Desk) -> None:
    """Serve, and say how to send a first mail.

    Makes a first account with an API key where there is none, and prints the line that sends a mail with it.
    """
    _until_stopped(desk.settings, partial(welcome, desk))


@click.command()
@click.option("--force", is_flag=True, help="Replace a file that is there.")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path), default=Path("mailwright.toml"))
@click.pass_obj
def init(desk: Desk, file: Path, force: bool) -> None:
    """Write a settings file: every key with its meaning.

    Where there was no settings file yet, mail and keys lie in the data folder of your user: the new file goes on with them.
    """
    if file.exists() and not force:
        raise Conflict(f"{file} is there already.", "Give another name, or --force to replace it.")
    kept = desk.data_to_keep(file)
    write_file(file, commented_file(file, data=kept).encode())
    if kept is None:
        out.print(f"{file} is written. Every key in it is a comment until you take the # away.")
    else:
        out.print(f"{file} is written. Every key in it is a comment until you take the # away, except one:")
        out.print(f"data = {kept}, where your mail and keys lie by now.", markup=False)


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
    """Seal every stored secret with a new key.

    The old one is deleted at the end. Can be repeated after any interruption.
    """

    async def work(office: Office) -> int:
        vault = open_vault(office.settings, sealed=await office.storage.directory.sealed_count())
        return await rotate(vault, office.storage.directory.reseal)

    out.print(f"{desk.run(work)} secrets are sealed with a new key.")


def _until_stopped(settings: Settings, announce: Announce) -> None:
    return_large_blocks()
    logs.start(level=settings.log.level.value, form=settings.log.format.value, addresses=settings.log.addresses)
    try:
        uvloop.run(_serve(settings, announce))
    finally:
        logs.stop()


async def _serve(settings: Settings, announce: Announce) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    gc.set_threshold(*GC_THRESHOLD)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    house = await build(settings)
    try:
        await house.open()
        gc.freeze()  # what stands now stands to the end: never looked at again
        app = create_app(services_of(house))
        http = await serve_http(app, settings.http.address.host, settings.http.address.port, ending=house.tail.end)
        try:
            await announce(house, http)
            _log_start(house, http)
            await stop.wait()
            logs.logger("serve").info("stopping", within=settings.timeouts.shutdown.total_seconds())
        finally:
            await http.close()
    finally:
        await house.close()


def _log_start(house: House, http: Served) -> None:
    log = logs.logger("serve")
    for finding in (*findings(house.settings), *house.storage.weaknesses):
        log.warning(finding.code, what=finding.what, do=finding.do)
    for opened in house.listeners:
        log.info("listening", address=shown(opened.address), tls=opened.settings.tls.value)
    log.info("serving", version=__version__, delivery=house.settings.delivery.value, http=shown(http.address))


async def _quietly(house: House, http: Served) -> None:
    del house, http


COMMANDS = (run, serve, init, migrate, secrets_group)
