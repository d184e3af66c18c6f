"""ARC verification (RFC 8617 §5.2): the chain, its newest message signature, all of its seals; one round of questions."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, NoReturn

from mailwright.auth.arc.sets import NAMES, SEAL, SIGNATURE, ArcFault, ArcSet, check_chain, gather
from mailwright.auth.arc.verdict import ArcResult, ArcVerdict
from mailwright.auth.dkim import words as dkim_words
from mailwright.auth.dkim.bodies import MAX_FORMS, hash_forms
from mailwright.auth.dkim.canonical import CRLF, Form, Raw
from mailwright.auth.dkim.fault import Fault
from mailwright.auth.dkim.forms import BodyForm, body_form
from mailwright.auth.dkim.head import SignedHead, open_mail, without_signature
from mailwright.auth.dkim.keys import Algorithm
from mailwright.auth.dkim.lookup import PublishedKey, admit, ask_keys, key_question, published_key
from mailwright.auth.dkim.signature import (
    Signature,
    read_algorithm,
    read_base64,
    read_domain,
    read_message_signature,
    read_selector,
    read_time,
)
from mailwright.auth.dkim.verify import Hashes, check_times
from mailwright.dns import Answer, Asking, Question
from mailwright.values import Malformed

_SEAL_TAGS = ("a", "b", "d", "s")  # RFC 8617 §4.1.3; i= and cv= are checked before them, t= may be missing
_Answers = Mapping[Question, Answer]


class _Seal(NamedTuple):
    """A seal whose tags are sound."""

    algorithm: Algorithm
    octets: bytes
    question: Question


def verify_arc(raw: Raw, *, now: float | None = None, hashes: Hashes | None = None) -> Asking[ArcVerdict]:
    """The state of the chain of a mail, and what its servers say (RFC 8617 §5.2).

    `raw` has CRLF line ends; `now` is in seconds since 1970 (None: no time is checked). `hashes` is what `hash_bodies(raw)`
    gave elsewhere; without it the body is hashed here, where there is a chain. A DNS that does not answer makes the chain
    fail, like every other error (§5.2.1), and the verdict says so. No exception leaves it for any octets.
    """
    head, body = open_mail(raw)
    return (yield from _judged(head, now, hashes, body))


def verify_chain(head: SignedHead, *, now: float | None, hashes: Hashes) -> Asking[ArcVerdict]:
    """The same for a header block that was read before."""
    return (yield from _judged(head, now, hashes, ()))


def _judged(head: SignedHead, now: float | None, hashes: Hashes | None, body: Iterable[bytes]) -> Asking[ArcVerdict]:
    sets: tuple[ArcSet, ...] = ()
    try:
        fields = gather(head)
        if not fields.newest:
            return ArcVerdict(ArcResult.NONE, "arc-none")
        sets = fields.whole_sets()
        check_chain(fields, sets)
        seals = [_seal(one) for one in sets]
        known = hash_forms(body, _forms(sets)) if hashes is None else hashes
        signatures = list(_sound(sets, now, known))
        answers = yield from ask_keys([*map(_question, signatures), *[seal.question for seal in seals]])
        oldest_pass = _check_signatures(head, sets, signatures, answers)
        _check_seals(head, sets, seals, answers)
    except ArcFault as fault:
        return _failed(sets, fault)
    return ArcVerdict(
        ArcResult.PASS,
        "arc-pass",
        tuple([one.instance for one in sets]),
        oldest_pass,
        _covers_all(head, signatures[0], known),
    )


def _seal(one: ArcSet) -> _Seal:
    """Check the tags of a seal (RFC 8617 §4.1.3). Raises ArcFault."""
    tags = one.seal
    if "h" in tags:
        raise ArcFault("arc-seal-fields", at=one.number, name=SEAL)
    try:
        for name in _SEAL_TAGS:
            if not tags.get(name):
                raise Fault("dkim-tag-missing", f"{name}=")
        read_time(tags, "t")
        question = key_question(read_domain(tags["d"]), read_selector(tags["s"]))
        return _Seal(read_algorithm(tags["a"]), read_base64("b", tags["b"]), question)
    except Fault as fault:
        _blame("arc-seal-malformed", one, SEAL, fault)


def _forms(sets: Sequence[ArcSet]) -> list[BodyForm]:
    """What to hash of the body, for the newest signatures first."""
    forms: list[BodyForm] = []
    for one in reversed(sets):
        try:
            forms += _body_forms(one.signature, body_form(one.signature))
        except Malformed:
            continue  # the reader of the signature says so
    return list(dict.fromkeys(forms))[:MAX_FORMS]


def _body_forms(tags: Mapping[str, str], form: BodyForm) -> tuple[BodyForm, ...]:
    """Without c= all is simple (RFC 6376 §3.5 c=), but many who seal and verify take it for relaxed: either counts."""
    return (form,) if "c" in tags else (form, BodyForm(Form.RELAXED, form.limit))


def _sound(sets: Sequence[ArcSet], now: float | None, hashes: Hashes) -> Iterator[Signature]:
    """The message signatures, newest first, as far as they fit the body: beyond one that does not, none is looked at
    (RFC 8617 §5.2 step 5). Raises ArcFault where the newest does not (step 4).
    """
    newest, *older = reversed(sets)
    yield _signature(newest, now, hashes)
    for one in older:
        try:
            signature = _signature(one, now, hashes)
        except ArcFault:
            return
        yield signature


def _signature(one: ArcSet, now: float | None, hashes: Hashes) -> Signature:
    """Check all of a message signature that needs no key (RFC 8617 §4.1.2). Raises ArcFault."""
    try:
        signature = _read_signature(one.signature)
    except Fault as fault:
        _blame("arc-signature-malformed", one, SIGNATURE, fault)
    try:
        if now is not None:
            check_times(signature, now)
    except Fault as fault:
        _blame("arc-signature-expired", one, SIGNATURE, fault)
    if SEAL in signature.terms.names:
        raise ArcFault("arc-signature-covers-seal", at=one.number, name=SIGNATURE)
    bodies = [(form, hashes[form]) for form in _body_forms(one.signature, signature.body) if form in hashes]
    if not bodies:
        _blame("arc-signature-malformed", one, SIGNATURE, Fault("dkim-too-many-forms"))
    for form, body in bodies:
        if body.digest == signature.body_hash and body.length >= (form.limit or 0):  # RFC 6376 §3.5 l=
            return signature._replace(body=form)
    raise ArcFault("arc-message-changed", at=one.number, name=SIGNATURE, seen="the text is another")


def _read_signature(tags: Mapping[str, str]) -> Signature:
    """As for DKIM; but in h= a blank stands for no field, and h= may hold none: RFC 8617 does not bring the rule that From
    must be signed, sealers leave names out so, and what is covered the seal covers too.
    """
    names = [name for name in tags.get("h", "").split(":") if name.strip()]
    if "h" not in tags or ":".join(names) == tags["h"] != "":
        return read_message_signature(tags)
    signature = read_message_signature({**tags, "h": ":".join(names) or "from"})
    return signature if names else signature._replace(terms=signature.terms._replace(names=()))


def _question(signature: Signature) -> Question:
    return key_question(signature.terms.domain, signature.terms.selector)


def _check_signatures(head: SignedHead, sets: Sequence[ArcSet], signatures: Sequence[Signature], answers: _Answers) -> int:
    """RFC 8617 §5.2 steps 4 and 5: the newest must hold; the number of the oldest that does, 0 for all. Raises ArcFault."""
    oldest = 0
    for one, signature in zip(reversed(sets), signatures, strict=False):
        try:
            _check_header(head, one, signature, answers)
        except ArcFault:
            if not oldest:
                raise
            return oldest
        oldest = one.number
    return oldest if oldest > 1 else 0


def _check_header(head: SignedHead, one: ArcSet, signature: Signature, answers: _Answers) -> None:
    terms = signature.terms
    key = _key(answers[_question(signature)], terms.algorithm, one, SIGNATURE)
    forms = (terms.form,) if "c" in one.signature else (Form.SIMPLE, Form.RELAXED)  # as for the body
    texts = [head.signed_text(form, terms.names, SIGNATURE, one.signature_at) for form in forms]
    if not any(key.verifies(signature.octets, text) for text in texts):
        raise ArcFault("arc-message-changed", at=one.number, name=SIGNATURE, seen="a signed header field is another")


def _check_seals(head: SignedHead, sets: Sequence[ArcSet], seals: Sequence[_Seal], answers: _Answers) -> None:
    """RFC 8617 §5.2 step 6: each seal covers the fields of all sets up to its own (§5.1.1). Raises ArcFault."""
    fields = head.fields(Form.RELAXED)
    covered: list[bytes] = []
    for one in sets:
        covered += [fields[name][at] for name, at in zip(NAMES, (one.results_at, one.signature_at, one.seal_at), strict=True)]
    for one, seal in zip(reversed(sets), reversed(seals), strict=True):
        key = _key(answers[seal.question], seal.algorithm, one, SEAL)
        own = covered.pop()
        if not key.verifies(seal.octets, CRLF.join([*covered, without_signature(own)])):
            raise ArcFault("arc-seal-broken", at=one.number, name=SEAL)
        del covered[-2:]


def _key(answer: Answer, algorithm: Algorithm, one: ArcSet, name: bytes) -> PublishedKey:
    """The key for a seal or signature. Raises ArcFault."""
    try:
        key = published_key(answer)
        admit(key, algorithm)
    except Fault as fault:
        _blame("arc-key-unanswered" if fault.code == "dkim-key-unanswered" else "arc-key-unusable", one, name, fault)
    return key


def _blame(code: str, one: ArcSet, name: bytes, fault: Fault) -> NoReturn:
    """What DKIM says of a field or key, as the cause."""
    tags = one.seal if name == SEAL else one.signature
    domain, selector = tags.get("d", "")[:253], tags.get("s", "")[:253]
    cause = dkim_words.explained(fault.code, fault.seen, domain, selector, ()).what
    raise ArcFault(code, at=one.number, name=name, seen=fault.seen, cause=cause) from None


def _covers_all(head: SignedHead, signature: Signature, hashes: Hashes) -> bool:
    """Whether the whole body and every From are signed (RFC 6376 §8.2, §8.15)."""
    limit, names = signature.body.limit, signature.terms.names
    whole = limit is None or limit == hashes[signature.body].length
    return whole and max(1, head.count(b"from")) <= names.count(b"from")


def _failed(sets: tuple[ArcSet, ...], fault: ArcFault) -> ArcVerdict:
    return ArcVerdict(
        ArcResult.FAIL,
        fault.code,
        tuple([one.instance for one in sets]),
        at=fault.at,
        field=fault.field,
        seen=fault.seen,
        cause=fault.cause,
    )
