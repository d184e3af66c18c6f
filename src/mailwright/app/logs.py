"""Structured logs: one JSON object or one readable line per event, written by a thread, without secrets and without forgery."""

import atexit
import collections
import logging
import os
import select
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mailwright.app.logline import Entry, json_line, text_line

LINGER = 0.02  # seconds that lines are gathered for: one system call and one change of thread for all of them
MOST_WAITING = 50_000  # lines, some 20 MB: more means that nobody reads, and mail goes on without its log
LAST_WORDS = 5.0  # seconds that the end waits for a reader who has stopped reading
ROOT = "mailwright"
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message", "taskName"}


@dataclass(slots=True)
class _Now:
    """What is in force in this process; logging is the process's, so this stands alone at module level."""

    level: int = logging.WARNING
    writer: "LogWriter | None" = None


class Logger:
    """Tells events with fields: `log.info("delivered", message=id, to=address)`. Costs a comparison where the level is off."""

    __slots__ = ("_name", "_plain")

    def __init__(self, name: str) -> None:
        self._name = name
        self._plain = logging.getLogger(f"{ROOT}.{name}")

    def debug(self, event: str, /, **fields: Any) -> None:
        """Worth reading only where a fault is looked for."""
        if _now.level <= logging.DEBUG:
            self._tell(logging.DEBUG, event, fields)

    def info(self, event: str, /, **fields: Any) -> None:
        """What happened, as it should."""
        if _now.level <= logging.INFO:
            self._tell(logging.INFO, event, fields)

    def warning(self, event: str, /, **fields: Any) -> None:
        """Something harms, and mail still flows."""
        if _now.level <= logging.WARNING:
            self._tell(logging.WARNING, event, fields)

    def error(self, event: str, /, cause: BaseException | None = None, **fields: Any) -> None:
        """Something is broken; `cause` is told with its traceback."""
        if _now.level <= logging.ERROR:
            self._tell(logging.ERROR, event, fields, cause)

    def _tell(self, level: int, event: str, fields: Mapping[str, Any], cause: BaseException | None = None) -> None:
        if _now.writer is None:  # not started, as in a test: the standard library's own way
            self._plain.log(level, event, extra={"fields": fields}, exc_info=cause)
        else:
            _now.writer.put(Entry(time.time(), level, self._name, event, fields, cause))


class LogWriter(logging.Handler):
    """Gathers entries of ours and records of the standard library, and writes them from a thread of its own."""

    def __init__(self, write: Callable[[bytes], object], render: Callable[[Entry], str]) -> None:
        super().__init__()
        self._write, self._render = write, render
        self._waiting: collections.deque[Entry] = collections.deque()
        self._lost = 0
        self._awake = False
        self._work, self._closing = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="logs", daemon=True)
        self._thread.start()

    def put(self, entry: Entry) -> None:
        """Take an entry, from any thread, without waiting; where nobody reads, the newest is lost and counted."""
        if len(self._waiting) >= MOST_WAITING:
            self._lost += 1
            return
        self._waiting.append(entry)
        if not self._awake:
            self._awake = True
            self._work.set()

    def handle(self, record: logging.LogRecord) -> bool:
        """A record of the standard library, without its lock: the deque needs none."""
        if self.filter(record):
            self.emit(record)
        return True

    def emit(self, record: logging.LogRecord) -> None:
        """The fields are those of `extra`: a mapping named "fields", or else one by one."""
        fields = vars(record).get("fields")
        if not isinstance(fields, Mapping):
            fields = {name: value for name, value in vars(record).items() if name not in _STANDARD}
        cause = record.exc_info[1] if record.exc_info else None
        self.put(Entry(record.created, record.levelno, record.name.removeprefix(f"{ROOT}."), record.getMessage(), fields, cause))

    def close(self) -> None:
        """Write what waits and end; nothing told before is lost while somebody reads."""
        self._closing.set()
        self._work.set()
        if threading.current_thread() is not self._thread:
            self._thread.join(LAST_WORDS)
        super().close()

    def _run(self) -> None:
        while not self._closing.is_set():
            self._work.wait()
            self._closing.wait(LINGER)
            self._work.clear()
            self._awake = False  # before draining: what comes from here on wakes us again
            self._drain()
        self._drain()

    def _drain(self) -> None:
        while self._waiting:
            batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), 500))]
            self._out("".join(map(self._rendered, batch)))
        if self._lost:
            lost, self._lost = self._lost, 0
            self._out(
                self._rendered(Entry(time.time(), logging.WARNING, "logs", "log lines lost: nobody read them", {"lines": lost}))
            )

    def _rendered(self, entry: Entry) -> str:
        """A line; an entry that cannot be shown must not end the log."""
        try:
            return self._render(entry)
        except Exception as fault:  # noqa: BLE001 - any object may stand in a field; what cannot be shown is said
            return self._render(Entry(entry.at, logging.ERROR, "logs", "log line not shown", {"fault": type(fault).__name__}))

    def _out(self, lines: str) -> None:
        try:
            self._write(lines.encode("utf-8", "backslashreplace"))
        except OSError:
            self._lost += lines.count("\n")  # disk full or reader gone: mail goes on, the loss is told when it can be


_now = _Now()


def logger(name: str) -> Logger:
    """The logger of a part: "delivery", "submission". Rooms below `app` use logging.getLogger("mailwright.<part>") with
    extra={"fields": {...}}, which ends in the same lines."""
    return Logger(name)


def start(*, level: str = "info", form: str = "auto", addresses: bool = True, fd: int = 2) -> LogWriter:
    """Send every line of this process to a file descriptor, standard error by default; end it with `stop`.

    `form` is "json", "text" or "auto" (text on a terminal); `addresses=False` leaves only the domains of mail addresses.
    """
    stop()
    text = form == "text" or (form == "auto" and os.isatty(fd))
    line = text_line if text else json_line
    writer = LogWriter(_descriptor(fd), lambda entry: line(entry, addresses=addresses))
    threshold = logging.getLevelNamesMapping()[level.upper()]
    _now.level, _now.writer = threshold, writer
    root = logging.getLogger()
    root.addHandler(writer)
    root.setLevel(max(threshold, logging.WARNING))  # what other libraries tell below a warning helps nobody here
    logging.getLogger(ROOT).setLevel(threshold)
    logging.captureWarnings(capture=True)
    atexit.register(stop)
    return writer


def stop() -> None:
    """Write what waits and leave logging as it was; harmless where it was not started."""
    writer, _now.writer, _now.level = _now.writer, None, logging.WARNING
    if writer is None:
        return
    logging.getLogger().removeHandler(writer)
    logging.captureWarnings(capture=False)
    writer.close()
    atexit.unregister(stop)


def _descriptor(fd: int) -> Callable[[bytes], object]:
    """Writes whole: a pipe takes less than it is given, and a terminal may have been made non-blocking by another program."""

    def write(data: bytes) -> None:
        view = memoryview(data)
        while view:
            try:
                view = view[os.write(fd, view) :]
            except BlockingIOError:
                select.select((), (fd,), ())

    if fd == 2:
        sys.stderr.flush()
    return write
