"""Signatures by which a receiver knows that a call is ours (Standard Webhooks 1.0, "v1": HMAC-SHA256)."""

import hmac
from base64 import b64decode, b64encode
from binascii import Error
from collections.abc import Sequence
from dataclasses import dataclass, field

from mailwright.values import Malformed

PREFIX = "whsec_"  # Standard Webhooks: secrets are recognised by it
SECRET_BYTES = 32  # Standard Webhooks: 24 to 64
LEAST, MOST = 24, 64
ROTATION_MS = 24 * 3_600_000  # for so long the previous secret is good too


@dataclass(frozen=True, slots=True)
class Secret:
    """What both sides know; its text is shown once, when it is made."""

    octets: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if not LEAST <= len(self.octets) <= MOST:
            raise Malformed(f"A webhook's secret has {LEAST} to {MOST} bytes, not {len(self.octets)}.", "Let one be made.")

    @property
    def text(self) -> str:
        """As the receiver's library wants it."""
        return PREFIX + b64encode(self.octets).decode()

    @classmethod
    def read(cls, text: str) -> "Secret":
        """A secret from its text. Raises Malformed."""
        try:
            return cls(b64decode(text.removeprefix(PREFIX), validate=True))
        except Error as fault:
            raise Malformed("This is not a webhook's secret.", f"One is {PREFIX} and base64.") from fault


def headers(identity: str, at: int, body: bytes, secrets: Sequence[Secret]) -> list[tuple[str, str]]:
    """The headers of a call: each secret signs, so that a receiver may change over in its own time.

    `identity` is the same for every try of a call, `at` the time of this one in seconds. Svix's names stand beside those of the
    standard with the same values: Resend's SDKs read them.
    """
    content = f"{identity}.{at}.".encode() + body
    signatures = " ".join(f"v1,{b64encode(hmac.digest(secret.octets, content, 'sha256')).decode()}" for secret in secrets)
    values = (("id", identity), ("timestamp", str(at)), ("signature", signatures))
    return [(f"{family}-{name}", value) for family in ("webhook", "svix") for name, value in values]
