"""uvicorn inside the loop that already runs: no signal handlers of its own, no access log, closed by whoever opened it."""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import uvicorn
from starlette.types import ASGIApp

from mailwright.api.protocol import Bounded, watch
from mailwright.net.listening import cannot_listen

BACKLOG = 128
IDLE = 30  # seconds that an unused connection is kept
LAST_REQUESTS = 5  # seconds that requests under way may take at the end
MOST_AT_ONCE = 2000  # connections: applications, people who watch, and monitoring; more are answered 503


class _Server(uvicorn.Server):
    """Leaves SIGTERM and SIGINT to the process, and says when it serves."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.serving = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """None: the process ends its parts in its own order."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn does it, then tell."""
        await super().startup(sockets=sockets)
        self._watch = asyncio.create_task(watch(self.server_state.connections), name="http clients")
        self.serving.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn does it."""
        self._watch.cancel()
        await super().shutdown(sockets=sockets)


@dataclass(frozen=True, slots=True)
class Served:
    """A web port that serves; `address` is the real one, also where port 0 was asked for."""

    address: tuple[str, int]
    _server: _Server
    _task: "asyncio.Task[None]"
    _ending: Callable[[], None]

    async def close(self) -> None:
        """Take no more requests, end those under way, free the port."""
        self._ending()
        self._server.should_exit = True
        await self._task


async def serve(app: ASGIApp, host: str, port: int, *, ending: Callable[[], None] = lambda: None) -> Served:
    """Serve `app` at an IP address and port in the running loop; `ending` ends what would go on without end, such as streams.

    Raises MailwrightError where the address is taken.
    """
    listening = _listening(host, port)
    address = listening.getsockname()
    config = uvicorn.Config(
        app,
        http=Bounded,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=BACKLOG,
        timeout_keep_alive=IDLE,
        timeout_graceful_shutdown=LAST_REQUESTS,
        limit_concurrency=MOST_AT_ONCE,
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[listening]), name="http")
    task.add_done_callback(lambda _: server.serving.set())
    await server.serving.wait()
    if task.done():  # it ended before it served
        task.result()
    return Served((address[0], address[1]), server, task, ending)


def _listening(host: str, port: int) -> socket.socket:
    """Bound here, because uvicorn would end the process where it cannot."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    try:
        listening.bind((host, port))
    except OSError as fault:
        listening.close()
        shown = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        raise cannot_listen("The web port", shown, fault, key="http.address in the settings") from fault
    listening.setblocking(False)
    return listening
