"""What `mailwright run` says: where it serves, where mail and keys lie, and how to send a first mail."""

import json
import shlex
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class FirstMail:
    """Who sends it, and as whom."""

    account: str
    key: str
    author: str


async def welcome(desk: Desk, house: House, http: Served) -> None:
    """Make a first account where there is none, and say all that a newcomer needs."""
    made = await first_account(house.storage.directory, house.vault, house.works.ids, now=now_ms())
    await house.works.accounts.refresh()
    command = called(desk.config)
    _show_places(desk, house, http, command)
    if made is None:
        add = f"{command} key add ACCOUNT --scope send --scope read"
        out.print(f"\nThere are accounts already: {command} account list. A new key: {add}", markup=False)
        first = FirstMail("ACCOUNT", "KEY", "you@DOMAIN")
    else:
        out.print(f"\nA first account is made: [bold]{made.name}[/bold], which writes as anybody at {made.domain}.")
        out.print(f"Its API key, shown this once: [bold]{made.key}[/bold]")
        first = FirstMail(made.name, made.key, f"you@{made.domain}")
    _show_over_http(base_url(http), first)
    _show_over_smtp(house.listeners, first)
    out.print(f"The answer names the mail's id. See what became of it: {command} why ID", markup=False)
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
    out.print(
        f"  HTTP API: {base_url(http)} (the base URL for Resend's SDKs too; what it can do: {base_url(http)}/docs)", markup=False
    )
    out.print(f"  health and metrics: {base_url(http)}/readyz", markup=False)
    out.print(f"  settings: {file or f'the defaults; {command} init writes a file'}", markup=False)
    out.print(f"  mail and keys: {settings.data}", markup=False)
    if settings.delivery is Delivery.CAPTURE:
        out.print('  Capture mode: nothing leaves this machine. delivery = "live" in the settings lets mail out.', markup=False)


def base_url(http: Served) -> str:
    """What an SDK is given as its base URL."""
    return f"http://{shown(http.address)}"


def _show_over_http(base: str, first: FirstMail) -> None:
    mail = {"from": first.author, "to": "somebody@example.net", "subject": "Hello", "text": "It works."}
    fields = f"-H 'Authorization: Bearer {first.key}' -H 'Content-Type: application/json'"
    out.print(f"\nSend a mail over HTTP:\n\n  curl {base}/emails {fields} -d '{json.dumps(mail)}'\n", markup=False)


def _show_over_smtp(listeners: Sequence[Opened], first: FirstMail) -> None:
    way = next((opened for tls in _SWAKS_TLS for opened in listeners if opened.settings.tls is tls), None)
    if way is None:
        return
    out.print("or over SMTP (swaks: apt install swaks libnet-ssleay-perl):\n", markup=False)
    out.print(
        f"  swaks --server {shown(way.address)} {_SWAKS_TLS[way.settings.tls]} --auth PLAIN --auth-user {first.account}"
        f" --auth-password {first.key} --from {first.author} --to somebody@example.net --header 'Subject: Hello'\n",
        markup=False,
    )
