"""Mailwright itself, as an operator runs it: one process, SQLite, full durability, events and logs on, DKIM by its own key."""

import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from bench.peers.program import Absent, Program, free_port

ACCOUNT = "customer"
_CONFIG = """\
hostname = "mailwright.customer.example"
delivery = "live"
data = "{folder}/data"
{database}
[[listen]]
address = "127.0.0.1:{port}"
tls = "none"
trusted = {{ "127.0.0.1/32" = "{account}" }}

[[route]]
domain = "*"
to = "127.0.0.1:{sink}"
tls = "none"

[http]
address = "127.0.0.1:{http}"

[log]
format = "json"
{more}
"""


class Mailwright:
    """A running Mailwright that signs for one domain and hands everything to one sink.

    `database` is a URL, "" for SQLite in the folder; `more` is further TOML; `shim` a library to preload.
    """

    def __init__(
        self, folder: Path, *, sink: int, domain: str, database: str = "", more: str = "", shim: Path | None = None
    ) -> None:
        self.port = free_port()
        (folder / "data").mkdir(mode=0o700)
        self.config = folder / "mailwright.toml"
        url = f'database = "{database}"\n' if database else ""
        self.config.write_text(
            _CONFIG.format(folder=folder, port=self.port, http=free_port(), sink=sink, account=ACCOUNT, database=url, more=more)
        )
        self._folder = folder
        self._command("account", "add", ACCOUNT)
        self._command("domain", "add", ACCOUNT, domain)
        self._program = Program(
            [sys.executable, "-m", "mailwright", "-c", str(self.config), "serve"],
            folder=folder,
            env={"LD_PRELOAD": str(shim)} if shim else None,
        )

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._program.pid

    def __enter__(self) -> Self:
        self._program.__enter__()
        self._program.wait_for(self.port)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._program.__exit__(kind, error, trace)

    def _command(self, *words: str) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "mailwright", "-c", str(self.config), *words],
            cwd=self._folder,
            check=False,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise Absent(f"`mailwright {' '.join(words)}` failed: {done.stderr.strip()[-300:]}")
