"""`python -m bench [NAME ...]`: run the benches of bench/BENCHES, one table each."""

import argparse
import importlib
import signal
import sys
import time
from pathlib import Path

from bench.context import fresh_context
from bench.rounds import ROUNDS

BENCHES = Path(__file__).with_name("BENCHES")


def listed() -> list[str]:
    """The names in bench/BENCHES, in order."""
    lines = (line.partition("#")[0].strip() for line in BENCHES.read_text("utf-8").splitlines())
    return [line for line in lines if line]


def main() -> int:
    """Run what is asked for; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Mailwright beside its peers.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which benches: {', '.join(listed())} (default: all)")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="rounds that count, after the warm-up (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=2.5, help="about how long one round lasts (default: %(default)s)")
    parser.add_argument("--only", action="append", default=[], metavar="SYSTEM", help="measure this system only; may be repeated")
    asked = parser.parse_args()
    unknown = [name for name in asked.names if name not in listed()]
    if unknown:
        parser.error(f"there is no bench {', '.join(unknown)}; there are: {', '.join(listed())}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is stopped
    try:
        _run(asked)
    except KeyboardInterrupt:
        print("\nStopped; all that was started for it has ended.")
        return 130  # as a shell says it: 128 + SIGINT
    return 0


def _run(asked: argparse.Namespace) -> None:
    started = time.monotonic()
    for name in asked.names or listed():
        began = time.monotonic()
        with fresh_context(rounds=asked.rounds, seconds=asked.seconds, only=frozenset(asked.only)) as context:
            table = importlib.import_module(f"bench.{name}").run(context)
        print(f"\n{table}\n- {name} took {time.monotonic() - began:.0f} s", flush=True)
    print(f"\nAll of it took {(time.monotonic() - started) / 60:.0f} min.")


if __name__ == "__main__":
    sys.exit(main())
