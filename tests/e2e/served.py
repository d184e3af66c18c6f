"""A whole house for the tests: built from settings text, served in this process, spoken to over real sockets."""

import asyncio
import json
import os
import re
import secrets
import ssl
import subprocess
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import aiosmtplib
import dkim
from click.testing import CliRunner, Result

from mailwright.accounts import Account, ApiKey, DkimKeyInfo, Scope, SendingDomain, TransportInfo
from mailwright.accounts.key import PREFIX_BYTES, SECRET_BYTES, digest, key_text, prefix_of
from mailwright.app.house import House
from mailwright.app.settings import Settings, load
from mailwright.app.vault import dkim_place, transport_place
from mailwright.app.wiring import build, now_ms
from mailwright.auth import Algorithm, DkimKey, make_key, open_key, public_record
from mailwright.cli import program
from mailwright.ports.sender import Sender
from mailwright.ports.store import DeliveryView, Story
from mailwright.queue import EventKind, EventRow, State
from mailwright.routing.sites import smtp_site
from mailwright.values import Domain
from mailwright.values.ids import id_number, id_text

T = TypeVar("T")
PATIENCE = 10.0  # seconds for something to happen: generous, for a busy machine
HOSTNAME, BOUNCE_DOMAIN = "mail.operator.example", "bounce.operator.example"
SETTINGS = f"""
hostname = "{HOSTNAME}"
bounce_domain = "{BOUNCE_DOMAIN}"
http.address = "127.0.0.1:0"
log.level = "error"
dns.servers = ["127.0.0.1:9"]
dns.timeout = "200 ms"
queue.jitter = 0
queue.signers = 1
timeouts.shutdown = "2 s"
timeouts.idle = "500 ms"
"""
LISTEN = """
[[listen]]
address = "127.0.0.1:0"
[[listen]]
address = "127.0.0.1:0"
tls = "implicit"
"""


def route(port: int, domain: str = "*", *, tls: str = "opportunistic", more: str = "") -> str:
    """Settings: mail for a domain goes to a port of this machine."""
    return f'\n[[route]]\ndomain = "{domain}"\nto = "127.0.0.1:{port}"\ntls = "{tls}"\n{more}\n'


class Clock:
    """The machine's time, and as far ahead as a test wants."""

    def __init__(self) -> None:
        self.ahead = 0

    def __call__(self) -> int:
        return now_ms() + self.ahead

    def advance(self, *, days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0) -> None:
        self.ahead += int(1000 * (seconds + 60 * (minutes + 60 * (hours + 24 * days))))


@dataclass(frozen=True)
class Customer:
    """An account with what it needs to hand in."""

    id: int
    name: str
    key: str
    domain: str

    def writes(self, local: str = "anna") -> str:
        return f"{local}@{self.domain}"


