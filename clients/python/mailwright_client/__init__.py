"""A client of Mailwright's HTTP API: `Client` for ordinary code, `AsyncClient` for asyncio and trio.

    with Client("http://127.0.0.1:8025", "mw_...") as mailwright:
        number = mailwright.send(Letter("Anna <anna@demo.example>", "bob@example.net", "Hello", text="Dear Bob ..."))
        print(mailwright.email(number).last_event)

Each call is described once, as a value; two small drivers carry it out. A call that got no answer, or "not now", is repeated:
a mail is handed in under an idempotency key, so that it is taken once, however often it was sent.
"""

from __future__ import annotations

import base64
import functools
import json
import random
import time
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Generator, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import datetime
from types import NoneType, TracebackType, UnionType
from typing import Any, Generic, ParamSpec, Self, TypeVar, Union, cast, get_args, get_origin, get_type_hints, overload
from urllib.parse import quote

import anyio
import httpx2

__version__ = "0.1.0"

NOT_NOW = frozenset({429, 503})  # nothing was done: any call may be repeated
BROKEN = frozenset({500, 502, 504})  # something may have been done: only what may be done twice is repeated
FIRST_WORD = 30.0  # seconds for a connection and the first line of an answer
MOST_SEEN = 10_000  # ids of events that are remembered: minutes of a busy server, and it repeats seconds
MAY_BE_EMPTY = frozenset({"subject", "text", "html"})  # said, and empty; other fields of a letter are then left out
TAIL_SILENCE = 60.0  # seconds without a line, after which the live tail is opened anew

T = TypeVar("T")
P = ParamSpec("P")
People = str | Sequence[str]  # "Anna <anna@demo.example>", or several


@dataclass(frozen=True, slots=True)
class Patience:
    """How often a call is tried, and the seconds between two tries: the first pause, doubled each time up to the longest.

    Five tries sit out about ten seconds of trouble. Who is told to wait longer than `most` gets the error, and decides.
    """

    attempts: int = 5
    first: float = 0.5
    longest: float = 8.0
    most: float = 60.0

    def pause(self, tries: int) -> float:
        """Seconds; spread, so that clients that were cut off together do not come back together."""
        return min(self.longest, self.first * 2.0**tries) * random.uniform(0.5, 1)


# What is handed in.


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file; with a `content_id` it is a picture within the HTML: `<img src="cid:...">`."""

    filename: str
    content: bytes
    content_type: str = ""
    content_id: str = ""


@dataclass(frozen=True, slots=True)
class Letter:
    """One mail. Without `text` the server makes it from `html`. `scheduled_at` needs a time zone; `calendar` is an invitation
    in iCalendar text."""

    from_: str
    to: People
    subject: str
    text: str | None = None
    html: str | None = None
    cc: People = ()
    bcc: People = ()
    reply_to: People = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    attachments: Sequence[Attachment] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    scheduled_at: datetime | None = None
    calendar: str | None = None
    subsystem: str = ""
    user: str = ""


# What comes back. Fields that a newer server adds are passed over.


@dataclass(frozen=True, slots=True)
class Objection:
    """A mail of a batch that was not taken: its place in the batch, from 0, and why."""

    index: int
    message: str


@dataclass(frozen=True, slots=True)
class Batch:
    """The ids of the mails that were taken, in their order."""

    ids: Sequence[str]
    errors: Sequence[Objection] = ()


@dataclass(frozen=True, slots=True)
class Email:
    """A mail as the server keeps it; `last_event` of several recipients is the worst."""

    id: str
    from_: str
    to: tuple[str, ...]
    created_at: datetime
    subject: str
    last_event: str
    message_id: str = ""
    html: str | None = None
    text: str | None = None
    cc: tuple[str, ...] = ()
    bcc: tuple[str, ...] = ()
    reply_to: tuple[str, ...] = ()
    scheduled_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """A step of a story in words: what happened, what it means and who acts, and what was seen."""

    text: str
    tone: str = ""
    at: datetime | None = None
    more: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Chapter:
    """What became of a mail at one recipient: how it stands now, and how it came to that."""

    recipient: str
    state: str
    attempts: int
    now: Line
    lines: tuple[Line, ...]
    reply: str = ""
    due_at: datetime | None = None
    may_have_arrived_twice: bool = False


@dataclass(frozen=True, slots=True)
class Story:
    """What became of a mail, and why."""

    id: str
    last_event: str
    lines: tuple[Line, ...]
    recipients: tuple[Chapter, ...]


@dataclass(frozen=True, slots=True)
class Site:
    """What waits for servers with the same MX."""

    site: str
    ready: int
    deferred: int
    held: int
    in_hand: int
    failures: int
    paused: str
    oldest: datetime | None = None
    retry_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Account:
    """A customer of the operator."""

    id: str
    name: str
    created_at: datetime
    hour_limit: int | None = None
    day_limit: int | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """A DNS record to publish, and whether it is."""

    record: str
    name: str
    type: str
    value: str
    status: str
    ttl: str = "Auto"
    priority: int | None = None


@dataclass(frozen=True, slots=True)
class Domain:
    """A domain that the account sends as; `records` come with a single domain, not in lists."""

    id: str
    name: str
    status: str
    created_at: datetime
    records: tuple[Record, ...] = ()


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as it is kept; its text was shown once."""

    id: str
    name: str
    created_at: datetime
    last_used_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class NewApiKey:
    """A key that was just made; `token` is shown this once."""

    id: str
    token: str


