"""`python -m fuzz [NAME ...]`: each target for a bounded time, several at once; findings are kept, told, and run again."""

import argparse
import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from fuzz import seeds
from fuzz.targets import TARGETS, Target, by_name, named

SECONDS = 20  # a target, where FUZZ_SECONDS does not say otherwise
MAX_OCTETS = 4096  # of an input; growth with large ones is held by tests that count
SLOW_SECONDS = 10  # one input that takes longer is a finding
MAX_MIB = 2048
GRACE_SECONDS = 120  # to start, to read the seeds, to end
KEPT = seeds.ROOT / ".fuzz"  # what was learnt and found, by target
_LAST = re.compile(r"#(\d+)\s+DONE\s+cov: (\d+)")
_RAISED = "=== Uncaught Python exception: ==="
_TOLD = 4000  # characters of what libFuzzer said
_KINDS = ("crash-", "timeout-", "oom-")
_ABSENT = (
    "Skipped: atheris is not here. It has ready-made wheels for Linux on x86-64 with Python 3.11 to 3.14 alone. There:\n"
    "  .venv/bin/python -m pip install --require-hashes --only-binary :all: -r requirements/fuzz.txt"
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one target ended: a line for people, what was found, the end of what it said."""

    line: str
    found: tuple[Path, ...] = ()
    said: str = ""


def main() -> int:
    """Fuzz, or run one input again; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m fuzz", description="Feed the readers what nobody foresaw.")
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"which: {', '.join(one.name for one in TARGETS)} (default: all)"
    )
    seconds = int(os.environ.get("FUZZ_SECONDS", SECONDS))
    parser.add_argument("--seconds", type=int, default=seconds, help="for each target (default: %(default)s, or FUZZ_SECONDS)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="targets at once (default: %(default)s)")
    parser.add_argument(
        "--again", type=Path, metavar="FILE", help="run this input once on the one target named; needs no atheris"
    )
    asked = parser.parse_args()
    unknown = set(asked.names) - {target.name for target in TARGETS}
    if unknown or (asked.again and len(asked.names) != 1):
        parser.error(f"there is no {', '.join(sorted(unknown))}" if unknown else "--again needs the name of one target")
    if asked.again:
        named(asked.names[0]).run(asked.again.read_bytes())
        print(f"{asked.names[0]}: nothing is found with {asked.again} any more.")
        return 0
    if importlib.util.find_spec("atheris") is None:
        print(_ABSENT)
        return 0
    return _fuzz(list(by_name(asked.names)), asked.seconds, asked.jobs)


def _fuzz(targets: list[Target], seconds: int, jobs: int) -> int:
    print(f"{len(targets)} targets, {seconds} s each, {jobs} at once.", flush=True)
    with ThreadPoolExecutor(jobs) as pool:
        outcomes = list(pool.map(lambda target: _told(_run(target, seconds)), targets))
    bad = [outcome for outcome in outcomes if outcome.said]
    for outcome in bad:
        print(f"\n=== {outcome.line}\n{outcome.said}")
    print(f"\n{len(outcomes) - len(bad)} of {len(outcomes)} targets: nothing found.")
    return 1 if bad else 0


def _told(outcome: Outcome) -> Outcome:
    print(outcome.line, flush=True)
    return outcome


def _run(target: Target, seconds: int) -> Outcome:
    """One target in a process of its own, which libFuzzer ends at its first finding."""
    folder = KEPT / target.name
    before = _findings(folder)
    options = [
        f"-max_total_time={seconds}",
        f"-max_len={MAX_OCTETS}",
        f"-timeout={SLOW_SECONDS}",
        "-len_control=10",  # long inputs soon: a dialogue, a mail with its DNS
        f"-rss_limit_mb={MAX_MIB}",
        f"-artifact_prefix={folder}/",
        f"-dict={_dictionary(folder, seeds.words(target.source))}",
        str(_filled(folder / "learnt", ())),
        str(_filled(folder / "seeds", target.seeds())),
    ]
    try:
        ended = subprocess.run(
            [sys.executable, "-m", "fuzz.one", target.name, *options],
            cwd=seeds.ROOT, capture_output=True, text=True, errors="replace", timeout=seconds + GRACE_SECONDS, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return Outcome(f"{target.name}: did not end.", said="It was stopped after its time was long over.")
    found = tuple(sorted(_findings(folder) - before))
    if ended.returncode == 0 and not found:
        last = _LAST.search(ended.stderr)
        runs, branches = (last[1], last[2]) if last else ("?", "?")
        return Outcome(
            f"{target.name}: nothing in {int(runs):,} runs, {branches} branches seen." if last else f"{target.name}: fine."
        )
    files = " ".join(str(path.relative_to(seeds.ROOT)) for path in found)
    again = f"python -m fuzz {target.name} --again {files}" if found else f"it ended with {ended.returncode}"
    return Outcome(f"{target.name}: FOUND. Again: {again}", found, _reason(ended.stdout, ended.stderr))


def _reason(out: str, err: str) -> str:
    """The exception; else what libFuzzer says at its end, such as that an input took too long."""
    _, found, raised = out.partition(_RAISED)
    return found + raised if found else err[-_TOLD:]


def _findings(folder: Path) -> set[Path]:
    return {path for kind in _KINDS for path in folder.glob(f"{kind}*")}


def _filled(folder: Path, inputs: Iterable[bytes]) -> Path:
    """A folder with one file for each input."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, octets in enumerate(inputs):
        (folder / f"{number:04}").write_bytes(octets)
    return folder


def _dictionary(folder: Path, words: Iterable[bytes]) -> Path:
    """A list of words in libFuzzer's form."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "words"
    path.write_text("".join('"' + "".join(f"\\x{octet:02x}" for octet in word) + '"\n' for word in words), "ascii")
    return path


if __name__ == "__main__":
    sys.exit(main())
