"""DKIM keys: make, read and write them, and the DNS record that publishes one (RFC 6376 §3.6.1, RFC 8301, RFC 8463)."""

import binascii
from base64 import b64decode, b64encode
from dataclasses import dataclass, field
from enum import StrEnum

from cryptography.exceptions import InternalError, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256, Hash
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
    load_pem_private_key,
)

from mailwright.auth.tags import read_tags, without_space
from mailwright.values import Domain, Malformed

RSA_BITS = 2048  # of new keys: RFC 8301 §3.2 (SHOULD), and a record that every DNS host takes
MIN_RSA_BITS = 1024  # RFC 8301 §3.2: signers MUST use no less
MAX_RSA_BITS = 4096  # RFC 8301 §3.2: verifiers must read no more
EXPONENT = 65537  # RFC 6376 §3.3.1
ED25519_BYTES = 32  # RFC 8463 §4.2
UNREADABLE = (
    ValueError,
    UnsupportedAlgorithm,
    InternalError,
)  # the last for what OpenSSL does not explain: an X448 key cut short
_PADDING = PKCS1v15()  # RFC 6376 §3.3.1 (RSASSA-PKCS1-v1_5), made once
_SHA256 = SHA256()


class Algorithm(StrEnum):
    """How a signature is made, as a= names it."""

    RSA = "rsa-sha256"  # RFC 6376 §3.3.2
    ED25519 = "ed25519-sha256"  # RFC 8463 §3


Private = RSAPrivateKey | Ed25519PrivateKey


@dataclass(frozen=True, slots=True, eq=False)
class DkimKey:
    """A private key that signs for `domain` and is published at <selector>._domainkey.<domain>; repr shows no secret."""

    domain: Domain
    selector: str
    algorithm: Algorithm
    private: Private = field(repr=False)
    lead: bytes = field(init=False, repr=False)  # the tags of a signature that never change: v= a= c= d= s=

    def __post_init__(self) -> None:
        lead = f"v=1; a={self.algorithm}; c=relaxed/relaxed;\r\n d={self.domain}; s={self.selector};"
        object.__setattr__(self, "lead", lead.encode("ascii"))

    @property
    def dns_name(self) -> str:
        """Where the public half is published (RFC 6376 §3.6.2.1)."""
        return f"{self.selector}._domainkey.{self.domain}"

    def sign(self, text: bytes) -> bytes:
        """The signature over canonical header text. The GIL is free meanwhile."""
        if isinstance(self.private, RSAPrivateKey):
            return self.private.sign(text, _PADDING, _SHA256)
        digest = Hash(_SHA256)  # RFC 8463 §3: PureEdDSA over the SHA-256 of the text
        digest.update(text)
        return self.private.sign(digest.finalize())

    def secret(self) -> bytes:
        """The private half as PKCS#8 DER, for the vault alone."""
        return self.private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


def make_key(domain: Domain | str, selector: str, algorithm: Algorithm | str = Algorithm.RSA) -> DkimKey:
    """A new key: RSA-2048 or Ed25519. Raises Malformed for a bad domain, selector or algorithm.

    The one place of the pure rooms where chance does not come in as an argument: OpenSSL draws it from the system, and a
    seed handed in would be one more copy of the secret. RSA takes some 100 ms: call it in a thread.
    """
    if _algorithm(algorithm) is Algorithm.RSA:
        return _key(domain, selector, generate_private_key(EXPONENT, RSA_BITS))
    return _key(domain, selector, Ed25519PrivateKey.generate())


def read_key(domain: Domain | str, selector: str, text: str | bytes, *, least_bits: int = RSA_BITS) -> DkimKey:
    """Read a key that somebody brings: PEM (PKCS#8, PKCS#1), or an Ed25519 seed of 32 octets in base64 (RFC 8463 A.2).

    Takes 30 ms for RSA-2048, since the numbers are checked. Raises Malformed: not a key, a password on it, or RSA of less
    than `least_bits`, which never goes below 1024 (RFC 8301 §3.2).
    """
    octets = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    private = _from_pem(octets) if b"-----BEGIN" in octets else _from_seed(octets)
    if isinstance(private, RSAPrivateKey):
        _check_bits(private.key_size, max(least_bits, MIN_RSA_BITS))
    return _key(domain, selector, private)


def open_key(domain: Domain | str, selector: str, secret: bytes) -> DkimKey:
    """The key whose `secret()` the vault kept; checked when it came in, and not again: 3 us in place of 30 ms.

    Raises Malformed where the octets are no such key.
    """
    try:
        private = load_der_private_key(secret, None, unsafe_skip_rsa_key_validation=True)
    except (*UNREADABLE, TypeError):
        raise Malformed("The stored DKIM key cannot be read.", "Restore it from a backup or make a new key.") from None
    return _key(domain, selector, _supported(private))


