"""What is fuzzed: a row for each thing that reads octets from outside. No exception but Malformed may leave it, and that only
where its contract names it; what must hold besides is asserted.
"""

from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from fuzz import seeds
from fuzz.machines import content, replies, smtp_client, smtp_server
from fuzz.seeds import FIELD, RECORD
from mailwright import auth, dns
from mailwright.dns import Answer, Asking, Cause, Failed, Found, Missing, Mx, Question, Txt, Zone
from mailwright.message import author, author_domain, fields, headers, mailboxes, reencode, split, subject
from mailwright.message.mime import content_type, spans
from mailwright.values import Address, Domain, Finding, Malformed
from tests.auth.odd_dkim import Mail

NOW = 1_760_000_000.0
KEY = auth.read_key("example.com", "s", "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=")  # of RFC 8463 A.2: no secret
SIGNED = {kind: Mail(algorithm=f"{kind}-sha256").with_tag("a", f"{kind}-sha256").octets() for kind in ("rsa", "ed25519")}
KEYS = Zone.of({KEY.dns_name: {"TXT": auth.public_record(KEY)}})
FACTS: dict[bytes, Answer] = {
    b"": Missing(False),
    b"-": Missing(True),
    b"!": Failed(Cause.TIMEOUT),
}  # answers that are no records


@dataclass(frozen=True, slots=True)
class Target:
    """One thing to fuzz. `seeds` gives inputs to begin with; `source` is the room whose words are put into inputs."""

    name: str
    run: Callable[[bytes], object]
    seeds: Callable[[], Iterable[bytes]]
    source: str


class Answers:
    """A DNS made from an input: each new question gets the next piece of it."""

    def __init__(self, pieces: list[bytes]) -> None:
        self._pieces = pieces or [b""]
        self._kept: dict[Question, Answer] = {}

    def answer(self, question: Question) -> Answer:
        """The same for the same question."""
        if question not in self._kept:
            piece = self._pieces[len(self._kept) % len(self._pieces)]
            self._kept[question] = FACTS.get(piece) or _found(question, piece)
        return self._kept[question]


def _found(question: Question, piece: bytes) -> Found:
    texts = piece.split(RECORD)
    match question.type:
        case "A":
            return Found(tuple(f"192.0.2.{len(text) % 256}" for text in texts), 60)
        case "AAAA":
            return Found(tuple(f"2001:db8::{len(text):x}" for text in texts), 60)
        case "MX":
            return Found(tuple(Mx(len(text) % 100, dns.canonical(_text(text))) for text in texts), 60)
        case "PTR":
            return Found(tuple(dns.canonical(_text(text)) for text in texts), 60)
        case _:
            return Found(tuple(Txt.of([text]) for text in texts), 60)


def _text(octets: bytes) -> str:
    """Any octets as a text: halves of characters where they are spelt out, else surrogates as in answers of the DNS."""
    try:
        return octets.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return octets.decode("utf-8", "surrogateescape")


def _parts(data: bytes, count: int) -> list[bytes]:
    """The input as `count` arguments; the last one takes the rest."""
    parts = data.split(FIELD, count - 1)
    return parts + [b""] * (count - len(parts))


def _judged(asking: Asking[object], pieces: bytes) -> object:
    return dns.run(asking, Answers(pieces.split(FIELD)).answer)


def _told(reason: Finding) -> None:
    """Every verdict can say why, in whole words."""
    assert reason.code, reason
    assert reason.what, reason


# --- auth ------------------------------------------------------------------------------------------------------------------


def tags(data: bytes) -> None:
    """A tag list."""
    with suppress(Malformed):
        auth.read_tags(_text(data))


def spf_record(data: bytes) -> None:
    """A record, its terms and faults."""
    record = auth.read_spf(_text(data))
    for fault in record.faults:
        assert fault.what, fault


def spf_check(data: bytes) -> None:
    """Both identities, the record and what follows from the rest of the input; and the field that tells it."""
    ip, helo, sender, pieces = _parts(data, 4)
    for identity in ("mailfrom", "helo"):
        asking = auth.check_spf(ip=_text(ip), helo=_text(helo), mail_from=_text(sender), identity=identity, now=NOW)
        verdict = dns.run(asking, Answers(pieces.split(FIELD)).answer)
        _told(verdict.reason)
        assert verdict.explanation.isascii(), verdict.explanation
        assert verdict.lookups <= 11, verdict
        auth.read_received_spf(auth.told_received_spf(verdict, "mx.example.net"))


def spf_survey(data: bytes) -> None:
    """The whole tree of a record."""
    domain, pieces = _parts(data, 2)
    _judged(auth.survey_spf(_text(domain)), pieces)


def dkim_record(data: bytes) -> None:
    """A key record: read by itself, and judged for a signature."""
    with suppress(Malformed):
        auth.read_record(_text(data))


def dkim_key(data: bytes) -> None:
    """A private key that somebody hands in, and one that the vault kept."""
    domain, selector, secret = _parts(data, 3)
    with suppress(Malformed):
        auth.read_key(_text(domain), _text(selector), secret)
    with suppress(Malformed):
        auth.read_key("example.com", "s", _text(secret))
    with suppress(Malformed):
        auth.open_key("example.com", "s", secret)


