"""One target under atheris, in a process of its own, for libFuzzer ends it: `python -m fuzz.one NAME [libFuzzer's options]`."""

import importlib
import sys

import atheris


def main() -> None:
    """Fuzz until the options say that it is enough, or something is found."""
    name = sys.argv.pop(1)
    with atheris.instrument_imports(include=["mailwright"]):  # its branches and comparisons guide the fuzzer
        targets = importlib.import_module("fuzz.targets")
    atheris.Setup(sys.argv, targets.named(name).run)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
