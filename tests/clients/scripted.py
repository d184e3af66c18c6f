"""An HTTP server that answers by a script: one line of it for each request, and it remembers what it was asked."""

import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self


@dataclass(frozen=True)
class Says:
    """An answer. `body` that is not octets is sent as JSON; `lost` closes the connection instead of answering."""

    body: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    lost: bool = False


@dataclass(frozen=True)
class Asked:
    """A request as it arrived."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: Any


LOST = Says(lost=True)


def fault(status: int, name: str, message: str = "No.", *, retry_after: str = "", **more: Any) -> Says:
    """An error as Mailwright answers it."""
    headers = {"Retry-After": retry_after} if retry_after else {}
    return Says({"statusCode": status, "name": name, "message": message, **more}, status, headers)


class Scripted:
    """The server, in a thread of its own."""

    def __init__(self, script: Sequence[Says]) -> None:
        self.asked: list[Asked] = []
        lines = iter(script)
        asked = self.asked

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                length = int(self.headers.get("Content-Length", 0))
                body = json.loads(self.rfile.read(length)) if length else None
                names = {name.lower(): value for name, value in self.headers.items()}
                asked.append(Asked(self.command, self.path, names, body))
                line = next(lines)
                self.close_connection = True
                if line.lost:
                    return
                octets = line.body if isinstance(line.body, bytes) else json.dumps(line.body).encode()
                headers = {"Content-Type": "application/json", "Content-Length": str(len(octets)), "Connection": "close"}
                self.send_response(line.status)
                for name, value in (headers | dict(line.headers)).items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(octets)

            do_GET = do_POST = do_PATCH = do_DELETE = answer  # noqa: N815 - http.server's names

            def log_message(self, format: str, *args: Any) -> None:
                """Silent."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
