"""Whether a host may send mail as a domain (RFC 7208): the arguments made ready, the record evaluated, the publisher heard."""

from mailwright.auth.spf.evaluate import check_host
from mailwright.auth.spf.macros import expand_text, read_explain_string
from mailwright.auth.spf.names import record_question, target_name, validated_name
from mailwright.auth.spf.network import Client, read_client
from mailwright.auth.spf.record import SpfResult
from mailwright.auth.spf.state import UNKNOWN, Check
from mailwright.auth.spf.verdict import Identity, SpfVerdict
from mailwright.auth.spf.visit import SpfOutcome, SpfVisit
from mailwright.dns import Asking, Found, Question
from mailwright.values import Malformed

POSTMASTER = "postmaster"  # RFC 7208 §2.4, §4.3
MAX_ARGUMENT = 1000  # characters of a sender or HELO name that are looked at; an SMTP line has 512, RFC 5321 §4.5.3.1.4
MAX_ADDRESS = 64  # characters; the longest IPv6 text has 45, and a name of an interface may follow (RFC 4007 §11)
_NOBODY = Client(0, 32, "")


def check_spf(
    *, ip: str, helo: str, mail_from: str, identity: Identity = "mailfrom", receiver: str = UNKNOWN, now: float | None = None
) -> Asking[SpfVerdict]:
    """Judge whether `ip` may send mail as the domain of `mail_from`, or with `identity="helo"` under its HELO name.

    `mail_from` is the envelope sender, with angle brackets or without; "" is the null sender, for which the HELO name stands
    (RFC 7208 §2.4). `receiver` (%{r}) and `now` (%{t}, seconds since 1970) go into explanations only. Never raises: what
    cannot be read has its verdict, "none" for a domain (§4.3), "permerror" for an address (§8.7).
    """
    helo = helo[:MAX_ARGUMENT]
    local, origin = _sender("" if identity == "helo" else mail_from, helo)
    question = record_question(origin)
    domain = question.name if question else ""
    client = read_client(ip[:MAX_ADDRESS])
    if not origin.isascii():
        origin = domain  # U-labels become A-labels, RFC 8616 §4
    check = Check(client or _NOBODY, local, origin, domain, helo, receiver, int(now or 0))
    visit = SpfVisit(domain)
    lookups = voids = 0
    explanation = ""
    if client is None:
        visit.end(SpfOutcome.BAD_ADDRESS)
    elif question is None:
        visit.end(SpfOutcome.NO_DOMAIN)
    else:
        yield from check_host(check, visit, question)
        lookups, voids = check.lookups, check.voids  # an explanation does not count, RFC 7208 §4.6.4
        if visit.result is SpfResult.FAIL:
            explanation = yield from _explained(check, visit)
    shown, sender = client.text if client else ip, f"{local}@{origin}"
    return SpfVerdict(visit.result, domain, identity, sender, shown, helo, explanation, lookups, voids, visit, check.known)


def _sender(mail_from: str, helo: str) -> tuple[str, str]:
    """Local part and domain of <sender>: without one, postmaster and the HELO name (RFC 7208 §2.4, §4.3).

    The last @ parts the two, so that source routes and quoted local parts do not mislead (§2.2). A text without @ is a domain.
    """
    if len(mail_from) > MAX_ARGUMENT:
        return POSTMASTER, ""
    if mail_from[:1] == "<" and mail_from[-1:] == ">":
        mail_from = mail_from[1:-1]
    local, _, origin = mail_from.rpartition("@") if mail_from else ("", "", helo)
    return local or POSTMASTER, origin.removesuffix(".")


def _explained(check: Check, visit: SpfVisit) -> Asking[str]:
    """The publisher's explanation of a fail; "" where anything is wrong with it (RFC 7208 §6.2).

    That of the record with the term that matched: of a redirect's target, never of an include's. Printable ASCII only, for it
    goes into an SMTP reply, and what the macros stand for comes from the client.
    """
    while visit.outcome is SpfOutcome.ONWARD and visit.onward:
        visit = visit.onward
    term = visit.record.explanation if visit.record else None
    if term is None or term.macros is None:
        return ""
    name = term.name or (yield from target_name(check, visit.domain, term.macros))
    if not name:
        return ""
    (answer,) = yield from check.answers((Question(name, "TXT"),))
    texts = answer.texts if isinstance(answer, Found) else ()
    if len(texts) != 1:
        return ""
    try:
        macros = read_explain_string(texts[0])
    except Malformed:
        return ""
    values = check.values(visit.domain)
    if "p" in macros.letters:
        values["p"] = yield from validated_name(check, visit.domain)
    text = expand_text(macros, values)
    return text if text.isascii() and text.isprintable() else ""
