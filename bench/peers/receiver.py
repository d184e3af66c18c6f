"""A sink of our own, in a process of its own, for what smtp-sink cannot: TLS, many ports, a pace, and when each mail came.

`python -m bench.peers.receiver COUNTER` prints its ports, then the names and times of the mails that are watched.
"""

import argparse
import asyncio
import json
import mmap
import signal
import struct
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import uvloop

from bench.peers.program import OURS, START_SECONDS, Absent, Program, else_stopped
from bench.peers.sink import Counted
from mailwright.net.tls import server_context
from tests.crash.sink import Sink

_COUNT = struct.Struct("=Q")


class Receiver(Counted):
    """A running sink. `certificate` and its key: it offers STARTTLS; `answer_after`: seconds between a dot and its 250;
    `watched`: how the names of those mails begin whose time is kept.
    """

    def __init__(
        self,
        folder: Path,
        *,
        ports: int = 1,
        certificate: tuple[Path, Path] | None = None,
        answer_after: float = 0.0,
        watched: str = "",
    ) -> None:
        self.ports: Sequence[int] = ()
        self._counter = folder / "counter"
        self._counter.write_bytes(_COUNT.pack(0))
        options = ["--ports", str(ports), "--answer-after", str(answer_after), "--watched", watched]
        options += ["--certificate", *map(str, certificate)] if certificate else []
        command = [sys.executable, "-m", "bench.peers.receiver", str(self._counter), *options]
        self._program = Program(command, folder=folder, env=OURS)

    @property
    def count(self) -> int:
        """Messages taken so far."""
        number: int = _COUNT.unpack(self._counter.read_bytes())[0]
        return number

    @property
    def came(self) -> dict[str, float]:
        """The watched mails, by the local part of their recipient: when each got its 250, on the monotonic clock."""
        return {str(name): float(when) for name, when in self._told()[1:]}

    def __enter__(self) -> Self:
        self._program.__enter__()
        with else_stopped(self):
            self.ports = self._await_ports()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._program.__exit__(kind, error, trace)

    @property
    def port(self) -> int:
        """The first of its ports."""
        return self.ports[0]

    def _await_ports(self) -> list[int]:
        limit = time.monotonic() + START_SECONDS
        while time.monotonic() < limit:
            if told := self._told():
                return [int(port) for port in told[0]]
            time.sleep(0.05)
        raise Absent(f"The sink did not start:\n{self._program.last_words()}")

    def _told(self) -> list[list[str | float]]:
        whole = self._program.log.read_text("utf-8").rpartition("\n")[0]
        return [json.loads(line) for line in whole.splitlines() if line.startswith("[")]


async def _serve(asked: argparse.Namespace) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    context = server_context(*asked.certificate) if asked.certificate else None
    with asked.counter.open("r+b") as file, mmap.mmap(file.fileno(), _COUNT.size) as counter:
        count = 0

        def answered(mail: str) -> None:
            nonlocal count
            count += 1
            _COUNT.pack_into(counter, 0, count)
            if asked.watched and mail.startswith(asked.watched):
                print(json.dumps([mail, time.monotonic()]), flush=True)

        async with Sink(answer_after=asked.answer_after, context=context, ports=asked.ports) as sink:
            sink.on_answer = answered
            print(json.dumps(sink.ports), flush=True)
            await stop.wait()


def main() -> None:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser()
    parser.add_argument("counter", type=Path)
    parser.add_argument("--ports", type=int, required=True)
    parser.add_argument("--certificate", type=Path, nargs=2)
    parser.add_argument("--answer-after", type=float, required=True)
    parser.add_argument("--watched", required=True)
    uvloop.run(_serve(parser.parse_args()))


if __name__ == "__main__":
    main()
