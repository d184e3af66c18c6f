"""Inputs to begin with: the texts and mails of our own tests; and the words of our own code, for a fuzzer to put into them."""

import ast
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, x448, x25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from mailwright.auth import public_record
from tests.auth.naive_arc import RECORDS, SEALERS, through
from tests.auth.odd_dkim import Mail, a_key

FIELD = b"\x1c"  # parts the arguments of a target, and the answers of a DNS: separators that no text has
RECORD = b"\x1d"  # parts the records of one answer
ROOT = Path(__file__).parents[1]
ENVELOPE = (b"192.0.2.1", b"mx.example.com", b"a@example.com")
_SHORTEST, _LONGEST = 4, 8192  # characters of a literal that serves as an input
_LONGEST_WORD = 24  # characters of a literal that serves as a word


@cache
def texts(*patterns: str) -> tuple[bytes, ...]:
    """Every literal of these files of tests/, and the blocks of the text files beside them."""
    found: dict[bytes, None] = {}
    for path in sorted({path for pattern in patterns for path in (ROOT / "tests").glob(pattern)}):
        found.update(dict.fromkeys(_texts_of(path)))
    return tuple(text for text in found if _SHORTEST <= len(text) <= _LONGEST)


def words(room: str) -> list[bytes]:
    """The short literals of the code of a room."""
    files = (ROOT / "src" / "mailwright" / room).rglob("*.py")
    found = {text for path in files for text in _literals(path.read_text("utf-8")) if 1 < len(text) <= _LONGEST_WORD}
    return sorted(found)


def mails() -> Iterator[bytes]:
    """Whole mails."""
    yield Mail().octets()
    yield through(*SEALERS)
    yield from (text for text in texts("auth/*dkim*", "message/*") if b"\r\n" in text and b":" in text)


def signed() -> Iterator[bytes]:
    """Mails with signatures that hold, and their keys."""
    for algorithm in ("rsa-sha256", "ed25519-sha256"):
        record = public_record(a_key(algorithm)).encode()
        mail = Mail(algorithm=algorithm).with_tag("a", algorithm)
        changed = ({"c": "simple/simple"}, {"l": "4"}, {"i": "=41@sub.example.com"}, {"t": "1", "x": "2"}, {"q": "dns/txt"})
        for tags in ({}, *changed):
            yield FIELD.join([_tagged(mail, tags).octets(), record])
    yield from (
        FIELD.join([mail, text]) for mail, text in zip(_around(mails()), texts("auth/*dkim*", "auth/*keys*"), strict=False)
    )


def sealed() -> Iterator[bytes]:
    """Chains that hold, and the keys of their seals; and those of the tests that do not."""
    record = str(RECORDS["arc._domainkey.list.example"]["TXT"][0]).encode()
    for number in range(1, 5):
        yield FIELD.join([through(*SEALERS[:1] * number), record])
    yield FIELD.join([through(*SEALERS), *[str(types["TXT"][0]).encode() for types in RECORDS.values()]])
    yield from texts("auth/*arc*")


def spf() -> Iterator[bytes]:
    """Records, with addresses of either kind."""
    yield from (FIELD.join([*ENVELOPE, text]) for text in records("v=spf1"))
    yield from (FIELD.join([b"2001:db8::1", b"[192.0.2.1]", b"<>", text, b"-", b"!"]) for text in records("v=spf1"))


def spf_domains() -> Iterator[bytes]:
    """A domain with its record, and others that it may lead to."""
    found = list(records("v=spf1"))
    yield from (FIELD.join([b"example.com", *found[at : at + 3]]) for at in range(len(found)))


def dmarc() -> Iterator[bytes]:
    """Authors and records."""
    author = b"Anna <anna@mail.example.com>"
    yield from (FIELD.join([author, b"example.com", b"example.com mail.example.com", text]) for text in records("v=DMARC1"))
    yield from (FIELD.join([text, b"a.example", b"b.example", b"-", b"v=DMARC1; p=none"]) for text in texts("message/*author*"))


