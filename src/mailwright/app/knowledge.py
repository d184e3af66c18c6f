"""The knowledge files of the package, parsed once."""

import tomllib
from functools import cache
from importlib.resources import files

from mailwright.domains import PublicSuffixes
from mailwright.explain import Knowledge, read_knowledge


@cache
def replies() -> Knowledge:
    """What is known about servers' replies (explain/replies.toml)."""
    return read_knowledge(tomllib.loads(files("mailwright.explain").joinpath("replies.toml").read_text(encoding="utf-8")))


@cache
def public_suffixes() -> PublicSuffixes:
    """The public suffix list, as the package publicsuffixlist brings it; newer lists come with newer versions of that package."""
    return PublicSuffixes(files("publicsuffixlist").joinpath("public_suffix_list.dat").read_text(encoding="utf-8").splitlines())
