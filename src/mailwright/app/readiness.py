"""What keeps this process from its work, for /readyz: each as a finding that says who does what."""

import shutil
from collections.abc import Iterator
from pathlib import Path

from mailwright.app.settings.units import size_text
from mailwright.values import Finding, NoRoom, Unavailable
from mailwright.values.finding import error, warning

MIB = 1024 * 1024
TOO_LITTLE, LITTLE = 64 * MIB, 512 * MIB  # octets left: below the first the next large mail may fail, below the second soon


def hindrances(
    *, store: Unavailable | None, worker_unheard: bool, vault_opens: bool, listeners: int, data: Path
) -> Iterator[Finding]:
    """Everything at once; nothing is ready. `store`: why it does not answer or takes no writes; `data`: whose disk needs room."""
    if store is not None:
        yield error(
            "disk-full" if isinstance(store, NoRoom) else "store-silent",
            str(store),
            why="Mail is answered with a 4xx reply and stays with the application; nothing is lost.",
            do=store.remedy,
        )
    if worker_unheard:
        yield error(
            "worker-not-heard",
            "The database has not heard this process for too long.",
            why="Others may take over its mail, so it sends nothing until it is heard again; then it goes on by itself.",
            do="If it happens often, look at the load of this machine and at the way to the database.",
        )
    if not vault_opens:
        yield error(
            "vault-closed",
            "The keyring cannot be read.",
            why="DKIM keys and passwords stay sealed: mail is taken and waits, nothing is sent unsigned.",
            do="Put the keyring file or the systemd credential back, then start again.",
        )
    if not listeners:
        yield error(
            "nothing-listens",
            "No listener is open.",
            why="No application can hand in mail.",
            do="Look at [[listen]] in the settings, and at the log.",
        )
    yield from _room(data)


def _room(data: Path) -> Iterator[Finding]:
    """How much room the disk of the data folder has; nothing is told where it cannot be asked."""
    try:
        free = shutil.disk_usage(data).free
    except OSError:
        return
    if free < TOO_LITTLE:
        yield error(
            "disk-full",
            f"The disk of {data} has {size_text(free // MIB * MIB)} left.",
            why="Mail is answered with a 4xx reply and stays with the application; nothing is lost.",
            do="Make room. Mailwright goes on by itself.",
        )
    elif free < LITTLE:
        yield warning(
            "disk-nearly-full",
            f"The disk of {data} has {size_text(free // MIB * MIB)} left.",
            why="When it is full, no mail is taken.",
            do="Make room, or keep mail for a shorter time: mailwright account set NAME --retention DAYS",
        )
