"""A slow network between two programs: a TCP proxy that passes bytes on in small pieces, each with its delay."""

import asyncio
from types import TracebackType
from typing import Self

PIECE = 20  # octets: shorter than nearly every line and TLS record, so that all of them arrive in parts
DELAY = 0.002  # seconds for each piece: 10 KB/s, as over a bad mobile line


class SlowLine:
    """Leads from `port` to another port of this machine, while its `async with` lasts; `pieces` counts what was passed on."""

    def __init__(self, to: int, *, piece: int = PIECE, delay: float = DELAY) -> None:
        self._to, self._piece, self._delay = to, piece, delay
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server
        self.port = 0
        self.pieces = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._to)
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._pass_on(reader, far_writer))
                both.create_task(self._pass_on(far_reader, writer))
        except* ConnectionError:
            pass  # one side has hung up
        finally:
            for end in (writer, far_writer):
                end.transport.abort()
            self._tasks.discard(task)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while heard := await reader.read(self._piece):
            await asyncio.sleep(self._delay)  # the distance itself: nothing else is waited for
            writer.write(heard)
            await writer.drain()
            self.pieces += 1
        writer.write_eof()