def public_record(key: DkimKey) -> str:
    """The TXT to publish at `key.dns_name`: "v=DKIM1; k=rsa; p=..." (RFC 6376 §3.6.1, RFC 8463 §4.2)."""
    if isinstance(key.private, RSAPrivateKey):
        public = key.private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return f"v=DKIM1; k=rsa; p={b64encode(public).decode()}"
    public = key.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return f"v=DKIM1; k=ed25519; p={b64encode(public).decode()}"


@dataclass(frozen=True, slots=True)
class DkimRecord:
    """A key record as published; `public` is what p= holds, empty where the key was revoked."""

    key_type: str
    public: bytes
    hashes: frozenset[str] | None  # h=; None: all
    services: frozenset[str]  # s=
    flags: frozenset[str]  # t=


def read_record(text: str) -> DkimRecord:
    """Read a key record (RFC 6376 §3.6.1). Raises Malformed: v= not first or not DKIM1, no p=, p= not base64."""
    tags = read_tags(text)
    if "v" in tags and (next(iter(tags)) != "v" or tags["v"] != "DKIM1"):
        raise Malformed("The record does not begin with v=DKIM1.", "Put v=DKIM1 first, in this spelling, or leave v= out.")
    if "p" not in tags:
        raise Malformed("The record has no p=: there is no public key in it.", "Publish the record again as it was given.")
    return DkimRecord(
        key_type=tags.get("k", "rsa"),
        public=_base64(without_space(tags["p"])),
        hashes=_listed(tags["h"]) if "h" in tags else None,
        services=_listed(tags.get("s", "*")),
        flags=_listed(tags.get("t", "")),
    )


def _key(domain: Domain | str, selector: str, private: Private) -> DkimKey:
    algorithm = Algorithm.RSA if isinstance(private, RSAPrivateKey) else Algorithm.ED25519
    return DkimKey(Domain.parse(str(domain)), _selector(selector), algorithm, private)


def _algorithm(name: str) -> Algorithm:
    try:
        return Algorithm(name)
    except ValueError:
        known = " or ".join(Algorithm)
        raise Malformed(f"{name[:40]!r} is no algorithm that signs mail.", f"Use {known}.") from None


def _selector(text: str) -> str:
    """A selector is written like a domain name (RFC 6376 §3.1), in A-labels (RFC 8616 §4)."""
    try:
        return Domain.parse(text).name
    except Malformed as fault:
        raise Malformed(
            f"{text[:60]!r} is not a selector.", "Use letters, digits and inner hyphens, such as mail2026."
        ) from fault


def _from_pem(pem: bytes) -> Private:
    try:
        private = load_pem_private_key(pem, None)
    except TypeError:
        raise Malformed("The private key has a password.", "Take it off first: openssl pkey -in KEY -out PLAIN.") from None
    except UNREADABLE:
        raise Malformed("This is not a private key that can be read.", "Give it as PEM, from BEGIN to END, unchanged.") from None
    return _supported(private)


def _from_seed(text: bytes) -> Ed25519PrivateKey:
    seed = _base64(b"".join(text.split()).decode("ascii", "replace"))
    if len(seed) != ED25519_BYTES:
        raise Malformed("This is not a private key.", "Give PEM text, or the 32 octets of an Ed25519 key in base64.")
    return Ed25519PrivateKey.from_private_bytes(seed)


def _supported(private: object) -> Private:
    if isinstance(private, RSAPrivateKey | Ed25519PrivateKey):
        return private
    raise Malformed("DKIM signs with RSA or Ed25519; this key is of another kind.", "Make a new key.")


def _check_bits(bits: int, least: int) -> None:
    if bits < least:
        raise Malformed(f"The RSA key has {bits} bits; receivers do not trust that.", f"Use a key of {RSA_BITS} bits.")
    if bits > MAX_RSA_BITS:
        raise Malformed(f"The RSA key has {bits} bits; not every receiver can read it.", f"Use a key of {RSA_BITS} bits.")


def _base64(text: str) -> bytes:
    try:
        return b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Malformed("What should be base64 is not.", "Copy the whole value again; nothing may be missing or added.") from None


def _listed(value: str) -> frozenset[str]:
    """A list parted by colons (RFC 6376 §3.6.1 h=, s=, t=)."""
    return frozenset(part for part in without_space(value).split(":") if part)
