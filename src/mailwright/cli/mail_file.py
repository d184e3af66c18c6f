"""A mail from a file or a pipe, as octets with CRLF line ends, with notes on what had to be changed to read it."""

import ipaddress
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from mailwright.message import headers
from mailwright.message.headers import Field
from mailwright.values import Malformed

STDIN = Path("-")
_SEEN_RECEIVED = 2000  # octets of a Received field that are searched for an address


@dataclass(frozen=True)
class MailFile:
    """A mail as it is judged; `notes` are sentences for people."""

    raw: bytes
    name: str
    notes: tuple[str, ...] = ()

    @cached_property
    def fields(self) -> tuple[Field, ...]:
        """Its header fields."""
        return headers.fields(headers.split(self.raw)[0])

    @property
    def return_path(self) -> str | None:
        """The envelope sender as the server that delivered it wrote it down, without its brackets; None where it did not."""
        found = headers.first(self.fields, b"return-path")
        return found.text.decode("utf-8", "replace").strip("<> \t") if found else None

    @property
    def last_hop(self) -> str | None:
        """The address in the topmost Received field: mostly that of the server that sent it (RFC 5321 §4.4 TCP-info)."""
        found = headers.first(self.fields, b"received")
        pieces = found.text[:_SEEN_RECEIVED].decode("utf-8", "replace").split("[")[1:] if found else []
        return next((ip for piece in pieces if (ip := _address(piece.partition("]")[0]))), None)

    def said(self, name: bytes) -> str:
        """The text of the topmost field of that name, for people; "" where there is none."""
        found = headers.first(self.fields, name)
        return found.text.decode("utf-8", "replace") if found else ""


def read_mail_file(file: Path) -> MailFile:
    """Read a file, or standard input for "-". Raises Malformed where it cannot be read or holds no mail."""
    name = "standard input" if file == STDIN else str(file)
    try:
        raw = sys.stdin.buffer.read() if file == STDIN else file.read_bytes()
    except OSError as fault:
        raise Malformed(
            f"{name} cannot be read: {fault.strerror}.", "Name the file of a mail, or - for standard input."
        ) from fault
    if not raw.strip():
        raise Malformed(f"{name} is empty.", "Give a whole mail: its header fields, an empty line, its text.")
    notes: list[str] = []
    if raw.startswith(b"From "):
        raw = raw.partition(b"\n")[2]
        notes.append('The first line is an mbox separator ("From ..."), no part of the mail: it was left out.')
    raw = _with_crlf(raw, notes)
    return MailFile(raw, name, tuple(notes))


def _with_crlf(raw: bytes, notes: list[str]) -> bytes:
    """A file that was saved with LF alone is read as the mail that it was (RFC 5322 §2.1); a mixture stays as it is."""
    bare, pairs = raw.count(b"\n"), raw.count(b"\r\n")
    if not bare:
        return raw
    if not pairs:
        notes.append("The lines end in LF, as files on this system do; they were read as CRLF, as mail is sent.")
        return raw.replace(b"\n", b"\r\n")
    if bare > pairs:
        notes.append(
            f"{bare - pairs} of {bare} lines end in LF alone, the rest in CRLF. They were read as they are: signatures may break."
        )
    return raw


def _address(text: str) -> str | None:
    try:
        return str(ipaddress.ip_address(text.strip().removeprefix("IPv6:").removeprefix("ipv6:")))
    except ValueError:
        return None