@dataclass(frozen=True, slots=True)
class Suppression:
    """An address to which the account does not send; `source_id` is the mail that brought it about."""

    id: str
    email: str
    origin: str
    created_at: datetime
    reason: str = ""
    source_id: str | None = None


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where events are sent to; `signing_secret` comes when it is made, and never again."""

    id: str
    endpoint: str = ""
    events: tuple[str, ...] | None = None
    status: str = ""
    created_at: datetime | None = None
    signing_secret: str | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """What happened to a mail, from the live tail; `id` resumes it."""

    id: str
    type: str
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Part of a list, newest first; `has_more` says whether older ones follow the last."""

    data: tuple[T, ...]
    has_more: bool


# What goes wrong.


class MailwrightError(Exception):
    """A call failed. `str(error)` says what happened and what to do about it, `do` the latter alone.

    `status` is the HTTP status, 0 without an answer. `name` is the kind of error in Resend's spelling, `code` is ours, `findings`
    are all objections, `retry_after` is what the server asked for, in seconds.
    """

    def __init__(self, message: str, *, status: int = 0, body: Mapping[str, Any] | None = None, retry_after: float = 0) -> None:
        told = body or {}
        self.status, self.retry_after = status, retry_after
        self.name, self.code, self.do = (str(told.get(field) or "") for field in ("name", "code", "do"))
        self.message = str(told.get("message") or message)
        self.findings: Sequence[Mapping[str, Any]] = told.get("findings") or ()
        super().__init__(self.message)


class Unreachable(MailwrightError):
    """No answer came, after all tries; unless no connection was made, the call may have been carried out."""


class Unexpected(MailwrightError):
    """The answer is none of Mailwright's: most often the base URL leads to another program."""


class BadKey(MailwrightError):
    """The API key is missing, unknown or revoked."""


class NotAllowed(MailwrightError):
    """The key may not do this."""


class Invalid(MailwrightError):
    """What was asked cannot be done as it stands: `findings` say what is wrong with it."""


class NotFound(MailwrightError):
    """There is no such thing in this account."""


class Conflict(MailwrightError):
    """It is too late for this, it is there already, or the idempotency key was used for another mail."""


class TooMany(MailwrightError):
    """More calls than this key may make; `retry_after` says when there is room again."""


class ServerFault(MailwrightError):
    """The server could not do it, after all tries; it is not the call's fault."""


