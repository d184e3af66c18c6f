"""smtp-source: hands in mail as fast as it is taken, over a number of sessions at once."""

import subprocess
import time
from dataclasses import dataclass

from bench.peers.program import find

FROM = "from@customer.example"
TO = "to@dest.example"
_PACKAGE = "postfix"
_LIMIT = 600.0  # seconds for one run: what takes longer hangs


@dataclass(frozen=True, slots=True)
class Load:
    """What is handed in: `sessions` at once, mails of `size` octets; `reuse` sends mail after mail over one connection."""

    sessions: int
    size: int
    reuse: bool = True


def pump(load: Load, count: int, port: int) -> float:
    """Hand in `count` mails; the monotonic time at which it began. Raises CalledProcessError with what smtp-source said."""
    arguments = [find("smtp-source", _PACKAGE), *(["-d"] if load.reuse else [])]
    arguments += ["-s", str(load.sessions), "-m", str(count), "-l", str(load.size), "-f", FROM, "-t", TO]
    began = time.monotonic()
    subprocess.run([*arguments, f"127.0.0.1:{port}"], check=True, capture_output=True, timeout=_LIMIT)
    return began
