"""The knowledge files of the package, parsed once."""

import tomllib
from functools import cache
from importlib.resources import files

from mailwright.explain import Knowledge, read_knowledge


@cache
def replies() -> Knowledge:
    """What is known about servers' replies (explain/replies.toml)."""
    return read_knowledge(tomllib.loads(files("mailwright.explain").joinpath("replies.toml").read_text(encoding="utf-8")))