_BY_NAME = {
    "missing_api_key": BadKey, "invalid_api_key": BadKey, "restricted_api_key": NotAllowed, "validation_error": Invalid,
}  # fmt: skip
_BY_STATUS = {401: BadKey, 403: NotAllowed, 404: NotFound, 405: Unexpected, 409: Conflict, 429: TooMany}


# The calls.


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """One request, and how its answer is read. `key`: under it the server does it once, however often it is asked."""

    method: str
    path: str
    read: Callable[[Any], T]
    query: Mapping[str, Any] = field(default_factory=dict)
    body: Any = None
    key: str = ""
    permissive: bool = False

    @property
    def repeatable(self) -> bool:
        """Whether doing it twice leaves the same as doing it once."""
        return self.method in {"GET", "PATCH"} or bool(self.key)


def _send(letter: Letter, *, idempotency_key: str = "") -> Call[str]:
    """Hand in one mail; its id, once it is on disk. With a key of your own it is taken once within 24 hours."""
    return Call("POST", "/emails", _id, body=_letter(letter), key=idempotency_key or str(uuid.uuid4()))


def _send_batch(letters: Sequence[Letter], *, idempotency_key: str = "", permissive: bool = False) -> Call[Batch]:
    """Hand in up to 100 mails: all of them or, unless `permissive`, none."""
    body, key = [_letter(letter) for letter in letters], idempotency_key or str(uuid.uuid4())
    return Call("POST", "/emails/batch", _batch, body=body, key=key, permissive=permissive)


def _email(number: str) -> Call[Email]:
    """One mail."""
    return Call("GET", f"/emails/{_part(number)}", _one(Email))


def _emails(*, limit: int | None = None, after: str = "", before: str = "") -> Call[Page[Email]]:
    """The account's mails, newest first, up to 100 at once; `after` is the id to go on from."""
    return Call("GET", "/emails", _page(Email), query=_cursor(limit, after, before))


def _reschedule(number: str, scheduled_at: datetime) -> Call[str]:
    """Let a scheduled mail leave at another time."""
    return Call("PATCH", f"/emails/{_part(number)}", _id, body={"scheduled_at": _moment(scheduled_at)})


def _cancel(number: str) -> Call[str]:
    """Keep a scheduled mail from leaving. Raises Conflict where it has begun to."""
    return Call("POST", f"/emails/{_part(number)}/cancel", _id, body={})


def _story(number: str) -> Call[Story]:
    """What became of a mail at each recipient, in words that say who must act and how."""
    return Call("GET", f"/emails/{_part(number)}/story", _one(Story))


def _queue() -> Call[Page[Site]]:
    """What waits, by site."""
    return Call("GET", "/queue", _page(Site))


def _add_account(name: str) -> Call[Account]:
    """A new customer, by a key of the operator. Next, with Client(..., account=name): add_domain, add_api_key."""
    return Call("POST", "/accounts", _one(Account), body={"name": name})


def _accounts(*, limit: int | None = None, after: str = "", before: str = "") -> Call[Page[Account]]:
    """All customers, by a key of the operator."""
    return Call("GET", "/accounts", _page(Account), query=_cursor(limit, after, before))


def _add_domain(name: str) -> Call[Domain]:
    """A domain to send as; its records are to be published."""
    return Call("POST", "/domains", _one(Domain), body={"name": name})


def _domain(number: str) -> Call[Domain]:
    """One domain with its records."""
    return Call("GET", f"/domains/{_part(number)}", _one(Domain))


def _domains(*, limit: int | None = None, after: str = "", before: str = "") -> Call[Page[Domain]]:
    """The account's domains."""
    return Call("GET", "/domains", _page(Domain), query=_cursor(limit, after, before))


def _verify_domain(number: str) -> Call[str]:
    """Look at a domain's records anew."""
    return Call("POST", f"/domains/{_part(number)}/verify", _id, body={})


def _remove_domain(number: str) -> Call[str]:
    """Send as this domain no more."""
    return Call("DELETE", f"/domains/{_part(number)}", _id)


