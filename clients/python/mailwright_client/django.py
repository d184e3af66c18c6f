"""Django's mail over Mailwright's HTTP API. In the settings of the site:

    EMAIL_BACKEND = "mailwright_client.django.EmailBackend"
    MAILWRIGHT = {"URL": "http://127.0.0.1:8025", "KEY": "mw_..."}

Beside Django's own, a message may have these attributes: `tags` (a dict, or a list of names), `scheduled_at` (a datetime with a
zone), `subsystem`, `user`, and `idempotency_key`. Once it is taken, its `mailwright_id` is what `mailwright why` asks for.
"""

import mimetypes
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from email.message import Message
from typing import Any, cast

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend

from mailwright_client import Attachment, Batch, Client, Invalid, Letter, MailwrightError, Patience

BATCH = 100  # mails of one call
BATCH_OCTETS = 8_000_000  # of attachments and texts in one call
TIMEOUT, ATTEMPTS = 10, 3  # seconds for one try, and tries: a web request waits for them
EXAMPLE = 'MAILWRIGHT = {"URL": "http://127.0.0.1:8025", "KEY": "mw_..."}'
ALTERNATIVES = frozenset({"text/plain", "text/html", "text/calendar"})
ALTERNATIVES = frozenset({"text/plain", "text/html", "text/calendar"})
_KEY_FIELD, _SUBSYSTEM_FIELD = "x-mailwright-idempotency-key", "x-mailwright-subsystem"  # as over SMTP
_OTHERWISE = frozenset({"from", "to", "cc", "reply-to", _KEY_FIELD, _SUBSYSTEM_FIELD})  # fields that have a place of their own


class EmailBackend(BaseEmailBackend):
    """Hands mail to Mailwright. Options that are not given come from settings.MAILWRIGHT.

    What goes wrong is a MailwrightError, which `fail_silently` keeps still.
    """

    def __init__(
        self, *, fail_silently: bool = False, url: str = "", key: str = "", timeout: float = 0, attempts: int = 0, **more: Any
    ) -> None:
        super().__init__(**more)
        given: Mapping[str, Any] = getattr(settings, "MAILWRIGHT", {})
        self.fail_silently = fail_silently
        self.url, self.key = url or given.get("URL", ""), key or given.get("KEY", "")
        self.timeout = timeout or given.get("TIMEOUT", TIMEOUT)
        self.attempts = attempts or given.get("ATTEMPTS", ATTEMPTS)
        self._client: Client | None = None
        if not self.url or not self.key:
            raise ImproperlyConfigured(f"Mailwright has no address or no API key. Set them: {EXAMPLE}")

    def open(self) -> bool:
        """Keep one connection for all that follows; whether it is new."""
        if self._client is not None:
            return False
        self._client = self._connected()
        return True

    def close(self) -> None:
        """End the connection."""
        client, self._client = self._client, None
        if client is not None:
            client.close()

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """Hand in messages, several in one call; how many were taken. One that is refused does not keep the others back."""
        messages = [message for message in email_messages if message.recipients()]
        if self._client is not None:
            return self._send_all(self._client, messages)
        with self._connected() as client:
            return self._send_all(client, messages)

    def _connected(self) -> Client:
        return Client(self.url, self.key, timeout=self.timeout, patience=Patience(self.attempts))

    def _send_all(self, client: Client, messages: Sequence[EmailMessage]) -> int:
        refused = [fault for parcel in _parcels(messages) for fault in self._send(client, parcel)]
        if refused and not self.fail_silently:
            if len(messages) == 1:
                raise refused[0]
            raise Invalid(f"{len(refused)} of {len(messages)} mails were refused, the others are taken. The first: {refused[0]}")
        return len(messages) - len(refused)

    def _send(self, client: Client, parcel: "_Parcel") -> Sequence[MailwrightError]:
        """Hand in the mails of one call; what was refused. Raises MailwrightError where the next mail would fare no better."""
        letters = [letter for _, letter in parcel.mails]
        try:
            if len(letters) == 1:
                batch = Batch([client.send(letters[0], idempotency_key=parcel.key)])
            else:
                batch = client.send_batch(letters, permissive=True)
        except MailwrightError as fault:
            if isinstance(fault, Invalid) or self.fail_silently:
                return [fault] * len(letters)
            raise
        refused = {objection.index for objection in batch.errors}
        taken = (message for place, (message, _) in enumerate(parcel.mails) if place not in refused)
        for message, number in zip(taken, batch.ids, strict=True):
            cast(Any, message).mailwright_id = number
        return [Invalid(objection.message) for objection in batch.errors]


