"""DKIM written from the text of RFC 6376 with nothing in mind but its words: the reference that ours is held against."""

import base64
import hashlib
import re

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key


def simple_body(body: bytes) -> bytes:
    """RFC 6376 §3.4.3."""
    while body.endswith(b"\r\n"):
        body = body[:-2]
    return body + b"\r\n"


def relaxed_body(body: bytes) -> bytes:
    """RFC 6376 §3.4.4: (a) for each line, (b) for the whole."""
    lines = [re.sub(rb"[ \t]+", b" ", re.sub(rb"[ \t]+$(?!\n)", b"", line)) for line in body.split(b"\r\n")]
    while lines and not lines[-1]:
        lines.pop()
    return b"".join(line + b"\r\n" for line in lines)


def relaxed_field(field: bytes) -> bytes:
    """RFC 6376 §3.4.2, without the final CRLF."""
    name, _, value = field.partition(b":")
    value = re.sub(rb"\r\n(?=[ \t])", b"", value)
    value = re.sub(rb"[ \t]+", b" ", value)
    return name.strip(b" \t").lower() + b":" + value.strip(b" ")


def fields_of(head: bytes) -> list[bytes]:
    """The raw fields of a header block, folds and all, without their last CRLF."""
    return re.split(rb"\r\n(?![ \t])", head.removesuffix(b"\r\n"))


def tags_of(field: bytes) -> dict[bytes, bytes]:
    """The tags of a signature field, white space taken out."""
    value = re.sub(rb"[ \t\r\n]+", b"", field.partition(b":")[2])
    return {name: text for name, _, text in (tag.partition(b"=") for tag in value.split(b";") if tag)}


def verifies(mail: bytes, record: str, *, at: int = 0) -> bool:
    """Whether the signature field number `at` of a mail holds under a key record (RFC 6376 §6.1, relaxed/relaxed alone)."""
    head, _, body = mail.partition(b"\r\n\r\n")
    fields = fields_of(head)
    signatures = [field for field in fields if field.lower().startswith(b"dkim-signature:")]
    signature = signatures[at]
    tags = tags_of(signature)
    if base64.b64decode(tags[b"bh"]) != hashlib.sha256(relaxed_body(body)).digest():
        return False
    unsigned = re.sub(rb"(;\s*b\s*=)[^;]*", rb"\1", signature)
    text = b""
    for name in tags[b"h"].lower().split(b":"):
        found = next((n for n in range(len(fields) - 1, -1, -1) if relaxed_field(fields[n]).startswith(name + b":")), None)
        if found is not None:
            text += relaxed_field(fields.pop(found)) + b"\r\n"
    return _holds(tags_of(b":" + record.encode())[b"p"], text + relaxed_field(unsigned), base64.b64decode(tags[b"b"]))


def _holds(public: bytes, text: bytes, signature: bytes) -> bool:
    octets = base64.b64decode(public)
    try:
        if len(octets) == 32:  # RFC 8463 §4.2
            Ed25519PublicKey.from_public_bytes(octets).verify(signature, hashlib.sha256(text).digest())
        else:
            key = load_der_public_key(octets)
            assert isinstance(key, RSAPublicKey)
            key.verify(signature, text, PKCS1v15(), SHA256())
    except InvalidSignature:
        return False
    return True
