"""`mailwright serve` as a process of its own: prepared once, started, killed, stopped, woken."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from bench.peers import memory
from bench.peers.program import free_port
from tests.crash.source import AGAIN, DOMAIN

START_SECONDS, STOP_SECONDS = 30.0, 60.0
SETTINGS = """\
hostname = "mail.operator.example"
delivery = "live"
data = "{data}"
{database}
queue.jitter = 0
queue.retries = ["2 s", "2 s", "5 s"]
{more}
[[listen]]
address = "127.0.0.1:{port}"
tls = "none"
trusted = {{ "127.0.0.1/32" = "acme" }}

[[route]]
domain = "*"
to = "127.0.0.1:{sink}"
tls = "none"
connections = {connections}

[http]
address = "127.0.0.1:{http}"
"""


class House:
    """One serving process; others of the same installation share its `data` folder."""

    def __init__(
        self, folder: Path, data: Path, *, sink: int, database: str = "", more: str = "", connections: int = 20,
        env: Mapping[str, str] | None = None, prefix: Sequence[str] = (),
    ) -> None:  # fmt: skip
        folder.mkdir(parents=True, exist_ok=True)
        self.port, self.http = free_port(), free_port()
        self.config, self.log, self.data = folder / "mailwright.toml", folder / "log", data
        url = f'database = "{database}"' if database else ""
        self.config.write_text(
            SETTINGS.format(
                data=data, database=url, more=more, port=self.port, sink=sink, http=self.http, connections=connections
            )
        )
        self.starts = 0
        self._prefix = prefix  # a program that starts it
        self._env = {**os.environ, **(env or {})}
        self._process: asyncio.subprocess.Process | None = None
        self._family: list[int] = []  # it and the processes that it had started, at its kill

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process is not None, "not started"
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process is not None and self._process.returncode is None

    async def launch(self) -> None:
        """Start the process, and do not wait for it."""
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._prefix, *command(self.config, "serve"), stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=self._env
            )
        self.starts += 1

    async def start(self) -> None:
        """Start it and wait until it takes mail."""
        await self.launch()
        async with asyncio.timeout(START_SECONDS):
            while not await self._greets():
                assert self.alive, self.last_words()
                await asyncio.sleep(AGAIN)

    def send(self, number: signal.Signals) -> None:
        """Send a signal."""
        os.kill(self.pid, number)

    def kill(self, *, whole: bool) -> None:
        """SIGKILL; `whole`: for the processes that it started too, as when the power goes."""
        self._family = memory.family(self.pid)
        for one in self._family if whole else [self.pid]:
            os.kill(one, signal.SIGKILL)

    async def ended(self) -> int:
        """Wait for its end: the exit code. After a kill also for the end of those that it had started."""
        assert self._process is not None, "not started"
        async with asyncio.timeout(STOP_SECONDS):
            code = await self._process.wait()
            while any(map(_runs, self._family)):
                await asyncio.sleep(AGAIN)
        self._family = []
        return code

    async def stop(self) -> int:
        """Ask it to end."""
        self.send(signal.SIGTERM)
        return await self.ended()

    async def ready(self) -> tuple[int, list[dict[str, Any]]]:
        """What /readyz says: the status and the findings."""
        return await asyncio.to_thread(_readyz, self.http)

    async def until_ready(self, *, ready: bool, seconds: float = 30.0) -> list[dict[str, Any]]:
        """Wait until /readyz says ready, or not ready; the findings then."""
        async with asyncio.timeout(seconds):
            while ((found := await self.ready())[0] == 200) is not ready:
                await asyncio.sleep(0.1)
        return found[1]

    def memory(self, what: str = "VmRSS") -> float:
        """Of proc(5) status, in MB (10**6 octets), summed over its processes: VmRSS now, VmHWM the most there was."""
        return memory.field(self.pid, what)

    def last_words(self) -> str:
        """The end of its log."""
        return "\n".join(self.log.read_text("utf-8", "replace").splitlines()[-30:])

    async def run(self, *words: str) -> str:
        """A command beside it: what it printed."""
        done = await asyncio.to_thread(
            subprocess.run, command(self.config, *words), capture_output=True, text=True, check=False, env=os.environ
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    async def _greets(self) -> bool:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            return False
        try:
            return (await reader.readline()).startswith(b"220")
        except OSError:
            return False
        finally:
            writer.close()


def command(config: Path, *words: str) -> list[str]:
    """A mailwright command line."""
    return [sys.executable, "-m", "mailwright", "-c", str(config), *words]


def _runs(pid: int) -> bool:
    """Whether a process has not ended; one that nobody has buried has."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def set_up(config: Path) -> None:
    """Make the account and its domain, with a DKIM key."""
    for words in (("account", "add", "acme"), ("domain", "add", "acme", DOMAIN)):
        done = subprocess.run(command(config, *words), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


def _readyz(port: int) -> tuple[int, list[dict[str, Any]]]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=10) as answer:
            return answer.status, json.load(answer)["findings"]
    except urllib.error.HTTPError as answer:
        with answer:
            return answer.code, json.load(answer)["findings"]
