"""DKIM verification (RFC 6376 §6): every signature of a mail, with its reason; all keys are asked for in one round."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from mailwright.auth.dkim.bodies import MAX_FORMS, BodyHash, hash_forms
from mailwright.auth.dkim.canonical import Raw
from mailwright.auth.dkim.fault import Fault
from mailwright.auth.dkim.forms import BodyForm
from mailwright.auth.dkim.head import SignedHead, open_mail
from mailwright.auth.dkim.lookup import PublishedKey, admit, ask_keys, key_question, published_key
from mailwright.auth.dkim.signature import Signature, read_signature
from mailwright.auth.dkim.verdict import RESULTS, DkimVerdict
from mailwright.auth.tags import without_space
from mailwright.dns import Answer, Asking, Question

MAX_SIGNATURES = 16  # tried of one mail (RFC 6376 §6.1 allows a limit): genuine mail has one to four, each costs a query
FUTURE_SECONDS = 300  # by which a signer's clock may be fast, RFC 6376 §3.5 t= leaves it to us; Kerberos allows the same
MAX_SHOWN = 253  # characters of a d=, s= or a= that could not be read
_NAME = b"dkim-signature"

Hashes = Mapping[BodyForm, BodyHash]


class _Read(NamedTuple):
    """A signature whose tags are sound; `at` is its number among those of the mail, from the top."""

    at: int
    tags: dict[str, str]
    signature: Signature
    question: Question


class _Ready(NamedTuple):
    """The same with a key that may verify it."""

    read: _Read
    key: PublishedKey


def verify_dkim(raw: Raw, *, now: float | None = None, hashes: Hashes | None = None) -> Asking[tuple[DkimVerdict, ...]]:
    """Every signature of a mail, from the top; () where it has none. Beyond MAX_SIGNATURES one verdict tells how many more.

    `raw` has CRLF line ends; `now` is in seconds since 1970 (None: no time is checked). `hashes` is what `hash_bodies(raw)`
    gave elsewhere; without it the body is hashed here, once a key is found. No exception leaves it for any octets.
    """
    head, body = open_mail(raw)
    trials = yield from _fitted(_opened(head, now))
    if hashes is None:
        hashes = hash_forms(body, _forms(trials))
    return _verdicts(head, trials, hashes)


def verify_signatures(head: SignedHead, *, now: float | None, hashes: Hashes) -> Asking[tuple[DkimVerdict, ...]]:
    """The same for a header block that was read before."""
    trials = yield from _fitted(_opened(head, now))
    return _verdicts(head, trials, hashes)


def _opened(head: SignedHead, now: float | None) -> list[_Read | DkimVerdict]:
    return [_read(head, at, now) for at in range(min(head.count(_NAME), MAX_SIGNATURES))]


def _read(head: SignedHead, at: int, now: float | None) -> _Read | DkimVerdict:
    tags: dict[str, str] = {}
    signature = None
    try:
        tags = head.tags(_NAME, at)
        signature = read_signature(tags)
        if now is not None:
            check_times(signature, now)
    except Fault as fault:
        return _told(tags, signature, None, fault.code, fault.seen)
    return _Read(at, tags, signature, key_question(signature.terms.domain, signature.terms.selector))


def check_times(signature: Signature, now: float) -> None:
    """Whether a signature is valid at a time (RFC 6376 §3.5 t=, x=). Raises Fault."""
    if signature.expires is not None and now > signature.expires:
        raise Fault("dkim-expired", f"x={signature.expires}, it is {now:.0f}")
    if signature.signed_at is not None and signature.signed_at > now + FUTURE_SECONDS:
        raise Fault("dkim-signed-in-future", f"t={signature.signed_at}, it is {now:.0f}")


def _fitted(trials: list[_Read | DkimVerdict]) -> Asking[list[_Ready | DkimVerdict]]:
    """Ask for all keys at once; none is asked for where the signature cannot be read (RFC 6376 §6.1.2)."""
    answers = yield from ask_keys(trial.question for trial in trials if isinstance(trial, _Read))
    return [_fit(trial, answers[trial.question]) if isinstance(trial, _Read) else trial for trial in trials]


def _fit(read: _Read, answer: Answer) -> _Ready | DkimVerdict:
    signature, key = read.signature, None
    try:
        key = published_key(answer)
        admit(key, signature.terms.algorithm)
        if "s" in key.record.flags and signature.identity_domain != signature.terms.domain:  # RFC 6376 §3.6.1 t=
            raise Fault("dkim-identity-strict", f"i={signature.identity}")
    except Fault as fault:
        return _told(read.tags, signature, key, fault.code, fault.seen)
    return _Ready(read, key)


def _forms(trials: list[_Ready | DkimVerdict]) -> list[BodyForm]:
    """What to hash: nothing for a signature that has failed already."""
    asked = dict.fromkeys([trial.read.signature.body for trial in trials if isinstance(trial, _Ready)])
    return list(asked)[:MAX_FORMS]


def _verdicts(head: SignedHead, trials: list[_Ready | DkimVerdict], hashes: Hashes) -> tuple[DkimVerdict, ...]:
    tried = [_computed(head, trial, hashes) if isinstance(trial, _Ready) else trial for trial in trials]
    return (*tried, *_untried(head, len(tried)))


def _computed(head: SignedHead, trial: _Ready, hashes: Hashes) -> DkimVerdict:
    """Whether body and header are as they were signed (RFC 6376 §6.1.3)."""
    (at, tags, signature, _), key = trial
    terms, (_, limit), body = signature.terms, signature.body, hashes.get(signature.body)
    if body is None:
        return _told(tags, signature, key, "dkim-too-many-forms")
    unsigned = 0 if limit is None else body.length - limit
    if unsigned < 0:  # RFC 6376 §3.5 l=: MUST NOT
        return _told(tags, signature, key, "dkim-length-beyond-body", f"l={limit} of {body.length}")
    holds = key.verifies(signature.octets, head.signed_text(terms.form, terms.names, _NAME, at))
    if not holds or body.digest != signature.body_hash:
        code = _changed(signature, key, holds, body.digest == signature.body_hash)
        return _told(tags, signature, key, code, unsigned=unsigned)
    if head.count(b"from") > terms.names.count(b"from"):  # RFC 6376 §8.15
        return _told(tags, signature, key, "dkim-from-repeated", unsigned=unsigned)
    if unsigned:
        return _told(tags, signature, key, "dkim-part-unsigned", str(unsigned), unsigned=unsigned)
    return _told(tags, signature, key, "dkim-pass")


def _changed(signature: Signature, key: PublishedKey, holds: bool, body_same: bool) -> str:
    """What can be known of the cause: the two parts fail apart, and an RSA key knows its own signatures."""
    if holds:
        return "dkim-body-changed"
    if not body_same:
        return "dkim-all-changed"
    return "dkim-header-changed" if key.made(signature.octets) else "dkim-signature-wrong"


def _told(
    tags: dict[str, str], signature: Signature | None, key: PublishedKey | None, code: str, seen: str = "", unsigned: int = 0
) -> DkimVerdict:
    """The verdict; of a signature that could not be read it tells what is written there."""
    return DkimVerdict(
        result=RESULTS[code],
        code=code,
        seen=seen,
        domain=signature.terms.domain if signature else tags.get("d", "")[:MAX_SHOWN],
        selector=signature.terms.selector if signature else tags.get("s", "")[:MAX_SHOWN],
        identity=signature.identity if signature else tags.get("i", "")[:MAX_SHOWN],
        algorithm=tags.get("a", "")[:MAX_SHOWN],
        key_bits=key.bits if key else 0,
        signature=without_space(tags.get("b", "")),
        testing=key is not None and key.testing,
        covers_all=not unsigned,
    )


def _untried(head: SignedHead, tried: int) -> Iterable[DkimVerdict]:
    """One verdict for all that was not tried."""
    if head.too_large:
        if b"dkim-signature" in head.octets.lower():
            yield DkimVerdict(RESULTS["dkim-header-too-large"], "dkim-header-too-large", str(len(head.octets)))
    elif rest := head.count(_NAME) - tried:
        yield DkimVerdict(RESULTS["dkim-too-many-signatures"], "dkim-too-many-signatures", str(rest))
