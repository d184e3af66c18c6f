"""The live resolver: askings driven by the DNS, with a cache, one query for many who ask alike, and time-outs that hold."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import dns.exception
import dns.resolver

from mailwright.dns import Answer, Asking, Cause, Failed, Missing, Question, askable
from mailwright.net.dnscache import MAX_TTL, MIN_TTL, Cache
from mailwright.net.dnswire import BadAnswer, Server, exchange
from mailwright.values import Unavailable

TRY_SECONDS = 2.0  # one server, one try: a recursive server needs about one for a far zone
LOOKUP_SECONDS = 6.0  # a lookup in all: each of two servers may lose a datagram
RUN_SECONDS = 20.0  # a whole asking: RFC 7208 §4.6.4 gives SPF at least 20 seconds
# Of a whole asking, from the cache or not: the costliest honest mail (SPF of ten MX with ten hosts each, ten signatures, fifty
# ARC sets, eight DMARC steps for each domain) needs some 400; a mail made to make us ask ends there.
RUN_QUESTIONS = 500
ROUNDS = 2  # a datagram may be lost once
CACHE_SIZE = 50_000  # answers; about 1 KB each
CONCURRENT = 256  # queries in flight: each holds a socket
RESOLV_CONF = Path("/etc/resolv.conf")
LOOK_SECONDS = 3.0  # between two looks at whether it changed

_TOO_MANY = Failed(Cause.TIMEOUT, "the questions for this check are used up")

T = TypeVar("T")
log = logging.getLogger(__name__)


def system_servers(path: Path = RESOLV_CONF) -> tuple[Server, ...]:
    """The servers that resolv.conf(5) names. Raises Unavailable where it names none."""
    try:
        system = dns.resolver.Resolver(filename=str(path))
    except (dns.resolver.NoResolverConfiguration, ValueError) as fault:  # ValueError: something else than addresses
        raise Unavailable("The system names no DNS server.", f"Name one in {path} or in the settings.") from fault
    return tuple([(str(server), system.port) for server in system.nameservers])


class SystemServers:
    """Follows resolv.conf, which changes when a machine moves to another network; what cannot be read changes nothing."""

    def __init__(self, path: Path, clock: Callable[[], float]) -> None:
        """`clock` gives seconds that never step back. Raises Unavailable where no server is named."""
        self._path, self._clock = path, clock
        self._next_look = clock() + LOOK_SECONDS
        self._seen = self._mark()
        self.servers = system_servers(path)

    def changed(self) -> bool:
        """Whether there are other `servers` than at the last look; looks every few seconds at most."""
        now = self._clock()
        if now < self._next_look:
            return False
        self._next_look = now + LOOK_SECONDS
        mark, before = self._mark(), self.servers
        if mark == self._seen:
            return False
        self._seen = mark
        try:
            self.servers = system_servers(self._path)
        except Unavailable:  # it is being written, or is gone
            log.warning("%s changed and names no DNS server; those of before are asked", self._path)
        return self.servers != before

    def _mark(self) -> tuple[int, int, int] | None:
        """What changes with the file: a new one may be moved into its place."""
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_ino, found.st_size


class Resolver:
    """Answers questions from recursive DNS servers; for one event loop.

    `clock` gives seconds that never step back. The AD bit is told as the servers tell it: believe it only where the way
    to them is safe, as on the same machine (RFC 4035 §4.9.3). The counters only grow. Without `servers` those of the system
    are asked, as its file `system` names them at the time.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float],
        servers: Sequence[Server] = (),
        system: Path = RESOLV_CONF,
        try_seconds: float = TRY_SECONDS,
        lookup_seconds: float = LOOKUP_SECONDS,
        run_seconds: float = RUN_SECONDS,
        run_questions: int = RUN_QUESTIONS,
        cache_size: int = CACHE_SIZE,
        min_ttl: int = MIN_TTL,
        max_ttl: int = MAX_TTL,
        concurrent: int = CONCURRENT,
    ) -> None:
        self._clock = clock
        self._system = None if servers else SystemServers(system, clock)
        self._servers = tuple(servers) if self._system is None else self._system.servers
        self._try_seconds = try_seconds
        self._lookup_seconds = lookup_seconds
        self._run_seconds = run_seconds
        self._run_questions = run_questions
        self._cache = Cache(size=cache_size, clock=clock, min_ttl=min_ttl, max_ttl=max_ttl)
        self._flights: dict[Question, asyncio.Task[Answer]] = {}
        self._room = asyncio.Semaphore(concurrent)
        self.hits = 0  # answered from the cache
        self.misses = 0  # asked the servers
        self.shared = 0  # waited for the same question of somebody else
        self.failures = 0  # lookups that ended in Failed

    async def run(self, asking: Asking[T], *, seconds: float | None = None, most: int | None = None) -> T:
        """Drive an asking to its end; what has not come after `seconds` in all is Failed, and so is what is asked beyond `most`
        questions. Waits only for what is not cached.
        """
        ends = self._clock() + (self._run_seconds if seconds is None else seconds)
        left = self._run_questions if most is None else most
        try:
            questions = next(asking)
            while True:
                asked = questions[:left]
                left -= len(asked)
                answers = self._at_hand(asked)
                if answers is None:
                    answers = await self._awaited(asked, ends)
                questions = asking.send(answers + (_TOO_MANY,) * (len(questions) - len(asked)))
        except StopIteration as end:
            result: T = end.value
            return result
        finally:
            asking.close()

    async def answer(self, question: Question) -> Answer:
        """The answer to one question, within the time for a run."""
        (answer,) = await self.answers((question,))
        return answer

    async def answers(self, questions: tuple[Question, ...]) -> tuple[Answer, ...]:
        """The answers to several questions, asked at once."""
        at_hand = self._at_hand(questions)
        return await self._awaited(questions, self._clock() + self._run_seconds) if at_hand is None else at_hand

    def forget(self, name: str) -> None:
        """Read a name anew at the next question: somebody has just changed its records."""
        self._cache.forget(name)

    async def close(self) -> None:
        """Give up all queries in flight; those who wait for them are told Failed."""
        flights = tuple(self._flights.values())
        for flight in flights:
            flight.cancel()
        await asyncio.gather(*flights, return_exceptions=True)

    def _at_hand(self, questions: tuple[Question, ...]) -> tuple[Answer, ...] | None:
        """All answers from the cache, None where one is not there."""
        answers = []
        for question in questions:
            answer = self._cache.answer(question)
            if answer is None:
                return None
            answers.append(answer)
        self.hits += len(answers)
        return tuple(answers)

    async def _awaited(self, questions: tuple[Question, ...], ends: float) -> tuple[Answer, ...]:
        """Waiting never ends a flight: others may wait for it, and the cache wants its answer too."""
        flights = {question: self._flight(question) for question in dict.fromkeys(questions)}
        waiting = [flight for flight in flights.values() if isinstance(flight, asyncio.Task)]
        if waiting:
            await asyncio.wait(waiting, timeout=max(0.0, ends - self._clock()))
        return tuple([_landed(flights[question]) for question in questions])

    def _flight(self, question: Question) -> Answer | asyncio.Task[Answer]:
        """The answer where it is cached, else the one query in flight for it."""
        answer = self._cache.answer(question)
        if answer is not None:
            self.hits += 1
            return answer
        if not askable(question.name):
            return Missing(name_exists=False)  # a name that cannot be does not exist, RFC 1035 §3.1
        flight = self._flights.get(question)
        if flight is not None:
            self.shared += 1
            return flight
        self.misses += 1
        flight = self._flights[question] = asyncio.get_running_loop().create_task(self._look_up(question))
        flight.add_done_callback(lambda _: self._flights.pop(question, None))
        return flight

    async def _look_up(self, question: Question) -> Answer:
        failures: list[Failed] = []
        self._follow_system()
        try:
            async with asyncio.timeout(self._lookup_seconds), self._room:
                answer = await self._from_servers(question, failures)
        except TimeoutError:
            answer = _told(failures, f"no answer within {self._lookup_seconds:g} seconds")
        except Exception:  # whatever a server can make our reader do, those who wait get an answer
            log.exception("dns lookup failed", extra={"question": str(question)})
            answer = Failed(Cause.SERVFAIL, "the answer could not be read; the log says why")
        self.failures += isinstance(answer, Failed)
        return self._cache.keep(question, answer)

    async def _from_servers(self, question: Question, failures: list[Failed]) -> Answer:
        """Each server in turn, beginning with the one that answered last; those that lost a datagram once more."""
        servers = list(self._servers)
        for _ in range(ROUNDS):
            for server in tuple(servers):
                answer = await self._tried(question, server)
                if not isinstance(answer, Failed):
                    self._prefer(server)
                    return answer
                failures.append(answer)
                if answer.cause is not Cause.TIMEOUT:
                    servers.remove(server)
        failure = _told(failures, "no server answered")
        return await self._why(question, failure) if failure.cause is Cause.SERVFAIL else failure

    async def _tried(self, question: Question, server: Server, *, validate: bool = True) -> Answer:
        try:
            async with asyncio.timeout(self._try_seconds):
                answer = await exchange(question, server, validate=validate)
        except TimeoutError:
            return Failed(Cause.TIMEOUT, f"{server[0]}: no answer within {self._try_seconds:g} seconds")
        except OSError as fault:
            return Failed(Cause.TIMEOUT, f"{server[0]}: cannot be reached ({fault.strerror or type(fault).__name__})")
        except BadAnswer as fault:
            return Failed(Cause.SERVFAIL, f"{server[0]}: {fault}")
        return Failed(answer.cause, f"{server[0]}: {answer.detail}") if isinstance(answer, Failed) else answer

    async def _why(self, question: Question, failure: Failed) -> Failed:
        """A validating server says SERVFAIL where signatures are wrong; without validation it answers (RFC 4035 §4.7)."""
        if isinstance(await self._tried(question, self._servers[0], validate=False), Failed):
            return failure
        return Failed(Cause.BOGUS, f"{failure.detail}; it answers only with DNSSEC validation switched off")

    def _follow_system(self) -> None:
        if self._system is not None and self._system.changed():
            self._servers = self._system.servers
            log.info("other DNS servers are asked from now on", extra={"servers": [host for host, _ in self._servers]})

    def _prefer(self, server: Server) -> None:
        if self._servers[0] != server and server in self._servers:  # else they are others by now
            self._servers = (server, *[other for other in self._servers if other != server])


def _landed(flight: Answer | asyncio.Task[Answer]) -> Answer:
    if not isinstance(flight, asyncio.Task):
        return flight
    if not flight.done():
        return Failed(Cause.TIMEOUT, "the time for this check is up")
    return Failed(Cause.TIMEOUT, "the resolver was closed") if flight.cancelled() else flight.result()


def _told(failures: Sequence[Failed], otherwise: str) -> Failed:
    """The most telling of several failures: a server that says why comes before one that says nothing."""
    said = [failure for failure in failures if failure.cause is not Cause.TIMEOUT]
    return (said or [*failures] or [Failed(Cause.TIMEOUT, otherwise)])[0]
