"""The signers: processes that hold the private keys and sign, each on a processor of its own."""

import asyncio
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from mailwright.app.logs import logger
from mailwright.app.signer_process import ANSWER, FIELD, HASHED, KEY, KEY_HEAD, KEY_ID, LENGTH, MAIL_HEAD, WHOLE
from mailwright.flows.deliver import CannotSign, Signature

RESTART_SECONDS = 1.0  # until a signer that ended is started again
END_SECONDS = 5.0  # for a signer to end by itself
SILENT_SECONDS = 30.0  # a signer that has work and says nothing for so long hangs: a signature takes milliseconds
LOOKS = 3  # that must find the same in that time, so that none is taken to hang which only slept as long as we did
Make = Callable[[Sequence[bytes]], Signature]


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key as it is handed to a signer: `secret` is PKCS#8 DER."""

    id: int
    domain: str
    selector: str
    secret: bytes = field(repr=False)


class _Signer(asyncio.Protocol):
    """One process at the other end of a socket pair."""

    def __init__(self, silent: float) -> None:
        self.waiting: dict[int, tuple[asyncio.Future[Signature], Make]] = {}
        self._pause = silent / LOOKS
        self._oldest: int | None = None  # of those that waited at the last look
        self._same = 0  # looks that found it there
        self._timer: asyncio.TimerHandle | None = None
        self._known: set[int] = set()
        self._asked: list[bytes] = []  # what is written at the end of this turn of the loop, in one go
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._ending = False
        self._request = 0
        self.running = asyncio.Event()

    @property
    def pid(self) -> int | None:
        """The process, while it runs."""
        return self._process.pid if self._process is not None and self._transport is not None else None

    async def start(self) -> None:
        """Start the process; what is asked before it is up waits in the socket."""
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                command = [sys.executable, "-m", "mailwright.app.signer_process", str(theirs.fileno())]
                self._process = await asyncio.create_subprocess_exec(
                    *command, pass_fds=(theirs.fileno(),), stdin=subprocess.DEVNULL, start_new_session=True
                )
        except BaseException:
            ours.close()
            raise
        self._known.clear()
        self._asked.clear()
        self._buffer.clear()
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_connection(lambda: self, sock=ours)
        self._timer = loop.call_later(self._pause, self._look)
        self.running.set()

    def sign(self, keys: Sequence[SigningKey], kind: int, content: bytes, now: int, make: Make) -> asyncio.Future[Signature]:
        """Ask for one field a key."""
        future: asyncio.Future[Signature] = asyncio.get_running_loop().create_future()
        if self._transport is None:
            future.set_exception(_gone())
            return future
        self._request += 1
        self.waiting[self._request] = future, make
        for key in keys:
            if key.id not in self._known:
                self._teach(key)
        ids = b"".join([KEY_ID.pack(key.id) for key in keys])
        head = MAIL_HEAD.pack(self._request, now, len(keys))
        lead = LENGTH.pack(len(head) + len(ids) + len(content), kind)
        self._say(lead, head, ids, content)
        return future

    def data_received(self, data: bytes) -> None:
        """Answers, whole or in pieces."""
        self._buffer += data
        while len(self._buffer) >= ANSWER.size:
            length, request, worked = ANSWER.unpack_from(self._buffer)
            if len(self._buffer) - ANSWER.size < length:
                return
            said = bytes(self._buffer[ANSWER.size : ANSWER.size + length])
            del self._buffer[: ANSWER.size + length]
            self._settle(request, said, worked=worked)

    def connection_lost(self, exc: Exception | None) -> None:
        """The process ended: what it was asked is asked again later, by the mail's next try."""
        self._transport = None
        if self._timer is not None:
            self._timer.cancel()
        self.running.clear()
        waiting, self.waiting = self.waiting, {}
        for future, _ in waiting.values():
            if not future.done():
                future.set_exception(_gone())
        if not self._ending:
            logger("signer").error("signer ended", exc, restart_in=RESTART_SECONDS)
            self._again_soon()

    async def close(self) -> None:
        """End the process once it has answered."""
        self._ending = True
        if self._transport is not None:
            self._transport.close()
        if self._process is not None:
            await _reaped(self._process)

    def _look(self) -> None:
        """Whether it still answers; one that does not is ended, and what it was asked is asked again by the mail's next try."""
        oldest = next(iter(self.waiting), None)
        self._same = self._same + 1 if oldest is not None and oldest == self._oldest else 0
        self._oldest = oldest
        if self._same >= LOOKS and self._process is not None:
            logger("signer").error("signer hangs", waiting=len(self.waiting), seconds=self._pause * LOOKS)
            self._process.kill()
            return
        self._timer = asyncio.get_running_loop().call_later(self._pause, self._look)

    def _again_soon(self) -> None:
        asyncio.get_running_loop().call_later(RESTART_SECONDS, self._again)

    def _again(self) -> None:
        if not self._ending:
            self._restart = asyncio.ensure_future(self._restarted())

    async def _restarted(self) -> None:
        if self._process is not None:
            await _reaped(self._process)
        try:
            await self.start()
        except OSError as fault:  # no more processes, files or memory just now
            logger("signer").error("signer not started", fault, again_in=RESTART_SECONDS)
            self._again_soon()

    def _say(self, *octets: bytes) -> None:
        """Each write wakes the other process, which costs more than the octets: mails of one turn go together."""
        if not self._asked:
            asyncio.get_running_loop().call_soon(self._write)
        self._asked += octets

    def _write(self) -> None:
        asked, self._asked = self._asked, []
        if self._transport is not None:
            self._transport.write(b"".join(asked))

    def _teach(self, key: SigningKey) -> None:
        self._known.add(key.id)
        domain, selector = key.domain.encode("ascii"), key.selector.encode("ascii")
        payload = KEY_HEAD.pack(key.id, len(domain), len(selector)) + domain + selector + key.secret
        self._say(LENGTH.pack(len(payload), KEY), payload)

    def _settle(self, request: int, said: bytes, *, worked: bool) -> None:
        future, make = self.waiting.pop(request, (None, None))
        if future is None or make is None or future.done():
            return
        if worked:
            future.set_result(make(_fields(said)))
        else:
            future.set_exception(CannotSign(f"The mail could not be signed: {said.decode('utf-8', 'replace')}"))


