"""A real `mailwright run` in a process of its own, and what a newcomer reads off it: addresses, a key, the lines to type."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest
from click.testing import CliRunner

from mailwright.cli import program
from mailwright_client import Client

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 10.0  # seconds for something to happen: generous, for a busy machine
SETTINGS = """
http.address = "127.0.0.1:0"
log.level = "error"
dns.servers = ["127.0.0.1:9"]
dns.timeout = "200 ms"
queue.signers = 1
timeouts.shutdown = "2 s"
[[listen]]
address = "127.0.0.1:0"
"""


@dataclass(frozen=True)
class Running:
    """A house that serves, in capture mode."""

    config: Path
    said: str

    @property
    def url(self) -> str:
        """The base URL, as the welcome shows it."""
        return self._shown(r"HTTP API: (http://[0-9.:]+)")

    @property
    def key(self) -> str:
        """The first key."""
        return self._shown(r"shown this once: (\S+)")

    @property
    def smtp(self) -> tuple[str, int]:
        """Where SMTP is spoken, with STARTTLS."""
        host, port = self._shown(r"SMTP hand-in \(starttls\): (\S+)").split(":")
        return host, int(port)

    @property
    def line(self) -> str:
        """The curl line of the welcome."""
        return self._shown(r"(?m)^  (curl .+)$")

    def environ(self, **more: str) -> Mapping[str, str]:
        """What the recipes read from the environment."""
        host, port = self.smtp
        own = {
            "MAIL_URL": self.url,
            "MAIL_KEY": self.key,
            "MAIL_PORT": str(port),
            "MAIL_HOST": host.replace("127.0.0.1", "localhost"),
        }
        return {"PATH": os.environ["PATH"], "MAIL_CA": str(self.config.parent / "var" / "self-signed.crt")} | own | more

    def captured(self, number: str) -> EmailMessage:
        """A mail as it would have left, once it would have."""
        until = time.monotonic() + PATIENCE
        while number not in [row["id"] for row in json.loads(self.cli("captured", "list", "--json"))]:
            assert time.monotonic() < until, self.cli("why", number)
            time.sleep(0.05)
        return message_from_bytes(self.invoked("captured", "export", number), policy=policy.default)

    def newest(self) -> str:
        """The id of the mail that was handed in last."""
        with Client(self.url, self.key) as client:
            return client.emails(limit=1).data[0].id

    def cli(self, *arguments: str) -> str:
        """A command beside it; what it prints."""
        return self.invoked(*arguments).decode()

    def invoked(self, *arguments: str) -> bytes:
        """The same in octets."""
        done = CliRunner().invoke(program, ["--config", str(self.config), *arguments], standalone_mode=False)
        if done.exception is not None:
            raise done.exception
        return done.stdout_bytes

    def _shown(self, pattern: str) -> str:
        found = re.search(pattern, self.said)
        assert found is not None, self.said
        return found[1]


@contextmanager
def running(folder: Path, settings: str = "") -> Iterator[Running]:
    """Start it, give what it said, and stop it as Ctrl-C does."""
    config = folder / "mailwright.toml"
    config.write_text(settings + SETTINGS)
    environ = {"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONPATH": str(ROOT / "src"), "LC_ALL": "C.UTF-8"}
    whole = [sys.executable, "-m", "mailwright", "--config", str(config), "run"]
    with subprocess.Popen(whole, stdout=subprocess.PIPE, text=True, cwd=folder, env=environ) as process:
        assert process.stdout is not None
        said = []
        for row in process.stdout:
            said.append(row)
            if row.startswith("Stop with Ctrl-C"):
                break
        else:
            pytest.fail(f"mailwright run ended with {process.wait(10)}: {''.join(said)}")
        try:
            yield Running(config, "".join(said))
        finally:
            process.send_signal(signal.SIGINT)
            assert process.wait(30) == 0
