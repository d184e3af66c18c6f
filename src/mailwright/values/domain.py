"""A domain name as mail uses it: lower-case A-labels inside, readable outside."""

from dataclasses import dataclass
from functools import lru_cache

import idna

from mailwright.values.errors import Malformed

MAX_NAME = 253  # octets of a name without its root dot, RFC 1035 §3.1 (255 on the wire)
MAX_LABEL = 63  # RFC 1035 §3.1
_LABEL = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-")


@dataclass(frozen=True, slots=True, order=True)
class Domain:
    """A host or mail domain name; `name` is in lower-case A-labels without the final dot."""

    name: str

    @staticmethod
    def parse(text: str) -> "Domain":
        """Read a domain name, U-labels allowed (RFC 5890 §2.3.2.1). Raises Malformed; address literals are refused."""
        return _parse(text)

    @property
    def readable(self) -> str:
        """The name with its U-labels, for people."""
        try:
            return idna.decode(self.name) if "xn--" in self.name else self.name
        except idna.IDNAError:
            return self.name

    def within(self, parent: "Domain") -> bool:
        """Whether this is `parent` or a sub-domain of it."""
        return self.name == parent.name or self.name.endswith("." + parent.name)

    def __str__(self) -> str:
        return self.name


@lru_cache(maxsize=65536)
def _parse(text: str) -> Domain:
    name = text.lower() if text.isascii() else _to_a_labels(text)
    name = name.removesuffix(".")
    if not name or len(name) > MAX_NAME:
        raise Malformed(f"{text[:80]!r} is not a domain name.", "Give a name such as example.com, at most 253 characters.")
    for label in name.split("."):
        if not _is_label(label):
            raise Malformed(f"{text[:80]!r} is not a domain name.", "Letters, digits and inner hyphens, parted by single dots.")
    return Domain(name)


def _to_a_labels(text: str) -> str:
    try:
        return idna.encode(text, uts46=True).decode("ascii")
    except idna.IDNAError as fault:
        raise Malformed(f"{text[:80]!r} is not a domain name.", "Check the spelling of the international name.") from fault


def _is_label(label: str) -> bool:
    """LDH rule (RFC 1123 §2.1)."""
    return 0 < len(label) <= MAX_LABEL and _LABEL.issuperset(label) and label[0] != "-" and label[-1] != "-"