def dkim_public_key(data: bytes) -> None:
    """A public key, as its octets: whatever it is, the signature of the mail has a verdict."""
    for kind in ("rsa", "ed25519"):
        record = f"k={kind}; p={b64encode(data).decode()}"
        (verdict,) = dns.run(auth.verify_dkim(SIGNED[kind]), lambda _, text=record: Found((Txt.of([text.encode()]),)))  # type: ignore[misc]
        _told(verdict.reason)


def dkim_verify(data: bytes) -> None:
    """Every signature of a mail, with the body hashed here or elsewhere."""
    mail, pieces = _parts(data, 2)
    answers = pieces.split(FIELD)
    verdicts = dns.run(auth.verify_dkim(mail, now=NOW), Answers(answers).answer)
    for verdict in verdicts:
        _told(verdict.reason)
    elsewhere = auth.verify_dkim(memoryview(mail), now=NOW, hashes=auth.hash_bodies(mail))
    assert dns.run(elsewhere, Answers(answers).answer) == verdicts


def dkim_sign(data: bytes) -> None:
    """What is signed here verifies here."""
    try:
        field = auth.sign_dkim(data, KEY, now=NOW)
    except Malformed:
        return
    mine, *_ = KEYS.run(auth.verify_dkim(field + data, now=NOW))
    assert mine.result == "pass", mine


def dkim_body(data: bytes) -> None:
    """Any split of a body gives the same hash."""
    where, body = data[:2], data[2:]
    for form in auth.Form:
        pieces = [body[: where[0]], body[where[0] : where[-1]], body[max(where) :]] if where else [body]
        if len(where) == 2 and where[0] > where[1]:
            pieces[1] = b""
        assert auth.hash_body(pieces, form) == auth.hash_body([b"".join(pieces)], form)


def dmarc_record(data: bytes) -> None:
    """A record and all that is wrong with it."""
    record = auth.read_dmarc(_text(data))
    for fault in record.faults if record else ():
        _told(fault)


def dmarc_evaluate(data: bytes) -> None:
    """An author and identifiers, judged by what the input holds as records."""
    writer, spf, dkim, pieces = _parts(data, 4)
    asking = auth.evaluate_dmarc(author=_text(writer), spf_domain=_text(spf), dkim_domains=_text(dkim).split(" "))
    _told(dns.run(asking, Answers(pieces.split(FIELD)).answer).reason)


def arc(data: bytes) -> None:
    """A chain."""
    mail, pieces = _parts(data, 2)
    verdict = dns.run(auth.verify_arc(mail, now=NOW), Answers(pieces.split(FIELD)).answer)
    _told(verdict.reason)


def results(data: bytes) -> None:
    """Authentication-Results: what could be read can be written, and comes back."""
    with suppress(Malformed):
        found = auth.read_results(data)
        again = auth.read_results(auth.write_results(found))
        assert auth.read_results(auth.write_results(again)) == again, found


def received_spf(data: bytes) -> None:
    """Received-SPF: the same."""
    with suppress(Malformed):
        found = auth.read_received_spf(data)
        again = auth.read_received_spf(auth.write_received_spf(found))
        assert auth.read_received_spf(auth.write_received_spf(again)) == again, found


def forged(data: bytes) -> None:
    """What is left after a removal has nothing more to remove, and no field that a reader takes for ours."""
    left = auth.remove_forged(data, "mx.example.net")
    assert auth.remove_forged(left, "mx.example.net") == left
    for field in headers.every(fields(left), b"authentication-results"):
        with suppress(Malformed):
            assert auth.read_results(field.value).authserv_id.lower() != "mx.example.net", field


def authenticate(data: bytes) -> None:
    """A mail with its envelope, each question answered from the input."""
    ip, helo, sender, mail, pieces = _parts(data, 5)
    _authenticated(ip, helo, sender, mail, Answers(pieces.split(FIELD)).answer)


def authenticate_zone(data: bytes) -> None:
    """The same with a zone that the input spells out."""
    ip, helo, sender, mail, text = _parts(data, 5)
    with suppress(Malformed):
        _authenticated(ip, helo, sender, mail, Zone.parse(_text(text)).answer)


def _authenticated(ip: bytes, helo: bytes, sender: bytes, mail: bytes, answer: dns.AnswerFunction) -> None:
    asking = auth.authenticate(
        mail, ip=_text(ip), helo=_text(helo), mail_from=_text(sender), now=NOW, authserv_id="mx.example.net"
    )
    found = dns.run(asking, answer)
    for reason in found.findings:
        _told(reason)
    assert all(line.isascii() or line.isprintable() for line in found.evidence), found.evidence
    assert auth.read_results(found.header).authserv_id == "mx.example.net"
    head, _ = split(mail)
    assert auth.remove_forged(found.header.encode() + head, "mx.example.net") == auth.remove_forged(head, "mx.example.net")


