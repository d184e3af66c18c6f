"""SMTP command lines: host names, paths and parameters, read strictly (RFC 5321 §4.1.1, §4.1.2)."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache

from mailwright.smtp import answers
from mailwright.values import Address, Domain, Malformed, Reply

MAX_LINE = 512  # octets with CR LF, RFC 5321 §4.5.3.1.4
MAX_MAIL_LINE = MAX_LINE + 26 + 17 + 10 + 500  # SIZE RFC 1870 §3, BODY RFC 6152 §2, SMTPUTF8 RFC 6531 §3.1, AUTH RFC 4954 §3
MAX_AUTH_LINE = 12288  # RFC 4954 §4
MAX_HOST = 255  # octets, RFC 5321 §4.5.3.1.2
_HOST = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._:[]%")  # names and literals as written
_XTEXT_HEX = frozenset("0123456789ABCDEF")  # RFC 3461 §4
_SIZE_DIGITS = 20  # RFC 1870 §3


@dataclass(frozen=True, slots=True)
class MailFrom:
    """A sender as announced: None is the null reverse-path (RFC 5321 §4.5.5); `size` in octets, 0 where none was given."""

    address: Address | None
    size: int = 0
    body: str = ""  # "7BIT" or "8BITMIME" where given, RFC 6152 §2
    smtputf8: bool = False  # RFC 6531 §3.4


def readable(line: bytes) -> str | None:
    """The text of a line without its end; None where it holds a control or is not UTF-8 (RFC 5321 §4.1.2, RFC 6531 §3.3)."""
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return text if text.isprintable() else None


def longest(verb: str) -> int:
    """How many octets a line with this verb may have, with its CR LF."""
    return MAX_MAIL_LINE if verb == "MAIL" else MAX_AUTH_LINE if verb == "AUTH" else MAX_LINE


def read_host(argument: str) -> str | Reply:
    """The name after EHLO or HELO; whatever could not stand in a trace field is refused (RFC 5321 §4.1.1.1, §4.4)."""
    if argument and len(argument) <= MAX_HOST and _HOST.issuperset(argument):
        return argument
    return answers.BAD_HELLO


def read_mail(argument: str, *, extended: bool) -> MailFrom | Reply:
    """What follows MAIL (RFC 5321 §4.1.1.2); parameters only where the client said EHLO (§4.1.1.11)."""
    if argument[:5].upper() != "FROM:":
        return answers.BAD_FROM
    path = _path(argument[5:])
    if path is None:
        return answers.BAD_FROM
    inside, rest = path
    mail = MailFrom(None)
    if rest:
        read = _parameters(rest) if extended else answers.UNKNOWN_PARAMETER
        if isinstance(read, Reply):
            return read
        mail = read
    if not inside:
        return mail
    address = _mailbox(inside, smtputf8=mail.smtputf8, bad=answers.BAD_SENDER, literal=answers.LITERAL_SENDER)
    return address if isinstance(address, Reply) else MailFrom(address, mail.size, mail.body, mail.smtputf8)


def read_recipient(argument: str, *, smtputf8: bool, host: Domain) -> Address | Reply:
    """What follows RCPT (RFC 5321 §4.1.1.3); <postmaster> alone is the one of `host` (§4.5.1). No parameter is offered."""
    if argument[:3].upper() != "TO:":
        return answers.BAD_TO
    path = _path(argument[3:])
    if path is None:
        return answers.BAD_TO
    inside, rest = path
    if rest:
        return answers.UNKNOWN_PARAMETER
    if inside.lower() == "postmaster":
        return Address(inside, host)
    return _mailbox(inside, smtputf8=smtputf8, bad=answers.BAD_RECIPIENT, literal=answers.LITERAL_RECIPIENT)


def _path(text: str) -> tuple[str, str] | None:
    """What stands between the angle brackets, and the parameters after them."""
    if text[:1] != "<":
        return None
    end = text.find(">") if '"' not in text else _closing_bracket(text)
    if end < 0 or text[end + 1 : end + 2] not in {"", " "}:
        return None
    return text[1:end], text[end + 1 :].strip(" ")


def _closing_bracket(text: str) -> int:
    """The first > outside a quoted string (RFC 5321 §4.1.2 Quoted-string)."""
    quoted = escaped = False
    for n, char in enumerate(text):
        if escaped:
            escaped = False
        elif quoted and char == "\\":
            escaped = True
        elif char == '"':
            quoted = not quoted
        elif char == ">" and not quoted:
            return n
    return -1


def _mailbox(inside: str, *, smtputf8: bool, bad: Reply, literal: Reply) -> Address | Reply:
    if inside[:1] == "@":
        route, _, inside = inside.partition(":")
        if not _is_route(route):  # read and forgotten, RFC 5321 §4.1.2 A-d-l, appendix C
            return bad
    if not smtputf8 and not inside.isascii():
        return answers.NEEDS_SMTPUTF8
    if inside[-1:] == "]":
        return literal
    return _address(inside) or bad


def _is_route(route: str) -> bool:
    return all(hop[:1] == "@" and _domain(hop[1:]) for hop in route.split(","))


@lru_cache(maxsize=8192)
def _address(text: str) -> Address | None:
    try:
        return Address.parse(text)
    except Malformed:
        return None


def _domain(text: str) -> Domain | None:
    try:
        return Domain.parse(text)
    except Malformed:
        return None


def _parameters(text: str) -> MailFrom | Reply:
    """ESMTP parameters of MAIL: keyword, or keyword=value, each once (RFC 5321 §4.1.2)."""
    mail, seen = MailFrom(None), set[str]()
    for part in text.split(" "):
        keyword, equals, value = part.partition("=")
        keyword = keyword.upper()
        reader = _READERS.get(keyword)
        if reader is None:
            return answers.UNKNOWN_PARAMETER
        read = reader(mail, value if equals else None)
        if read is None or keyword in seen:
            return answers.BAD_PARAMETER
        seen.add(keyword)
        mail = read
    return mail


def _read_size(mail: MailFrom, value: str | None) -> MailFrom | None:
    if value and len(value) <= _SIZE_DIGITS and value.isascii() and value.isdigit():
        return replace(mail, size=int(value))
    return None


def _read_body(mail: MailFrom, value: str | None) -> MailFrom | None:
    body = (value or "").upper()
    return replace(mail, body=body) if body in {"7BIT", "8BITMIME"} else None


def _read_smtputf8(mail: MailFrom, value: str | None) -> MailFrom | None:
    return replace(mail, smtputf8=True) if value is None else None


def _read_auth(mail: MailFrom, value: str | None) -> MailFrom | None:
    """Checked for its form and not believed: nobody here is trusted to speak for others (RFC 4954 §5)."""
    return mail if value and _is_xtext(value) else None


def _is_xtext(text: str) -> bool:
    """RFC 3461 §4: printable ASCII but + and =, which stand as +2B and +3D."""
    coded = text.split("+")[1:]
    return text.isascii() and not {" ", "="} & set(text) and all(len(p) >= 2 and _XTEXT_HEX.issuperset(p[:2]) for p in coded)


_READERS: dict[str, Callable[[MailFrom, str | None], MailFrom | None]] = {
    "SIZE": _read_size,
    "BODY": _read_body,
    "SMTPUTF8": _read_smtputf8,
    "AUTH": _read_auth,
}