def _add_api_key(name: str, *, permission: str = "full_access") -> Call[NewApiKey]:
    """A new key of the account; `permission` is "full_access" or "sending_access"."""
    return Call("POST", "/api-keys", _one(NewApiKey), body={"name": name, "permission": permission})


def _api_keys(*, limit: int | None = None, after: str = "", before: str = "") -> Call[Page[ApiKey]]:
    """The account's keys."""
    return Call("GET", "/api-keys", _page(ApiKey), query=_cursor(limit, after, before))


def _remove_api_key(number: str) -> Call[str]:
    """The key opens nothing from now on."""
    return Call("DELETE", f"/api-keys/{_part(number)}", _id)


def _suppress(address: str) -> Call[str]:
    """Send nothing to an address any more."""
    return Call("POST", "/suppressions", _id, body={"email": address})


def _suppressions(*, limit: int | None = None, after: str = "", before: str = "") -> Call[Page[Suppression]]:
    """Addresses to which nothing is sent."""
    return Call("GET", "/suppressions", _page(Suppression), query=_cursor(limit, after, before))


def _lift_suppression(id_or_address: str) -> Call[str]:
    """Send to an address again."""
    return Call("DELETE", f"/suppressions/{_part(id_or_address)}", _id)


def _add_webhook(endpoint: str, events: Sequence[str]) -> Call[Webhook]:
    """Have events sent to a URL, signed with the `signing_secret` of the answer."""
    return Call("POST", "/webhooks", _one(Webhook), body={"endpoint": endpoint, "events": list(events)})


def _webhook(number: str) -> Call[Webhook]:
    """One webhook."""
    return Call("GET", f"/webhooks/{_part(number)}", _one(Webhook))


def _webhooks(*, limit: int | None = None, after: str = "", before: str = "") -> Call[Page[Webhook]]:
    """The account's webhooks."""
    return Call("GET", "/webhooks", _page(Webhook), query=_cursor(limit, after, before))


def _remove_webhook(number: str) -> Call[str]:
    """Send it nothing any more."""
    return Call("DELETE", f"/webhooks/{_part(number)}", _id)


def _letter(letter: Letter) -> dict[str, Any]:
    """A letter as JSON, without what was not given."""
    given = {one.name.rstrip("_"): getattr(letter, one.name) for one in fields(letter)}
    body = {name: value for name, value in given.items() if value or (name in MAY_BE_EMPTY and value is not None)}
    if letter.scheduled_at is not None:
        body["scheduled_at"] = _moment(letter.scheduled_at)
    if letter.tags:
        body["tags"] = [{"name": name, "value": value} for name, value in letter.tags.items()]
    if letter.attachments:
        body["attachments"] = [_attachment(file) for file in letter.attachments]
    return body


def _attachment(file: Attachment) -> dict[str, str]:
    content = base64.b64encode(file.content).decode()
    more = {"content_type": file.content_type, "content_id": file.content_id}
    return {"filename": file.filename, "content": content} | {name: value for name, value in more.items() if value}


def _moment(moment: datetime) -> str:
    if moment.tzinfo is None:
        raise ValueError("This time has no zone. Give it one, such as datetime.now(UTC) + timedelta(hours=1).")
    return moment.isoformat()


def _part(text: str) -> str:
    """A text as one part of a path. Raises ValueError for what would lead to another path."""
    if text in {"", ".", ".."}:
        raise ValueError(f"{text!r} is no id.")
    return quote(text, safe="")


def _cursor(limit: int | None, after: str, before: str) -> dict[str, Any]:
    return {name: value for name, value in (("limit", limit), ("after", after), ("before", before)) if value}


# Reading answers: by the annotations of the values above.


def _id(answer: Any) -> str:
    return str(answer["id"])


def _batch(answer: Any) -> Batch:
    errors = tuple(_made(Objection, one) for one in answer.get("errors", ()))
    return Batch(tuple(_id(one) for one in answer["data"]), errors)


def _one(kind: type[T]) -> Callable[[Any], T]:
    return functools.partial(_made, kind)


