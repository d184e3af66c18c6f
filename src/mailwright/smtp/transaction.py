"""One mail transaction of a client: which reply answers which command, and what it means for each recipient (RFC 5321 §3.3)."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from mailwright.values import Malformed, Reply

CLOSING = 421  # the server closes the channel, at any point (RFC 5321 §3.8, §4.2.3)


@dataclass(frozen=True, slots=True)
class Lost:
    """No reply came. `after_dot`: the end-of-data octets were handed over, so the mail may have arrived (RFC 5321 §4.5.4.1)."""

    cause: str
    after_dot: bool = False


@dataclass(frozen=True, slots=True)
class Offer:
    """What the server's EHLO answer announced (RFC 5321 §4.1.1.1); a HELO answer offers nothing."""

    pipelining: bool = False  # RFC 2920
    eightbit: bool = False  # RFC 6152
    smtputf8: bool = False  # RFC 6531
    starttls: bool = False  # RFC 3207
    size: int | None = None  # octets; None is not offered, 0 is no fixed limit (RFC 1870 §4)
    auth: frozenset[str] = frozenset()  # RFC 4954

    @staticmethod
    def read(reply: Reply) -> "Offer":
        """The extensions of an EHLO answer: its first line is the greeting, each other line a keyword with parameters."""
        words = [line.upper().replace("AUTH=", "AUTH ", 1).split() for line in reply.text[1:]]  # "AUTH=LOGIN": old servers
        names = {line[0] for line in words if line}
        sizes = [line[1] for line in words if len(line) > 1 and line[0] == "SIZE" and line[1].isascii() and line[1].isdigit()]
        return Offer(
            pipelining="PIPELINING" in names,
            eightbit="8BITMIME" in names,
            smtputf8="SMTPUTF8" in names,
            starttls="STARTTLS" in names,
            size=int(sizes[0][:20]) if sizes else (0 if "SIZE" in names else None),  # RFC 1870 §4: up to 20 digits
            auth=frozenset(word for line in words if line and line[0] == "AUTH" for word in line[1:]),
        )


@dataclass(frozen=True, slots=True)
class Envelope:
    """What a transaction says before its content; `size` in octets, addresses without angle brackets, "" is the null sender."""

    mail_from: str
    recipients: Sequence[str]
    size: int = 0
    eightbit: bool = False
    smtputf8: bool = False  # the header has UTF-8; addresses are looked at besides


class Step(Enum):
    """What follows a reply."""

    NEXT = 1  # the next command, or the next reply where they went out together
    POUR = 2  # the server waits for the content
    CANCEL = 3  # the server waits for content that nobody may get: a lone dot (RFC 2920 §3.1)
    DONE = 4
    BROKEN = 5  # a reply that no server gives here


