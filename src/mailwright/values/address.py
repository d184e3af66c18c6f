"""A mailbox address: local part and domain."""

from dataclasses import dataclass

from mailwright.values.domain import Domain
from mailwright.values.errors import Malformed

MAX_LOCAL = 64  # octets, RFC 5321 §4.5.3.1.1
MAX_PATH = 254  # octets of an address: 256 of a path less its angle brackets, RFC 5321 §4.5.3.1.3
_ATEXT = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-/=?^_`{|}~")  # RFC 5322 §3.2.3


@dataclass(frozen=True, slots=True, order=True)
class Address:
    """A mailbox; `local` keeps its spelling (RFC 5321 §2.4), in canonical form: quoted only where it must be."""

    local: str
    domain: Domain

    @staticmethod
    def parse(text: str) -> "Address":
        """Read `local@domain` (RFC 5321 §4.1.2 Mailbox, RFC 6531 §3.3). Raises Malformed; address literals are refused."""
        local, at, domain = text.rpartition("@")
        if not at:
            raise Malformed(f"{text[:80]!r} is not an address: there is no @.", "Write it as name@example.com.")
        return Address(_local(local, text), _fitting(Domain.parse(domain), local, text))

    @property
    def needs_smtputf8(self) -> bool:
        """Whether the local part has characters beyond ASCII (RFC 6531 §3.3)."""
        return not self.local.isascii()

    def __str__(self) -> str:
        return f"{self.local}@{self.domain.name}"


def _local(local: str, text: str) -> str:
    if not local or len(local.encode("utf-8", "surrogatepass")) > MAX_LOCAL:
        raise Malformed(f"{text[:80]!r} is not an address.", "The part before the @ has 1 to 64 characters.")
    if is_dot_atom(local):
        return local
    if len(local) >= 2 and local[0] == local[-1] == '"':
        return _unquoted(local[1:-1], text)
    raise Malformed(f"{text[:80]!r} is not an address.", "Take out blanks, commas, brackets and doubled dots before the @.")


def _unquoted(inner: str, text: str) -> str:
    """The canonical form of a quoted string: without quotes where they are not needed (RFC 5321 §4.1.2)."""
    plain: list[str] = []
    escaped = False
    for char in inner:
        if not char.isprintable() or (char == '"' and not escaped):
            raise Malformed(
                f"{text[:80]!r} is not an address.", "The quoted part before the @ has a character that is not allowed."
            )
        if char == "\\" and not escaped:
            escaped = True
            continue
        plain.append(char)
        escaped = False
    if escaped:
        raise Malformed(f"{text[:80]!r} is not an address.", "The quoted part before the @ ends in a backslash.")
    bare = "".join(plain)
    if is_dot_atom(bare):
        return bare
    return '"' + bare.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _fitting(domain: Domain, local: str, text: str) -> Domain:
    if len(local.encode("utf-8", "surrogatepass")) + 1 + len(domain.name) > MAX_PATH:
        raise Malformed(f"{text[:80]!r} is not an address.", f"An address has at most {MAX_PATH} characters.")
    return domain


def is_dot_atom(text: str) -> bool:
    """Whether a local part needs no quotes: atoms parted by single dots (RFC 5322 §3.2.3, RFC 6531 §3.3)."""
    if text.isascii():
        return all(text.split(".")) and _ATEXT.issuperset(text.replace(".", ""))
    return all(text.split(".")) and all(
        char in _ATEXT or (ord(char) > 127 and char.isprintable()) for char in text.replace(".", "")
    )
