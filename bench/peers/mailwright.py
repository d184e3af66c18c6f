"""Mailwright itself, as an operator runs it: one process, SQLite, full durability, events and logs on, DKIM by its own key."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from bench.peers.program import Absent, Program, Served, free_port

ACCOUNT = "customer"
RELAY = "relay.customer.example"  # the customer's own server; the routes lead it to the sink
_CONFIG = """\
hostname = "mailwright.customer.example"
delivery = "live"
data = "{folder}/data"
{database}
[[listen]]
address = "127.0.0.1:{port}"
{listener}
{routes}
[http]
address = "127.0.0.1:{http}"
{http_more}

[log]
format = "json"
{more}
"""
_TRUSTED = f'tls = "none"\ntrusted = {{ "127.0.0.1/32" = "{ACCOUNT}" }}\n'
_ROUTE = '[[route]]\ndomain = "{domain}"\nto = "127.0.0.1:{port}"\ntls = "{tls}"\n'


class Mailwright(Served):
    """A running Mailwright that signs for one domain and hands everything to one sink.

    `sink` is a port, or ports by recipient domain (wildcards); `database` a URL, "" for SQLite in the folder; `more` is
    further TOML, `http_more` what stands in its table [http]; `shim` a library to preload. `tls`: STARTTLS both ways and a login
    with `password`, else none, and this machine is trusted. `signs` False: an account whose own server signs, so that nothing is
    signed here.
    """

    def __init__(
        self,
        folder: Path,
        *,
        sink: int | Mapping[str, int],
        domain: str,
        database: str = "",
        more: str = "",
        http_more: str = "",
        tls: bool = False,
        signs: bool = True,
        shim: Path | None = None,
    ) -> None:
        self.port, self.http = free_port(), free_port()
        self.data = folder / "data"
        self.data.mkdir(mode=0o700)
        self.config = folder / "mailwright.toml"
        routes = {"*": sink} if isinstance(sink, int) else sink
        way_out = "opportunistic" if tls else "none"
        self.config.write_text(
            _CONFIG.format(
                folder=folder,
                database=f'database = "{database}"\n' if database else "",
                port=self.port,
                listener='tls = "starttls"\n' if tls else _TRUSTED,
                routes="".join(_ROUTE.format(domain=name, port=port, tls=way_out) for name, port in routes.items()),
                http=self.http,
                http_more=http_more,
                more=more,
            )
        )
        self._folder = folder
        self._set_up(domain, signs=signs)
        self.password = self.command("key", "add", ACCOUNT).split()[0] if tls else ""
        self._program = Program(
            [sys.executable, "-m", "mailwright", "-c", str(self.config), "serve"],
            folder=folder,
            env={"LD_PRELOAD": str(shim)} if shim else None,
        )

    @property
    def place(self) -> int:
        """Where it answers."""
        return self.port

    def command(self, *words: str) -> str:
        """Run a command beside it: what it printed. Raises Absent with what went wrong."""
        done = subprocess.run(
            [sys.executable, "-m", "mailwright", "-c", str(self.config), *words],
            cwd=self._folder,
            check=False,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise Absent(f"`mailwright {' '.join(words)}` failed: {done.stderr.strip()[-300:]}")
        return done.stdout

    def _set_up(self, domain: str, *, signs: bool) -> None:
        self.command("account", "add", ACCOUNT)
        self.command("domain", "add", ACCOUNT, domain, "--selector", "mw1")
        if not signs:
            self.command("dkim", "retire", domain, "--selector", "mw1")
            server = ["--set", f"host={RELAY}", "--set", "port=25", "--set", "tls=none", "--set", "connections=20"]
            self.command("transport", "add", ACCOUNT, "relay", "--kind", "external_smtp", *server, "--default")