# --- dns -------------------------------------------------------------------------------------------------------------------


def zone(data: bytes) -> None:
    """A zone text: what was read is written, and read again."""
    with suppress(Malformed):
        found = Zone.parse(_text(data))
        again = Zone.parse(found.text())
        assert (again.sets, again.failing) == (found.sets, found.failing)


def overlay(data: bytes) -> None:
    """A question through two zones, recorded and played again."""
    name, above, below = _parts(data, 3)
    with suppress(Malformed):
        top, bottom = Zone.parse(_text(above)), Zone.parse(_text(below))
        recorder = dns.Recorder()
        found = bottom.run(recorder.watch(dns.overlaid(dns.ask(Question(_text(name), "TXT")), top)))
        assert recorder.run(dns.overlaid(dns.ask(Question(_text(name), "TXT")), top)) == found
        assert all(line.isascii() or line.isprintable() for line in recorder.evidence())


# --- message, values -------------------------------------------------------------------------------------------------------


def header(data: bytes) -> None:
    """The header reader and all that reads its fields: no octet is lost, one From gives one author."""
    head, _ = split(data)
    found = fields(head)
    assert b"".join(field.raw for field in found) == head
    for fault in headers.faults(head, found):
        _told(fault)
    who, domain = author(found), author_domain(found)
    if not isinstance(who, Finding):
        assert who.address.domain == domain
    for field in found:
        mailboxes(field.text)
    subject(found)
    spans(data, content_type(found).boundary)


def reencoded(data: bytes) -> None:
    """A body made fit for every server: what is said of it is so."""
    made = reencode(data)
    if not made.eightbit and not made.findings:
        body = split(made.content)[1]
        assert body.isascii()
        assert not headers.has_long_line(body)


def names(data: bytes) -> None:
    """Addresses and domains: what was read is read again from its own text."""
    with suppress(Malformed):
        address = Address.parse(_text(data))
        assert Address.parse(str(address)) == address
    with suppress(Malformed):
        domain = Domain.parse(_text(data))
        assert Domain.parse(str(domain)) == domain == Domain.parse(domain.readable)


TARGETS = (
    Target("authenticate", authenticate, seeds.whole, "auth"),
    Target("authenticate-zone", authenticate_zone, seeds.whole_zone, "auth"),
    Target("spf-check", spf_check, seeds.spf, "auth/spf"),
    Target("spf-survey", spf_survey, seeds.spf_domains, "auth/spf"),
    Target("spf-record", spf_record, lambda: seeds.texts("auth/*spf*"), "auth/spf"),
    Target("dkim-verify", dkim_verify, seeds.signed, "auth/dkim"),
    Target("dkim-sign", dkim_sign, seeds.mails, "auth/dkim"),
    Target("dkim-body", dkim_body, lambda: seeds.texts("auth/*canonical*"), "auth/dkim"),
    Target("dkim-record", dkim_record, lambda: seeds.texts("auth/*dkim*", "auth/*keys*"), "auth/dkim"),
    Target("dkim-key", dkim_key, seeds.private_keys, "auth/dkim"),
    Target("dkim-public-key", dkim_public_key, seeds.public_keys, "auth/dkim"),
    Target("dmarc-evaluate", dmarc_evaluate, seeds.dmarc, "auth/dmarc"),
    Target("dmarc-record", dmarc_record, lambda: seeds.texts("auth/*dmarc*"), "auth/dmarc"),
    Target("arc", arc, seeds.sealed, "auth/arc"),
    Target("results", results, lambda: seeds.texts("auth/*results*", "auth/*told*"), "auth/results"),
    Target("received-spf", received_spf, lambda: seeds.texts("auth/*received_spf*"), "auth/results"),
    Target("forged", forged, lambda: seeds.texts("auth/*forged*"), "auth/results"),
    Target("tags", tags, lambda: seeds.texts("auth/*tags*"), "auth"),
    Target("zone", zone, lambda: seeds.texts("dns/*zone*"), "dns"),
    Target("overlay", overlay, seeds.zones, "dns"),
    Target("header", header, lambda: seeds.texts("message/*"), "message"),
    Target("reencode", reencoded, lambda: seeds.texts("message/*reencode*"), "message"),
    Target("names", names, lambda: seeds.texts("message/*author*", "values/*"), "values"),
    Target("smtp-server", smtp_server, seeds.spoken_to_server, "smtp"),
    Target("smtp-client", smtp_client, seeds.spoken_to_client, "smtp"),
    Target("smtp-content", content, lambda: seeds.texts("smtp/*data*", "smtp/*stuffing*"), "smtp"),
    Target("smtp-replies", replies, lambda: seeds.texts("smtp/*replies*"), "smtp"),
)


def named(name: str) -> Target:
    """The target of that name. Raises KeyError."""
    return {target.name: target for target in TARGETS}[name]


def by_name(wanted: Iterable[str]) -> Iterator[Target]:
    """The targets of these names, all of them where there are none."""
    chosen = frozenset(wanted)
    return (target for target in TARGETS if not chosen or target.name in chosen)
