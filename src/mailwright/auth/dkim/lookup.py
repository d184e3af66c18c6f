"""Published keys: the question for one, what its answer holds, and what that key says of a signature (RFC 6376 §6.1.2)."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from mailwright.auth.dkim.fault import Fault
from mailwright.auth.dkim.keys import ED25519_BYTES, MAX_RSA_BITS, MIN_RSA_BITS, UNREADABLE, Algorithm, DkimRecord, read_record
from mailwright.dns import Answer, Asking, Failed, Found, Missing, Question
from mailwright.values import Malformed

MAX_RECORD = 16 * 1024  # characters of a key record: one with RSA-4096 has 800
_KNOWN_KEYS = 1024  # records kept with their key: some 10 MB at worst
_HASH = "sha256"  # the one hash that counts, RFC 8301 §3.1
_SERVICES = frozenset({"*", "email"})  # RFC 6376 §3.6.1 s=
_KEY_TYPES = {Algorithm.RSA: "rsa", Algorithm.ED25519: "ed25519"}  # RFC 6376 §3.3.2, RFC 8463 §3
_PADDING = PKCS1v15()  # RFC 6376 §3.3.1, made once
_SHA256 = SHA256()


@dataclass(frozen=True, slots=True, eq=False)
class PublishedKey:
    """A key record with its public key, which is of one kind or the other."""

    record: DkimRecord
    bits: int
    rsa: RSAPublicKey | None = None
    ed25519: Ed25519PublicKey | None = None

    @property
    def testing(self) -> bool:
        """The domain only tests DKIM (RFC 6376 §3.6.1 t=y)."""
        return "y" in self.record.flags

    def verifies(self, signature: bytes, text: bytes) -> bool:
        """Whether the signature holds for that text (RFC 6376 §6.1.3, RFC 8463 §3). The GIL is free meanwhile."""
        try:
            if self.rsa:
                self.rsa.verify(signature, text, _PADDING, _SHA256)
            elif self.ed25519:
                self.ed25519.verify(signature, hashlib.sha256(text).digest())
        except (InvalidSignature, ValueError):
            return False
        return True

    def made(self, signature: bytes) -> bool | None:
        """Whether this key's private half made the signature, over whatever text; None where that cannot be known (Ed25519)."""
        if self.rsa is None:
            return None
        try:
            self.rsa.recover_data_from_signature(signature, _PADDING, _SHA256)
        except (InvalidSignature, ValueError):
            return False
        return True


def key_question(domain: str, selector: str) -> Question:
    """Where the key is published (RFC 6376 §3.6.2.1)."""
    return Question(f"{selector}._domainkey.{domain}", "TXT")


def ask_keys(questions: Iterable[Question]) -> Asking[dict[Question, Answer]]:
    """All keys in one round, each asked once."""
    asked = tuple(dict.fromkeys(questions))
    if not asked:
        return {}
    answers = yield asked
    return dict(zip(asked, answers, strict=True))


def published_key(answer: Answer) -> PublishedKey:
    """The one key in an answer (RFC 6376 §6.1.2 steps 2 to 5, 7). Raises Fault.

    Records that are no keys (a wildcard's, for instance) are passed over. Where there are several keys the result is
    undefined (§3.6.2.2) and receivers differ: none of them is taken, so that nobody relies on luck.
    """
    if isinstance(answer, Failed):
        raise Fault("dkim-key-unanswered", answer.detail or answer.cause)
    if isinstance(answer, Missing):
        raise Fault("dkim-key-no-record") if answer.name_exists else Fault("dkim-key-no-name")
    return _only_key(answer)


def admit(key: PublishedKey, algorithm: Algorithm) -> None:
    """Check that a key may verify a mail's signature of that algorithm (RFC 6376 §6.1.2 steps 6 and 8). Raises Fault."""
    record = key.record
    if record.hashes is not None and _HASH not in record.hashes:
        raise Fault("dkim-key-hash", ":".join(sorted(record.hashes))[:40])
    if record.services.isdisjoint(_SERVICES):
        raise Fault("dkim-key-service", ":".join(sorted(record.services))[:40])
    if record.key_type != _KEY_TYPES[algorithm]:
        raise Fault("dkim-key-type", f"a={algorithm}, k={record.key_type}")
    if key.rsa:
        if key.bits < MIN_RSA_BITS:
            raise Fault("dkim-key-short", str(key.bits))
        if key.bits > MAX_RSA_BITS:
            raise Fault("dkim-key-long", str(key.bits))


def _only_key(answer: Found) -> PublishedKey:
    texts = answer.texts
    if len(texts) == 1:
        return _key(texts[0])
    keys, faults = [], []
    for text in dict.fromkeys(texts):  # the same record twice is one
        try:
            keys.append(_key(text))
        except Fault as fault:
            faults.append(fault)
    malformed = [fault for fault in faults if fault.code == "dkim-key-malformed"]
    if len(keys) + len(faults) - len(malformed) > 1:
        raise Fault("dkim-key-several", str(len(keys) + len(faults) - len(malformed)))
    if keys:
        return keys[0]
    raise next((fault for fault in faults if fault not in malformed), None) or next(iter(faults), Fault("dkim-key-no-record"))


@lru_cache(maxsize=_KNOWN_KEYS)
def _key(text: str) -> PublishedKey:
    if len(text) > MAX_RECORD:
        raise Fault("dkim-key-malformed", f"the record has {len(text)} characters")
    try:
        record = read_record(text)
    except Malformed as fault:
        raise Fault("dkim-key-malformed", str(fault)) from None
    if not record.public:
        raise Fault("dkim-key-revoked")
    if record.key_type == "rsa":
        rsa = _rsa(record.public)
        return PublishedKey(record, rsa.key_size, rsa=rsa)
    if record.key_type == "ed25519":
        return PublishedKey(record, 8 * ED25519_BYTES, ed25519=_ed25519(record.public))
    raise Fault("dkim-key-type-unknown", record.key_type[:40])


def _rsa(octets: bytes) -> RSAPublicKey:
    """SubjectPublicKeyInfo, as everybody publishes it, or the bare RSAPublicKey of RFC 6376 §3.6.1 (erratum 3017)."""
    try:
        public = load_der_public_key(octets)
    except (*UNREADABLE, TypeError):
        raise Fault("dkim-key-malformed", "p= holds no RSA key") from None
    if not isinstance(public, RSAPublicKey):
        raise Fault("dkim-key-malformed", "p= holds a key that is not RSA")
    return public


def _ed25519(octets: bytes) -> Ed25519PublicKey:
    """The 32 octets of the key themselves (RFC 8463 §4.2)."""
    try:
        return Ed25519PublicKey.from_public_bytes(octets)
    except ValueError:
        raise Fault("dkim-key-malformed", f"an Ed25519 key has {ED25519_BYTES} octets, p= has {len(octets)}") from None