class Transaction:
    """Follows the replies to RSET?, MAIL, RCPT*, DATA and the final dot, in this order."""

    __slots__ = ("_accepted", "_at", "_mail_refused", "_pipelined", "_recipients", "answers", "needs_rset")

    def __init__(self, recipients: Sequence[str], answers: dict[str, Reply | Lost], *, pipelined: bool, reset: bool) -> None:
        """`answers` has those for whom it was decided before anything was sent; `reset`: an RSET goes first."""
        self._recipients = recipients
        self.answers = answers
        self._pipelined = pipelined
        self._at = -1 if reset else 0  # 0 is MAIL, 1..n are RCPT, n+1 is DATA, n+2 the final dot
        self._accepted: list[str] = []
        self._mail_refused: Reply | None = None
        self.needs_rset = False  # the server may still hold this transaction's envelope

    @property
    def phase(self) -> str:
        """Whose reply is awaited."""
        over = self._at - len(self._recipients)
        if over > 0:
            return "data" if over == 1 else "dot"
        return "rcpt" if self._at > 0 else "mail"

    def hear(self, reply: Reply) -> Step:
        """Take the reply to the command that is due."""
        at, self._at = self._at, self._at + 1
        kind, last = reply.code // 100, len(self._recipients)
        if 0 < at <= last:
            return self._hear_rcpt(reply, kind, self._recipients[at - 1], final=at == last)
        if at == last + 1:
            return self._hear_data(reply, kind)
        if kind == 3 or (at < 0 and kind != 2):  # nothing but DATA is answered by 3xx, and RSET always succeeds (RFC 5321 §4.3.2)
            return Step.BROKEN
        if at > last:
            self._settle(reply)
            return Step.DONE
        return self._hear_mail(reply, kind) if at == 0 else Step.NEXT

    def closing(self, reply: Reply) -> None:
        """A 421 is the answer for everyone who was not refused before: nothing was taken (RFC 5321 §4.2.2)."""
        for recipient in self._recipients:
            self.answers.setdefault(recipient, reply)

    def lost(self, cause: str, *, after_dot: bool) -> None:
        """No more replies will come."""
        lost = Lost(cause, after_dot)
        for recipient in self._recipients:
            self.answers.setdefault(recipient, lost)

    def _hear_mail(self, reply: Reply, kind: int) -> Step:
        if kind == 2:
            self.needs_rset = True
            return Step.NEXT
        self._mail_refused = reply
        self.closing(reply)
        return Step.NEXT if self._pipelined else Step.DONE

    def _hear_rcpt(self, reply: Reply, kind: int, recipient: str, *, final: bool) -> Step:
        """Each recipient has its own reply; one that is refused stops nobody else (RFC 5321 §3.3)."""
        if kind == 3:
            return Step.BROKEN
        if kind == 2:
            self._accepted.append(recipient)
        else:
            self.answers.setdefault(recipient, reply)
        return Step.DONE if final and not self._accepted and not self._pipelined else Step.NEXT

    def _hear_data(self, reply: Reply, kind: int) -> Step:
        if kind == 3:
            self.needs_rset = False  # the end of data clears the envelope, whatever its reply (RFC 5321 §4.1.1.4)
            return Step.POUR if self._accepted and not self._mail_refused else Step.CANCEL
        if kind == 2:
            return Step.BROKEN
        self._settle(reply)
        return Step.DONE

    def _settle(self, reply: Reply) -> None:
        """This reply is the answer for all recipients that were accepted (RFC 5321 §3.3)."""
        for recipient in self._accepted:
            self.answers.setdefault(recipient, reply)


def unsendable(mail: Envelope, offer: Offer) -> dict[str, Reply | Lost]:
    """Those recipients for whom the mail cannot be sent to this server, each with the reason as a reply of ours."""
    if offer.size and mail.size > offer.size:  # RFC 1870 §6.1: known before sending, so nothing is sent
        why = f"Not sent: the mail has {mail.size} octets, the server takes at most {offer.size}."
        return dict.fromkeys(mail.recipients, Reply(552, "5.3.4", (why,)))
    if mail.eightbit and not offer.eightbit:  # RFC 6152 §3
        why = "Not sent: the mail has 8-bit text, the server takes 7-bit only."
        return dict.fromkeys(mail.recipients, Reply(554, "5.6.3", (why,)))
    if offer.smtputf8:
        return {}
    refusal = Reply(553, "5.6.7", ("Not sent: the server does not take international addresses (SMTPUTF8).",))  # RFC 6531 §3.5
    everyone = mail.smtputf8 or not mail.mail_from.isascii()
    return {recipient: refusal for recipient in mail.recipients if everyone or not recipient.isascii()}


def compose(mail: Envelope, recipients: Sequence[str], offer: Offer) -> bytes:
    """MAIL, RCPT and DATA as they go out together. Raises Malformed where an address would add commands or parameters."""
    _inspect(mail.mail_from, recipients)
    parts = [f"MAIL FROM:<{mail.mail_from}>", *[f"RCPT TO:<{recipient}>" for recipient in recipients], "DATA\r\n"]
    if offer.size is not None:
        parts[0] += f" SIZE={mail.size}"  # RFC 1870 §6
    if mail.eightbit:
        parts[0] += " BODY=8BITMIME"  # RFC 6152 §2
    if offer.smtputf8 and (mail.smtputf8 or not "".join(parts).isascii()):
        parts[0] += " SMTPUTF8"  # RFC 6531 §3.4
    return "\r\n".join(parts).encode("utf-8")


def _inspect(mail_from: str, recipients: Sequence[str]) -> None:
    """Look at all addresses at once; one by one only where there is something to see."""
    text = "".join((mail_from, *recipients))
    if text.isprintable() and '"' not in text and not _breaks_out(text):
        return
    for address in (mail_from, *recipients):
        quoted = address.startswith('"')  # then blanks and brackets are text (RFC 5321 §4.1.2)
        if not address.isprintable() or (not quoted and _breaks_out(address)):
            raise Malformed(f"{address[:80]!r} cannot go in an SMTP command.", "Give one address without line ends or brackets.")


def _breaks_out(text: str) -> bool:
    return " " in text or "<" in text or ">" in text