def _page(kind: type[T]) -> Callable[[Any], Page[T]]:
    return lambda answer: Page(tuple(_made(kind, one) for one in answer["data"]), bool(answer["has_more"]))


def _made(kind: type[T], raw: Mapping[str, Any]) -> T:
    """A value of a dataclass from a JSON object. Raises TypeError, KeyError or ValueError where it does not fit."""
    given: dict[str, Any] = {}
    for name, wanted in _wanted(cast(Any, kind)).items():
        if (wire := name.rstrip("_")) in raw:
            given[name] = _fit(wanted, raw[wire])
    return kind(**given)


@functools.cache
def _wanted(kind: Any) -> Mapping[str, Any]:
    return get_type_hints(kind)


def _fit(wanted: Any, raw: Any) -> Any:
    """A JSON value as the annotation says. An absent list is sent as null by some servers: it is an empty one."""
    origin, inner = get_origin(wanted), get_args(wanted)
    if origin in (Union, UnionType):
        return None if raw is None else _fit(next(one for one in inner if one is not NoneType), raw)
    if origin is tuple:
        return tuple(_fit(inner[0], one) for one in raw or ())
    if wanted is datetime:
        return datetime.fromisoformat(raw)
    if isinstance(wanted, type) and is_dataclass(wanted):
        return _made(wanted, raw)
    if not isinstance(raw, origin or wanted):
        raise TypeError(f"{raw!r} is no {wanted}")
    return raw


# Carrying out: what to do next, without doing it.

Answer = httpx2.Response | httpx2.TransportError | None
_NO_CONNECTION = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)


def _steps(call: Call[T], patience: Patience) -> Generator[float, Answer, T]:
    """Seconds to wait before the request is sent, once more and once more; at the end, the result."""
    pause, tries = 0.0, 0
    while True:
        answer = yield pause
        if isinstance(answer, httpx2.Response) and answer.is_success:
            return _read(call, answer)
        tries += 1
        error = _error(answer)
        if tries >= patience.attempts or error.retry_after > patience.most or not _once_more(call, answer, error):
            raise error
        pause = error.retry_after or patience.pause(tries - 1)


def _once_more(call: Call[Any], answer: Answer, error: MailwrightError) -> bool:
    """Whether a call that failed may be made again: nothing was done, or doing it twice is doing it once."""
    if not isinstance(answer, httpx2.Response):
        return isinstance(answer, _NO_CONNECTION) or call.repeatable
    if answer.status_code in NOT_NOW or error.name == "concurrent_idempotent_requests":
        return True
    return answer.status_code in BROKEN and call.repeatable


def _read(call: Call[T], answer: httpx2.Response) -> T:
    try:
        return call.read(answer.json())
    except (ValueError, TypeError, KeyError, AttributeError) as fault:
        raise _strange(answer) from fault


def _error(answer: Answer) -> MailwrightError:
    """The exception that tells of an answer that is no success, or of none."""
    if not isinstance(answer, httpx2.Response):
        return Unreachable(f"No answer from {answer.request.url if answer else ''}: {type(answer).__name__}. Is the server up?")
    try:
        body = answer.json()
        told = body if isinstance(body, dict) and "name" in body else None
    except ValueError:
        told = None
    if told is None:
        return _strange(answer)
    fallback = ServerFault if answer.status_code >= 500 else Invalid
    kind = _BY_NAME.get(str(told["name"])) or _BY_STATUS.get(answer.status_code, fallback)
    seconds = answer.headers.get("retry-after", "")
    return kind("", status=answer.status_code, body=told, retry_after=float(seconds) if seconds.isdecimal() else 0)


def _strange(answer: httpx2.Response) -> MailwrightError:
    kind = ServerFault if answer.status_code >= 500 else Unexpected  # a proxy before the server speaks its own language
    return kind(
        f"{answer.request.url} answered {answer.status_code} with what is no answer of Mailwright's. Is the base URL right?",
        status=answer.status_code,
    )