class Served:
    """A served house with everything that a case asks of it; an `async with` opens and closes it."""

    def __init__(
        self, folder: Path, settings: str = "", *, delivery: str = "live", listen: str = LISTEN, database: str = ""
    ) -> None:
        self.folder, self.clock = folder, Clock()
        self.sender: Sender | None = None
        self.config = folder / "mailwright.toml"
        self.house: House
        self._listen, self._database = listen, database
        self.write(settings, delivery=delivery)

    def write(self, settings: str, *, delivery: str = "live", listen: str = "") -> None:
        """Write the settings file anew; it holds from the next start."""
        lines = [f'delivery = "{delivery}"', SETTINGS]
        if self._database:
            lines.append(f'database = "{self._database}"')
        plain, tables, rest = settings.partition("\n[")
        given = dict(line.split(" = ", 1) for line in plain.splitlines() if " = " in line)
        base = [line for line in "\n".join(lines).splitlines() if line.split(" = ")[0] not in given]
        self.config.write_text("\n".join([*base, plain, listen or self._listen, tables + rest]))

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.stop()

    async def start(self) -> None:
        self.house = await build(self.settings, now=self.clock, sender=self.sender)
        await self.house.open()

    async def stop(self) -> None:
        await self.house.close()

    async def restart(self) -> None:
        await self.stop()
        await self.start()

    @property
    def settings(self) -> Settings:
        return load(self.config, {})

    # Set-up, by the Directory.

    async def customer(
        self, name: str = "acme", *domains: str, dkim: bool = True, subdomains: bool = False, **account: Any
    ) -> Customer:
        """An account with a key, its domains, and a DKIM key for each."""
        directory, ids = self.house.storage.directory, self.house.works.ids
        number = ids.next(now_ms())
        await directory.add_account(Account(number, name, **account))
        for domain in domains or (f"{name}.example",):
            await directory.add_domain(SendingDomain(ids.next(now_ms()), number, Domain(domain), subdomains))
            if dkim:
                await self.dkim_key(number, domain)
        customer = Customer(number, name, await self.api_key(number), (domains or (f"{name}.example",))[0])
        await self.follow()
        return customer

    async def api_key(self, account: int, *send_as: str, scopes: Sequence[Scope] = (Scope.SEND,)) -> str:
        text = key_text(secrets.token_bytes(PREFIX_BYTES + SECRET_BYTES))
        number = self.house.works.ids.next(now_ms())
        made = ApiKey(number, account, prefix_of(text), digest(text), "", frozenset(scopes), send_as, now_ms())
        await self.house.storage.directory.add_key(made)
        return text

    async def dkim_key(self, account: int, domain: str, selector: str = "mw1", algorithm: str = Algorithm.RSA) -> DkimKey:
        """A key that signs from now on."""
        key, number = open_key(domain, selector, _secret(algorithm, selector)), self.house.works.ids.next(now_ms())
        info = DkimKeyInfo(number, account, Domain(domain), selector, key.algorithm, public_record(key))
        sealed = self.house.vault.seal(key.secret(), bound_to=dkim_place(account, number))
        await self.house.storage.directory.add_dkim_key(info, sealed)
        return key

    async def external(self, customer: Customer, *, password: str = "", **settings: Any) -> str:
        """A transport external_smtp as the account's default; its site."""
        directory, number = self.house.storage.directory, self.house.works.ids.next(now_ms())
        sealed = self.house.vault.seal(password.encode(), bound_to=transport_place(customer.id, number)) if password else None
        await directory.add_transport(
            TransportInfo(number, customer.id, "external_smtp", "office", settings, bool(sealed)), sealed
        )
        account = await directory.account(customer.id)
        changed = {name: getattr(account, name) for name in account.__slots__} | {"default_transport": number}
        await directory.change_account(Account(**changed))
        await self.follow()
        return smtp_site(customer.id, number)

    async def follow(self) -> None:
        """Notice changes of the set-up now."""
        if await self.house.works.accounts.refresh():
            await self.house.reload()

    # Handing in.

    def port(self, *, implicit: bool = False) -> int:
        return self.house.listeners[int(implicit)].address[1]

    def client_context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.folder / "var" / "self-signed.crt"))

    async def client(self, key: str = "", *, implicit: bool = False) -> aiosmtplib.SMTP:
        """A connection, logged in where a key is given."""
        client = aiosmtplib.SMTP(
            hostname="localhost", port=self.port(implicit=implicit), use_tls=implicit, start_tls=not implicit,
            tls_context=self.client_context(), username="any" if key else None, password=key or None,
        )  # fmt: skip
        await client.connect()
        return client

    async def hand_in(
        self, customer: Customer, *to: str, mail: bytes | None = None, mail_from: str | None = None, options: Sequence[str] = ()
    ) -> str:
        """Hand in one mail; its id."""
        client = await self.client(customer.key)
        try:
            content = letter(customer.writes(), *to) if mail is None else mail
            sender = customer.writes() if mail_from is None else mail_from
            answer = await client.sendmail(sender, to, content, mail_options=list(options))
        finally:
            client.close()
        return taken(str(answer[1]))

    # What became of it.

    async def story(self, message: str) -> Story:
        return await self.house.storage.store.story(id_number(message), account=None)

    async def until(self, what: Callable[[], Awaitable[T | None]]) -> T:
        """Wait until something is true; give it back."""
        async with asyncio.timeout(PATIENCE):
            while not (found := await what()):  # noqa: ASYNC110 - another process may write what is waited for
                await asyncio.sleep(0.01)
        return found

    async def reached(self, message: str, *states: State) -> Story:
        """The story once every recipient is in one of these states."""

        async def look() -> Story | None:
            story = await self.story(message)
            return story if all(one.state in states for one in story.deliveries) else None

        return await self.until(look)

    async def ended(self, message: str) -> Story:
        return await self.reached(message, State.DELIVERED, State.BOUNCED, State.CANCELLED, State.CAPTURED)

    async def later(self, **ahead: float) -> None:
        """Time goes by, and the rounds are made."""
        self.clock.advance(**ahead)
        await self.rounds()

    async def rounds(self) -> None:
        for _ in range(3):  # some things are seen to only every second time
            await self.house.rounds.once()

    async def messages(self, account: int | None = None) -> list[str]:
        return [id_text(mail.id) for mail, _ in await self.house.storage.store.messages(account=account)]

    async def kept(self, message: str) -> bytes:
        """The mail as it lies in the store."""
        rows = self.house.storage.store.content(id_number(message))
        return await asyncio.to_thread(b"".join, rows)

    async def run(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """A command line in a process of its own, beside the served house."""
        return await asyncio.to_thread(command, self.config, *arguments, stdin=stdin)

    async def cli(self, *arguments: str, stdin: str = "") -> str:
        """The same within this process, which is quicker; what it prints. Raises MailwrightError, as the command does."""
        return (await self._invoked(arguments, stdin)).output

    async def cli_bytes(self, *arguments: str) -> bytes:
        """The same, octet by octet."""
        return (await self._invoked(arguments, "")).stdout_bytes

    async def _invoked(self, arguments: Sequence[str], stdin: str) -> Result:
        asked = ["--config", str(self.config), *arguments]
        done = await asyncio.to_thread(CliRunner().invoke, program, asked, input=stdin, standalone_mode=False)
        if done.exception is not None:
            raise done.exception
        return done

    async def shown(self, *arguments: str) -> Any:
        """What a command prints with --json."""
        return json.loads(await self.cli(*arguments, "--json"))

    async def verified(self, mail: bytes) -> bool:
        """Whether the first signature of a mail that arrived is good (dkimpy), by the records that we tell to publish."""
        return all([await asyncio.to_thread(dkim.verify, mail, dnsfunc=await self.published(mail))])

    async def published(self, mail: bytes) -> Callable[..., bytes | None]:
        records = {}
        for domain in set(re.findall(rb"\bd=([^;\s]+);", mail)):
            for info in await self.house.storage.directory.dkim_keys(Domain(domain.decode())):
                records[f"{info.selector}._domainkey.{info.domain}.".encode()] = info.public_record.encode()
        return lambda name, timeout=5: records.get(name)


def command(config: Path, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run `mailwright` with a settings file."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(config.parent),
        "COLUMNS": "200",
        "PYTHONPATH": "src",
        "LC_ALL": "C.UTF-8",
    }
    whole = [sys.executable, "-m", "mailwright", "--config", str(config), *arguments]
    root = Path(__file__).parents[2]
    return subprocess.run(whole, input=stdin, capture_output=True, text=True, check=False, cwd=root, env=environment, timeout=50)


def letter(author: str, *to: str, subject: str = "Hello", body: str = "Dear reader,\r\nall is well.\r\n", **fields: str) -> bytes:
    """A mail as an application builds it: no Date, no Message-ID, unless given."""
    lines = [f"From: {author}", f"To: {', '.join(to)}", f"Subject: {subject}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in fields.items()]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


def taken(answer: str) -> str:
    """The id in the answer to a hand-in."""
    found = re.search(r"Taken(?: before)? as ([0-9a-z]{13})", answer)
    assert found, answer
    return found[1]


def unstuffed(mail: bytes) -> bytes:
    """What a scripted server heard, without the dots of the protocol (RFC 5321 §4.5.2)."""
    return re.sub(rb"(?m)^\.", b"", mail)


def kinds(story: Story, delivery: DeliveryView | None = None) -> list[str]:
    """What was told, in order."""
    return [event.kind.value for event in story.events if delivery is None or event.delivery == delivery.id]


def told(story: Story, kind: EventKind | str) -> EventRow:
    """The first event of a kind."""
    return next(event for event in story.events if event.kind == kind)


def states(story: Story) -> dict[str, str]:
    return {one.recipient: one.state.name for one in story.deliveries}


def parsed(mail: bytes) -> EmailMessage:
    return message_from_bytes(mail, policy=policy.default)


@cache
def _secret(algorithm: str, selector: str) -> bytes:
    """One private key for each selector: making one takes a tenth of a second."""
    return make_key("any.example", selector, algorithm).secret()
