"""A program of another project: where it is, how it is started and stopped."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Self

START_SECONDS = 20.0  # for a first start on a busy machine
STOP_SECONDS = 10.0
OURS = {"PYTHONPATH": str(Path(__file__).parents[2])}  # for `python -m bench...`, wherever it is started
_FIRST_PORT, _PORTS = 10_000, 20_000  # Linux: ip_local_port_range begins at 32768
_tried = count()
_ADMIN_PATH = "/usr/sbin:/sbin:/usr/local/sbin"  # Debian keeps servers out of a user's PATH


class Absent(Exception):  # named for what is the case
    """A peer is not installed, or does not work here; the text says how to get it, or what it said."""


def find(name: str, package: str) -> str:
    """The path of a program. Raises Absent with the install line."""
    found = shutil.which(name) or shutil.which(name, path=_ADMIN_PATH)
    if not found:
        raise Absent(f"{name} is not installed: sudo apt-get install {package}")
    return found


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on, below those from which the system takes ports for connections.

    A port that the system names may be taken by an outgoing connection before its program listens on it. Each process
    walks a stretch of its own, so that two of them at the same time do not meet either.
    """
    while True:
        port = _FIRST_PORT + (os.getpid() * 97 + next(_tried)) % _PORTS
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


@contextmanager
def else_stopped(peer: AbstractContextManager[object]) -> Iterator[None]:
    """For `__enter__`: what was started is stopped again where it does not come up, or where somebody presses Ctrl-C."""
    try:
        yield
    except BaseException:
        peer.__exit__(None, None, None)
        raise


class Program:
    """One started program: a context manager that waits for its port or socket and ends it, with what it started."""

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        folder: Path,
        env: Mapping[str, str] | None = None,
        stop: signal.Signals = signal.SIGTERM,
    ) -> None:
        self.log = folder / f"{Path(arguments[0]).name}.log"
        self._arguments = list(arguments)
        self._folder = folder
        self._env = {**os.environ, **(env or {})}
        self._stop = stop
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process is not None, "not started"
        return self._process.pid

    def __enter__(self) -> Self:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._arguments,
                cwd=self._folder,
                env=self._env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        assert self._process is not None, "not started"
        self._process.send_signal(self._stop)
        with suppress(subprocess.TimeoutExpired):
            try:
                self._process.wait(STOP_SECONDS)
            finally:  # at Ctrl-C too
                with suppress(ProcessLookupError):
                    os.killpg(self._process.pid, signal.SIGKILL)  # its own session: nobody else's processes
                self._process.wait()

    def wait(self) -> None:
        """Wait a while for it to end by itself."""
        assert self._process is not None, "not started"
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(STOP_SECONDS)

    def wait_for(self, place: int | Path) -> None:
        """Wait until the port or the unix socket answers. Raises Absent with the end of the log where it does not."""
        limit = time.monotonic() + START_SECONDS
        while time.monotonic() < limit:
            assert self._process is not None, "not started"
            if self._process.poll() is not None:
                break
            if _answers(place):
                return
            time.sleep(0.05)
        raise Absent(f"{self._arguments[0]} did not start. The end of its log:\n{self.last_words()}")

    def last_words(self) -> str:
        """The last lines of the log."""
        return "\n".join(self.log.read_text("utf-8", "replace").splitlines()[-15:])


class Served:
    """A peer that is one program behind a port or socket: entered once it answers, ended with what it started."""

    _program: Program

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._program.pid

    @property
    def place(self) -> int | Path:
        """Its port, or its unix socket."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        self._program.__enter__()
        with else_stopped(self):
            self._program.wait_for(self.place)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._program.__exit__(kind, error, trace)


def _answers(place: int | Path) -> bool:
    kind = socket.AF_INET if isinstance(place, int) else socket.AF_UNIX
    with socket.socket(kind) as probe:
        probe.settimeout(1)
        try:
            probe.connect(("127.0.0.1", place) if isinstance(place, int) else str(place))
        except OSError:
            return False
        return True