def whole() -> Iterator[bytes]:
    """Everything at once."""
    answers = [*records("v=spf1"), *records("v=DMARC1"), public_record(a_key("rsa-sha256")).encode()]
    for at, mail in enumerate(mails()):
        yield FIELD.join([*ENVELOPE, mail, *(answers[(at + n) % len(answers)] for n in range(5))])
    for one in (*signed(), *sealed()):
        yield FIELD.join([*ENVELOPE, one])


def whole_zone() -> Iterator[bytes]:
    """Everything at once, with the zones of the tests."""
    found = [text for text in texts("auth/*", "dns/*zone*") if b" TXT " in text or b" FAILS" in text]
    yield from (FIELD.join([*ENVELOPE, mail, text]) for mail, text in zip(_around(mails()), found, strict=False))


def zones() -> Iterator[bytes]:
    """A name and two zones."""
    found = [text for text in texts("dns/*") if b" " in text]
    yield from (FIELD.join([b"example.com", one, other]) for one, other in pairwise(found))


def private_keys() -> Iterator[bytes]:
    """Private keys in every form that is read."""
    for algorithm in ("rsa-sha256", "ed25519-sha256"):
        key = a_key(algorithm)
        yield FIELD.join([b"example.com", b"s", key.secret()])
        yield FIELD.join([b"example.com", b"s", key.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())])
    yield FIELD.join([b"example.com", b"s", b"nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A="])


def public_keys() -> Iterator[bytes]:
    """Public keys of every kind that the library knows."""
    rsa, ed25519 = a_key("rsa-sha256").private.public_key(), a_key("ed25519-sha256").private.public_key()
    others = (x25519.X25519PrivateKey.generate(), x448.X448PrivateKey.generate(), ed448.Ed448PrivateKey.generate())
    curve, dsa_key = ec.generate_private_key(ec.SECP256R1()), dsa.generate_private_key(1024)
    for key in (rsa, ed25519, *[one.public_key() for one in (*others, curve, dsa_key)]):
        yield key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    yield rsa.public_bytes(Encoding.DER, PublicFormat.PKCS1)
    yield ed25519.public_bytes(Encoding.Raw, PublicFormat.Raw)
    yield bytes.fromhex("301c301506092a864886f70d0103013008020300fff1020102030300020103")  # Diffie-Hellman, PKCS #3


def spoken_to_server() -> Iterator[bytes]:
    """What clients say in the dialogues, under several set-ups."""
    for text in texts("smtp/*server*", "smtp/server_dialogues.txt"):
        if said := _lines(text, ("C:", "C-:")):
            yield from (set_up + said for set_up in (b"\x1f\x00", b"\x10\x00", b"\x39\x05"))


def spoken_to_client() -> Iterator[bytes]:
    """What servers say in the dialogues, each reply for itself."""
    for text in texts("smtp/*client*"):
        if said := _lines(text, ("S:",)):
            yield from (set_up + said for set_up in (b"\x00\x00", b"\x03\x18", b"\x05\x00"))


def records(version: str) -> Iterator[bytes]:
    """Every record of that version in the texts of the tests."""
    for text in texts("auth/*"):
        for line in text.splitlines():
            _, found, rest = line.partition(version.encode())
            if found:
                yield found + rest.rstrip(b'" )')


def _texts_of(path: Path) -> list[bytes]:
    if path.suffix == ".py":
        return _literals(path.read_text("utf-8"))
    return path.read_bytes().split(b"\n\n") if path.suffix == ".txt" else []


def _literals(code: str) -> list[bytes]:
    values = [node.value for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Constant)]
    return [_octets(value) for value in values if isinstance(value, (str, bytes))]


def _octets(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode("utf-8", "surrogatepass")


def _tagged(mail: Mail, tags: dict[str, str]) -> Mail:
    for name, value in tags.items():
        mail = mail.with_tag(name, value)
    return mail


def _lines(text: bytes, marks: tuple[str, ...]) -> bytes:
    """The lines of one side of a dialogue, with CRLF."""
    said = [line.partition(b": ")[2] for line in text.splitlines() if line.startswith(tuple(mark.encode() for mark in marks))]
    return b"".join(line + b"\r\n" for line in said)


def _around(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The pieces again and again."""
    kept = list(pieces)
    while kept:
        yield from kept