def _request(call: Call[Any]) -> dict[str, Any]:
    headers = {"Idempotency-Key": call.key} if call.key else {}
    headers |= {"x-batch-validation": "permissive"} if call.permissive else {}
    return {"method": call.method, "url": call.path, "params": call.query, "json": call.body, "headers": headers}


def _options(base_url: str, key: str, account: str, timeout: float) -> dict[str, Any]:
    """What both HTTP clients are made with. Raises ValueError for what can be no address and no key."""
    if not base_url.startswith(("http://", "https://")):
        raise ValueError(f"The base URL {base_url!r} has no http:// or https:// in front; `mailwright run` shows it.")
    if not (token := key.strip()):  # keys are read from files that end with a line end
        raise ValueError("The API key is empty; `mailwright key add` makes one.")
    headers = {"Authorization": f"Bearer {token}", "User-Agent": f"mailwright-python/{__version__}"}
    return {"base_url": base_url, "headers": headers, "params": {"account": account} if account else None, "timeout": timeout}


class _Method(Generic[P, T]):
    """A call as a method: it gives the result on Client, and is awaited on AsyncClient."""

    def __init__(self, describe: Callable[P, Call[T]]) -> None:
        self._describe = describe
        self.__doc__ = describe.__doc__

    @overload
    def __get__(self, client: None, owner: type) -> Self: ...
    @overload
    def __get__(self, client: Client, owner: type) -> Callable[P, T]: ...
    @overload
    def __get__(self, client: AsyncClient, owner: type) -> Callable[P, Coroutine[Any, Any, T]]: ...

    def __get__(self, client: Client | AsyncClient | None, owner: type) -> Any:
        if client is None:
            return self

        @functools.wraps(self._describe)
        def method(*args: P.args, **kwargs: P.kwargs) -> T | Awaitable[T]:
            return client.perform(self._describe(*args, **kwargs))

        return method


class _Calls:
    """What both clients can do."""

    send = _Method(_send)
    send_batch = _Method(_send_batch)
    email = _Method(_email)
    emails = _Method(_emails)
    reschedule = _Method(_reschedule)
    cancel = _Method(_cancel)
    story = _Method(_story)
    queue = _Method(_queue)
    add_account = _Method(_add_account)
    accounts = _Method(_accounts)
    add_domain = _Method(_add_domain)
    domain = _Method(_domain)
    domains = _Method(_domains)
    verify_domain = _Method(_verify_domain)
    remove_domain = _Method(_remove_domain)
    add_api_key = _Method(_add_api_key)
    api_keys = _Method(_api_keys)
    remove_api_key = _Method(_remove_api_key)
    suppress = _Method(_suppress)
    suppressions = _Method(_suppressions)
    lift_suppression = _Method(_lift_suppression)
    add_webhook = _Method(_add_webhook)
    webhook = _Method(_webhook)
    webhooks = _Method(_webhooks)
    remove_webhook = _Method(_remove_webhook)


class _Tail:
    """Where a live tail stands: what to ask for next, and how long to wait before."""

    def __init__(self, after: str, patience: Patience) -> None:
        self.after, self.failures, self.patience = after, 0, patience
        self.fault: Exception | None = None  # by which the last stream ended
        self.seen: dict[str, None] = {}  # after a break some come again

    def request(self) -> dict[str, Any]:
        headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": self.after} if self.after else {})
        timeout = httpx2.Timeout(FIRST_WORD, read=TAIL_SILENCE)
        return {"method": "GET", "url": "/events", "headers": headers, "timeout": timeout}

    def admit(self, answer: httpx2.Response) -> httpx2.EventSource:
        """The stream of an answer that is one. Raises the error that it tells of."""
        if not answer.is_success:
            raise _error(answer)
        if not answer.headers.get("content-type", "").startswith("text/event-stream"):
            raise _strange(answer)
        self.failures, self.fault = 0, None
        return httpx2.EventSource(answer)

    def take(self, told: httpx2.ServerSentEvent) -> Event | None:
        """None where it was told before, or says only how long to wait before coming back."""
        if not told.data or told.id in self.seen:
            return None
        self.after = told.id
        self.seen[told.id] = None
        if len(self.seen) > MOST_SEEN:
            del self.seen[next(iter(self.seen))]
        return Event(told.id, told.event, json.loads(told.data))

    def pause(self) -> float:
        """Seconds before it is opened anew."""
        self.failures += 1
        asked = self.fault.retry_after if isinstance(self.fault, MailwrightError) else 0
        return asked or self.patience.pause(min(self.failures, 10))


