"""Mail handed in over SMTP, signed, made durable and delivered: us beside Postfix with and without OpenDKIM."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from bench.beside import Shoot, beside
from bench.context import Context
from bench.peers import postfix, slowdisk, source
from bench.peers.mailwright import Mailwright
from bench.peers.opendkim import OpenDkim
from bench.peers.postfix import Postfix
from bench.peers.sink import Sink
from bench.peers.source import Load
from bench.pumped import pumped
from bench.table import Row, Table

DOMAIN = source.FROM.partition("@")[2]
SELECTOR = "mw1"
CEILING, PLAIN, SIGNED, OURS = "no system", "Postfix", "Postfix+OpenDKIM", "Mailwright"
SYSTEMS = (CEILING, PLAIN, SIGNED, OURS)


@dataclass(frozen=True, slots=True)
class Case:
    """One row: what is handed in, whether the disk is slow, and whether anybody signs."""

    name: str
    load: Load
    slow: bool = False
    signs: bool = True

    def takes(self, system: str) -> bool:
        """Whether this row has a figure of that system."""
        if system == CEILING:
            return self.signs and not self.slow
        return self.signs or system != SIGNED


CASES = (
    Case("5 KB, 20 sessions", Load(20, 5 * 1024)),
    Case("5 KB, 20 sessions, nobody signs", Load(20, 5 * 1024), signs=False),
    Case("5 KB, 100 sessions", Load(100, 5 * 1024)),
    Case("5 KB, 20 sessions, a connection a mail", Load(20, 5 * 1024, reuse=False)),
    Case("100 KB, 20 sessions", Load(20, 100 * 1024)),
    Case(f"5 KB, 100 sessions, +{slowdisk.SLOW_MS} ms per sync", Load(100, 5 * 1024), slow=True),
)
NOTES = (
    f"At 100 sessions Postfix gets {postfix.SESSIONS}: it has 100 processes for clients.",
    "no system: the source straight into the sink, the most that this machine can show.",
    "nobody signs: the account's own server does, so that Mailwright hands on what it was given, as Postfix without OpenDKIM.",
    "The slow disk sleeps, and sleeping overlaps across processes: that favours Postfix, which has many.",
)


@dataclass(frozen=True, slots=True)
class Ready:
    """A system that takes mail at `port`; `roots` are its processes."""

    port: int
    roots: tuple[int, ...] = ()


def run(context: Context) -> Table:
    """Measure every case on every system that is there."""
    key = new_key(context.root)
    checked: set[str] = set()
    rows = []
    for case in CASES:
        taking = [system for system in SYSTEMS if case.takes(system)]
        starts = {system: partial(_started, context, system, case, key, checked) for system in taking}
        rows.append(Row(case.name, beside(context, case.name, starts, skip_as=", slow disk" if case.slow else "")))
    return Table("through: handed in, signed, durable, delivered", "mails/s", SYSTEMS, rows, OURS, [*NOTES, *context.notes()])


def _started(context: Context, system: str, case: Case, key: Path, checked: set[str], stack: ExitStack) -> Shoot:
    if system not in checked:
        _check_signature(context, system, key)
        checked.add(system)
    shim = slowdisk.build(context.folder("shim")) if case.slow else None
    load = _load_for(system, case.load)
    sink = stack.enter_context(Sink(context.folder("sink")))
    ready = stack.enter_context(_running(context, system, sink.port, key, shim=shim, signs=case.signs))
    return pumped(lambda count: source.pump(load, count, ready.port), sink, context, roots=ready.roots)


def _load_for(system: str, load: Load) -> Load:
    if system in (PLAIN, SIGNED) and load.sessions > postfix.SESSIONS:
        return Load(postfix.SESSIONS, load.size, load.reuse)
    return load


@contextmanager
def _running(
    context: Context, system: str, sink: int, key: Path, *, shim: Path | None = None, signs: bool = True
) -> Iterator[Ready]:
    with ExitStack() as stack:
        if system == CEILING:
            yield Ready(sink)
        elif system == PLAIN:
            plain = stack.enter_context(Postfix(context.folder("postfix"), sink=sink, shim=shim))
            yield Ready(plain.port, (plain.pid,))
        elif system == SIGNED:
            signer = stack.enter_context(OpenDkim(context.folder("opendkim"), key=key, domain=DOMAIN, selector=SELECTOR))
            signed = stack.enter_context(Postfix(context.folder("postfix"), sink=sink, milter=signer.socket, shim=shim))
            yield Ready(signed.port, (signed.pid, signer.pid))
        else:
            folder = context.folder("mailwright")
            ours = stack.enter_context(Mailwright(folder, sink=sink, domain=DOMAIN, signs=signs, shim=shim))
            yield Ready(ours.port, (ours.pid,))


def _check_signature(context: Context, system: str, key: Path) -> None:
    """Nobody is measured unsigned by mistake: one mail is kept and looked at. Raises RuntimeError."""
    if system == CEILING:
        return
    kept = context.folder("kept")
    with Sink(context.folder("sink"), keep=kept) as sink, _running(context, system, sink.port, key) as ready:
        source.pump(Load(1, 1024), 1, ready.port)
        signed = b"\nDKIM-Signature:" in _the_one_mail(kept)
    if signed != (system != PLAIN):
        raise RuntimeError(f"{system} {'signs' if signed else 'does not sign'}: the comparison would not be fair.")


def _the_one_mail(folder: Path) -> bytes:
    limit = time.monotonic() + 10
    while time.monotonic() < limit:
        for path in folder.iterdir():
            if (mail := path.read_bytes()).count(b"\n\n") and mail.endswith(b"X\n\n"):
                return mail
        time.sleep(0.05)
    raise RuntimeError("The first mail did not arrive within 10 s.")


def new_key(folder: Path) -> Path:
    """An RSA-2048 key for OpenDKIM; Mailwright makes its own of the same kind."""
    path = folder / "key.pem"
    key = rsa.generate_private_key(65537, 2048)
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()))
    return path
