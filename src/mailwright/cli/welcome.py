"""What `mailwright run` says: where it serves, where mail and keys lie, and how to send a first mail."""

import shlex
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from mailwright import __version__
from mailwright.api.serve import Served
from mailwright.app.first_run import first_account
from mailwright.app.house import House
from mailwright.app.listeners import Opened
from mailwright.app.settings import Delivery, ListenerTls
from mailwright.app.wiring import now_ms
from mailwright.cli.desk import Desk
from mailwright.cli.screen import out, shown

PROGRAM = "mailwright"
_SWAKS_TLS = {ListenerTls.STARTTLS: "--tls", ListenerTls.IMPLICIT: "--tlsc"}


async def welcome(desk: Desk, house: House, http: Served) -> None:
    """Make a first account where there is none, and say all that a newcomer needs."""
    made = await first_account(house.storage.directory, house.vault, house.works.ids, now=now_ms())
    await house.works.accounts.refresh()
    command = called(desk.config)
    _show_places(desk, house, http, command)
    if made is None:
        out.print(f"\nThere are accounts already: {command} account list. A new key: {command} key add ACCOUNT", markup=False)
        _show_first_mail(house.listeners, "ACCOUNT", "KEY", "you@DOMAIN", heading="Send a mail with it")
    else:
        out.print(f"\nA first account is made: [bold]{made.name}[/bold], which writes as anybody at {made.domain}.")
        out.print(f"Its API key, shown this once: [bold]{made.key}[/bold]")
        _show_first_mail(house.listeners, made.name, made.key, f"you@{made.domain}")
        out.print(f"Its answer names the mail's id. See what became of it: {command} why ID", markup=False)
    out.print(f"Stop with Ctrl-C; mail under way may take {house.settings.timeouts.shutdown.total_seconds():g} s to end.")


def called(config: Path | None) -> str:
    """How this program is called in a shell here: by its name where that finds it, else by its path; with the same settings."""
    own = Path(sys.executable).with_name(PROGRAM)
    found = shutil.which(PROGRAM)
    here = Path.cwd()
    path = own.relative_to(here) if own.is_relative_to(here) else own
    by_name = found is not None and Path(found) == own
    name = PROGRAM if by_name or not own.exists() else shlex.quote(str(path))
    return name if config is None else f"{name} --config {shlex.quote(str(config))}"


def _show_places(desk: Desk, house: House, http: Served, command: str) -> None:
    settings, file = house.settings, desk.file
    out.print(f"[bold]Mailwright {__version__}[/bold] serves:")
    for opened in house.listeners:
        out.print(f"  SMTP hand-in ({opened.settings.tls.value}): {shown(opened.address)}", markup=False)
    out.print(f"  health and metrics: http://{shown(http.address)}/readyz", markup=False)
    out.print(f"  settings: {file or f'the defaults; {command} init writes a file'}", markup=False)
    out.print(f"  mail and keys: {settings.data}", markup=False)
    if settings.delivery is Delivery.CAPTURE:
        out.print('  Capture mode: nothing leaves this machine. delivery = "live" in the settings lets mail out.', markup=False)


def _show_first_mail(
    listeners: Sequence[Opened], account: str, key: str, author: str, heading: str = "Send a first mail"
) -> None:
    way = next((opened for tls in _SWAKS_TLS for opened in listeners if opened.settings.tls is tls), None)
    if way is None:
        return
    out.print(f"\n{heading} (swaks: apt install swaks libnet-ssleay-perl):\n")
    out.print(
        f"  swaks --server {shown(way.address)} {_SWAKS_TLS[way.settings.tls]} --auth PLAIN --auth-user {account}"
        f" --auth-password {key} --from {author} --to somebody@example.net --header 'Subject: Hello'\n",
        markup=False,
    )