_TAIL_GOES_ON = (httpx2.TransportError, ServerFault, TooMany)


class Client(_Calls):
    """For ordinary code; may be shared between threads. Close it, or use it in a `with`.

    `account` is for a key of the operator: for whom it asks. `perform` carries out calls that have no method here.
    """

    def __init__(
        self, base_url: str, key: str, *, account: str = "", timeout: float = 30, patience: Patience = Patience()
    ) -> None:
        self._patience = patience
        self._http = httpx2.Client(**_options(base_url, key, account, timeout))

    def perform(self, call: Call[T]) -> T:
        """Carry out a call."""
        steps: Generator[float, Answer, T] = _steps(call, self._patience)
        answer: Answer = None
        while True:
            try:
                pause = steps.send(answer)
            except StopIteration as end:
                done: T = end.value
                return done
            answer = self._ask(call, pause)

    def _ask(self, call: Call[Any], pause: float) -> Answer:
        time.sleep(pause)
        try:
            return self._http.request(**_request(call))
        except httpx2.TransportError as lost:
            return lost

    def events(self, *, after: str = "") -> Generator[Event]:
        """The live tail: what happens to the account's mail from now on, or after an event (or a mail) with this id.

        It never ends; where the connection breaks it goes on after the last event, and tells none twice.
        Raises BadKey or NotAllowed.
        """
        tail = _Tail(after, self._patience)
        while True:
            yield from self._listen(tail)
            time.sleep(tail.pause())

    def _listen(self, tail: _Tail) -> Iterator[Event]:
        try:
            with self._http.stream(**tail.request()) as answer:
                if not answer.is_success:
                    answer.read()
                yield from (event for told in tail.admit(answer) if (event := tail.take(told)) is not None)
        except _TAIL_GOES_ON as fault:
            tail.fault = fault

    def close(self) -> None:
        """End its connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


class AsyncClient(_Calls):
    """The same for asyncio and trio: each call is awaited."""

    def __init__(
        self, base_url: str, key: str, *, account: str = "", timeout: float = 30, patience: Patience = Patience()
    ) -> None:
        self._patience = patience
        self._http = httpx2.AsyncClient(**_options(base_url, key, account, timeout))

    async def perform(self, call: Call[T]) -> T:
        """Carry out a call."""
        steps: Generator[float, Answer, T] = _steps(call, self._patience)
        answer: Answer = None
        while True:
            try:
                pause = steps.send(answer)
            except StopIteration as end:
                done: T = end.value
                return done
            answer = await self._ask(call, pause)

    async def _ask(self, call: Call[Any], pause: float) -> Answer:
        await anyio.sleep(pause)
        try:
            return await self._http.request(**_request(call))
        except httpx2.TransportError as lost:
            return lost

    async def events(self, *, after: str = "") -> AsyncGenerator[Event]:
        """The live tail, as Client.events has it."""
        tail = _Tail(after, self._patience)
        while True:
            async with aclosing(self._listen(tail)) as news:
                async for event in news:
                    yield event
            await anyio.sleep(tail.pause())

    async def _listen(self, tail: _Tail) -> AsyncGenerator[Event]:
        try:
            async with self._http.stream(**tail.request()) as answer:
                if not answer.is_success:
                    await answer.aread()
                async for event in (event async for told in tail.admit(answer) if (event := tail.take(told)) is not None):
                    yield event
        except _TAIL_GOES_ON as fault:
            tail.fault = fault

    async def close(self) -> None:
        """End its connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()
