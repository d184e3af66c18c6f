"""The envelope sender by which a bounce finds its delivery: b+<token>@<bounce domain>."""

import hashlib
import hmac
from functools import lru_cache

TAG_BYTES = 10  # 80 bits of HMAC-SHA-256: nobody guesses one
_ID_BYTES = 8
_TOKEN_LENGTH = 36  # 18 octets as hexadecimal digits; with "b+" far below 64 (RFC 5321 §4.5.3.1.1)
_SEPARATOR = "+"


def return_path(delivery: int, *, secret: bytes, bounce_domain: str) -> str:
    """The tokened address of a delivery. Letter case carries nothing: some relays change it (RFC 5321 §2.4)."""
    number = delivery.to_bytes(_ID_BYTES)
    token = (number + _tag(number, secret)).hex()
    return f"b{_SEPARATOR}{token}@{bounce_domain}"


def delivery_of(local: str, *, secret: bytes) -> int | None:
    """The delivery that a local part names, None where it is not ours; compared in constant time."""
    mark, _, token = local.partition(_SEPARATOR)
    if mark.lower() != "b" or len(token) != _TOKEN_LENGTH:
        return None
    try:
        octets = bytes.fromhex(token)
    except ValueError:
        return None
    number, tag = octets[:_ID_BYTES], octets[_ID_BYTES:]
    return int.from_bytes(number) if hmac.compare_digest(tag, _tag(number, secret)) else None


def _tag(number: bytes, secret: bytes) -> bytes:
    tag = _keyed(secret).copy()
    tag.update(number)
    return tag.digest()[:TAG_BYTES]


@lru_cache(maxsize=4)
def _keyed(secret: bytes) -> hmac.HMAC:
    """The part that is the same for all deliveries; a copy of it holds the interpreter's lock, where `hmac.digest` lets it go."""
    return hmac.new(secret, b"return-path", hashlib.sha256)
