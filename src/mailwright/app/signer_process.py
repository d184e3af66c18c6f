"""The signing process: it holds private keys, reads mails from a socket, and answers with signatures, until the socket ends.

A process of its own, because an RSA signature made in a thread costs a quarter more again: each one takes the interpreter's
lock twice from the event loop (docs/decisions/0001-signing-process.md).
"""

import contextlib
import signal
import socket
import struct
import sys

from mailwright.auth import DkimKey, open_key, read_mail, sign_headers
from mailwright.values import MailwrightError

LENGTH = struct.Struct("!IB")  # of what follows, and its kind
KEY, WHOLE, HASHED = 0, 1, 2  # a private key; a mail to sign; a header block with the hash of the body
KEY_HEAD = struct.Struct("!QBB")  # key id, length of the domain, of the selector; then both, then the key as DER
MAIL_HEAD = struct.Struct("!QQB")  # request, time in seconds since 1970, number of keys; then their ids, then the mail
KEY_ID = struct.Struct("!Q")
HASH_BYTES = 32
ANSWER = struct.Struct("!IQB")  # length of what follows, request, whether it worked; then the fields, each with its length
FIELD = struct.Struct("!H")
READ = 1 << 18


def answer(kind: int, payload: bytes, keys: dict[int, DkimKey]) -> bytes:
    """What is to be said to one request; empty where a key came."""
    if kind == KEY:
        _learn(payload, keys)
        return b""
    request, now, count = MAIL_HEAD.unpack_from(payload)
    at = MAIL_HEAD.size + KEY_ID.size * count
    ids = [KEY_ID.unpack_from(payload, MAIL_HEAD.size + KEY_ID.size * n)[0] for n in range(count)]
    try:
        if kind == HASHED:
            head, body_hash = payload[at + HASH_BYTES :], payload[at : at + HASH_BYTES]
        else:
            head, body_hash = read_mail((payload[at:],))
        fields = [sign_headers(head, body_hash, keys[key], now) for key in ids]
    except (MailwrightError, KeyError) as fault:
        words = str(fault).encode()[:1000]
        return ANSWER.pack(len(words), request, False) + words
    said = b"".join(FIELD.pack(len(field)) + field for field in fields)
    return ANSWER.pack(len(said), request, True) + said


def _learn(payload: bytes, keys: dict[int, DkimKey]) -> None:
    number, domain, selector = KEY_HEAD.unpack_from(payload)
    text = payload[KEY_HEAD.size : KEY_HEAD.size + domain + selector].decode("ascii")
    with contextlib.suppress(MailwrightError):  # a key that cannot be read is missing when a mail asks for it
        keys[number] = open_key(text[:domain], text[domain:], payload[KEY_HEAD.size + domain + selector :])


def serve(link: socket.socket) -> None:
    """Answer until the other side is gone."""
    keys: dict[int, DkimKey] = {}
    buffer = b""
    while data := link.recv(READ):
        buffer += data
        at = 0
        while (end := _end_of_frame(buffer, at)) is not None:
            _, kind = LENGTH.unpack_from(buffer, at)
            said = answer(kind, buffer[at + LENGTH.size : end], keys)
            at = end
            if said:
                link.sendall(said)
        buffer = buffer[at:]


def _end_of_frame(buffer: bytes, at: int) -> int | None:
    """Where the frame that begins at `at` ends; None where not all of it is here."""
    if len(buffer) - at < LENGTH.size:
        return None
    end = at + LENGTH.size + int(LENGTH.unpack_from(buffer, at)[0])
    return end if end <= len(buffer) else None


def main() -> None:
    """Serve the socket whose number is the first argument."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that asks; its end is our end
    with socket.socket(fileno=int(sys.argv[1])) as link, contextlib.suppress(ConnectionError):
        serve(link)


if __name__ == "__main__":
    main()
