"""smtp-source: hands in mail as fast as it is taken, over a number of sessions at once."""

import subprocess
import time
from dataclasses import dataclass

from bench.peers.program import Absent, find

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
    """Hand in `count` mails; the monotonic time at which it began. Raises Absent with the reply where one is refused."""
    arguments = [find("smtp-source", _PACKAGE), *(["-d"] if load.reuse else [])]
    arguments += ["-s", str(load.sessions), "-m", str(count), "-l", str(load.size), "-f", FROM, "-t", TO]
    began = time.monotonic()
    done = subprocess.run([*arguments, f"127.0.0.1:{port}"], check=False, capture_output=True, text=True, timeout=_LIMIT)
    if done.returncode:
        raise Absent(f"it did not take the mail: {done.stderr.strip()[-300:]}")
    return began