@dataclass
class _Parcel:
    """What goes in one call."""

    key: str = ""
    mails: list[tuple[EmailMessage, Letter]] = field(default_factory=list)
    octets: int = 0


def _parcels(messages: Iterable[EmailMessage]) -> Iterator[_Parcel]:
    """As many mails in one call as it may have; a mail with an idempotency key of its own goes alone."""
    parcel = _Parcel()
    for message in messages:
        letter, key = letter_of(message), _key_of(message)
        octets = sum(len(file.content) for file in letter.attachments) + len(letter.text or "") + len(letter.html or "")
        if key:
            yield _Parcel(key, [(message, letter)])
            continue
        if parcel.mails and (len(parcel.mails) == BATCH or parcel.octets + octets > BATCH_OCTETS):
            yield parcel
            parcel = _Parcel()
        parcel.mails.append((message, letter))
        parcel.octets += octets
    if parcel.mails:
        yield parcel


def letter_of(message: EmailMessage) -> Letter:
    """A message of Django's as Mailwright takes it. Raises ValueError for an alternative that cannot be sent over HTTP."""
    fields = {name.lower(): str(value) for name, value in message.extra_headers.items()}
    texts = {f"text/{message.content_subtype}": str(message.body) or None}
    for content, mimetype in getattr(message, "alternatives", ()):
        kind = mimetype.partition(";")[0].strip().lower()
        if kind not in ALTERNATIVES or texts.get(kind) is not None:
            raise ValueError(f"{kind} has no place as an alternative here, or is there already. Over SMTP it can be sent.")
        texts[kind] = _text(content)
    return Letter(
        from_=fields.get("from", str(message.from_email)),
        to=_people(message.to),
        subject=str(message.subject),
        text=texts.get("text/plain"),
        html=texts.get("text/html"),
        calendar=texts.get("text/calendar"),
        cc=_people(message.cc),
        bcc=_people(message.bcc),
        reply_to=fields.get("reply-to") or _people(message.reply_to),
        headers={name: str(value) for name, value in message.extra_headers.items() if name.lower() not in _OTHERWISE},
        attachments=[_attachment(one) for one in message.attachments],
        tags=_tags(getattr(message, "tags", ())),
        scheduled_at=getattr(message, "scheduled_at", None),
        subsystem=getattr(message, "subsystem", "") or fields.get(_SUBSYSTEM_FIELD, ""),
        user=getattr(message, "user", ""),
    )


def _key_of(message: EmailMessage) -> str:
    fields = {name.lower(): str(value) for name, value in message.extra_headers.items()}
    return str(getattr(message, "idempotency_key", "") or fields.get(_KEY_FIELD, ""))


def _people(addresses: Iterable[Any]) -> list[str]:
    return [str(address) for address in addresses if address]  # they may be lazy translations


def _tags(tags: Mapping[str, str] | Iterable[str]) -> Mapping[str, str]:
    return dict(tags) if isinstance(tags, Mapping) else dict.fromkeys(tags, "")


def _attachment(one: Any) -> Attachment:
    """A file, or a MIME part, which is how Django has inline pictures."""
    if not isinstance(one, Message):
        filename, content, kind = one
        return Attachment(filename or _name(kind), _octets(content), kind or "")
    kind, content = one.get_content_type(), one.get_payload(decode=True)
    if not isinstance(content, bytes):  # a mail within this one
        content = cast(Any, one).get_payload(0).as_bytes()
    return Attachment(one.get_filename() or _name(kind), content, kind, (one.get("Content-ID") or "").strip(" <>"))


def _octets(content: Any) -> bytes:
    if isinstance(content, EmailMessage):
        content = content.message()
    if isinstance(content, Message):
        return content.as_bytes()
    return content.encode() if isinstance(content, str) else bytes(content)


def _text(content: Any) -> str:
    return content.decode() if isinstance(content, bytes) else str(content)


def _name(kind: str) -> str:
    return f"attachment{mimetypes.guess_extension(kind or '') or '.bin'}"