class Signers:
    """N processes for the loop in which they are started; each request goes to the one with the fewest before it."""

    def __init__(self, processes: int, *, silent: float = SILENT_SECONDS) -> None:
        """`silent`: seconds after which one that has work and answers nothing is ended and started anew."""
        self._signers = [_Signer(silent) for _ in range(processes)]

    async def start(self) -> None:
        """Start them all."""
        for signer in self._signers:
            await signer.start()

    def sign_whole(self, keys: Sequence[SigningKey], content: bytes, now: int, make: Make) -> asyncio.Future[Signature]:
        """Sign a mail by each key; `make` turns the fields into the result. `now` in seconds since 1970."""
        return self._next().sign(keys, WHOLE, content, now, make)

    def sign_hashed(
        self, keys: Sequence[SigningKey], head: bytes, body_hash: bytes, now: int, make: Make
    ) -> asyncio.Future[Signature]:
        """The same for a large mail, whose body was hashed here."""
        return self._next().sign(keys, HASHED, body_hash + head, now, make)

    @property
    def processes(self) -> list[int]:
        """The process ids of those that run."""
        return [signer.pid for signer in self._signers if signer.pid is not None]

    async def up(self) -> None:
        """Wait until all of them run, also those that ended and are started again."""
        await asyncio.gather(*(signer.running.wait() for signer in self._signers))

    async def close(self) -> None:
        """End them all."""
        await asyncio.gather(*(signer.close() for signer in self._signers))

    def _next(self) -> _Signer:
        return min(self._signers, key=lambda signer: len(signer.waiting)) if len(self._signers) > 1 else self._signers[0]


async def _reaped(process: asyncio.subprocess.Process) -> None:
    try:
        async with asyncio.timeout(END_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


def _fields(said: bytes) -> list[bytes]:
    fields, at = [], 0
    while at < len(said):
        (length,) = FIELD.unpack_from(said, at)
        at += FIELD.size
        fields.append(said[at : at + length])
        at += length
    return fields


def _gone() -> CannotSign:
    return CannotSign("The signing process ended; it is being started again.", "The mail waits and is tried again by itself.")
