"""The knowledge files of the package, parsed once."""

import tomllib
from functools import cache
from importlib.resources import files

from mailwright.domains import PublicSuffixes
from mailwright.domains.dnshosts import Provider, read_provider
from mailwright.explain import Knowledge, read_knowledge
from mailwright.values import Malformed


@cache
def replies() -> Knowledge:
    """What is known about servers' replies (explain/replies.toml)."""
    return read_knowledge(tomllib.loads(files("mailwright.explain").joinpath("replies.toml").read_text(encoding="utf-8")))


@cache
def public_suffixes() -> PublicSuffixes:
    """The public suffix list, as the package publicsuffixlist brings it; newer lists come with newer versions of that package."""
    return PublicSuffixes(files("publicsuffixlist").joinpath("public_suffix_list.dat").read_text(encoding="utf-8").splitlines())


@cache
def dns_hosts() -> tuple[Provider, ...]:
    """What is known about DNS hosts (domains/providers/, a file each), in the order of their keys."""
    folder = files("mailwright.domains").joinpath("providers")
    pages = {page.name.removesuffix(".toml"): page for page in folder.iterdir() if page.name.endswith(".toml")}
    return tuple(dns_host(key, pages[key].read_text(encoding="utf-8")) for key in sorted(pages))


def dns_host(key: str, text: str) -> Provider:
    """A DNS host from the text of its file. Raises Malformed, which names the file and what is wrong in it."""
    try:
        return read_provider(key, tomllib.loads(text))
    except tomllib.TOMLDecodeError as fault:
        raise Malformed(f"{key}.toml is no TOML: {fault}.", "Compare it with another file of its folder.") from fault
