"""Independent peers: clients that hand in, servers that receive, and a verifier of signatures."""

import asyncio
import os
import shutil
import smtplib
import ssl
import subprocess
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiosmtplib
import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from bench.peers.postfix import Postfix
from bench.peers.program import Absent
from tests.e2e.served import Customer, Served, taken

ADMIN_PATH = "/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin"
Client = Callable[[Served, Customer, str, bytes], Awaitable[str]]  # hands in for one recipient; the id


def in_thread(send: Callable[[Served, Customer, str, bytes], str]) -> Client:
    return lambda *arguments: asyncio.to_thread(send, *arguments)


def swaks(implicit: bool) -> Client:
    def send(served: Served, customer: Customer, to: str, mail: bytes) -> str:
        program = shutil.which("swaks")
        if program is None:
            pytest.skip("swaks is not installed: apt-get install swaks libnet-ssleay-perl")
        file = served.folder / "swaks.eml"
        file.write_bytes(mail.replace(b"\r\n", b"\n"))
        secured = ["--tls-on-connect"] if implicit else ["--tls"]
        where = ["--server", f"127.0.0.1:{served.port(implicit=implicit)}", *secured]
        login = ["--auth", "LOGIN", "--auth-user", customer.name, "--auth-password", customer.key]
        envelope = ["--from", customer.writes(), "--to", to, "--data", f"@{file}"]
        done = subprocess.run([program, *where, *login, *envelope], capture_output=True, text=True, check=True, timeout=20)
        return taken(done.stdout)

    return in_thread(send)


class Hearing(smtplib.SMTP):
    """smtplib tells the reply to DATA to subclasses only."""

    answer = b""

    def data(self, msg: object) -> tuple[int, bytes]:
        code, self.answer = super().data(msg)  # type: ignore[arg-type]
        return code, self.answer


class HearingTls(smtplib.SMTP_SSL, Hearing):
    """The same with TLS from the first byte."""


def python_smtplib(implicit: bool) -> Client:
    def send(served: Served, customer: Customer, to: str, mail: bytes) -> str:
        context, port = served.client_context(), served.port(implicit=implicit)
        client = HearingTls("localhost", port, context=context) if implicit else Hearing("localhost", port)
        with client:
            if not implicit:
                client.starttls(context=context)
            client.login(customer.name, customer.key)
            client.sendmail(customer.writes(), [to], mail)
        return taken(client.answer.decode())

    return in_thread(send)


def python_aiosmtplib(implicit: bool) -> Client:
    async def send(served: Served, customer: Customer, to: str, mail: bytes) -> str:
        _, answer = await aiosmtplib.send(
            mail, sender=customer.writes(), recipients=[to], hostname="localhost", port=served.port(implicit=implicit),
            use_tls=implicit, start_tls=not implicit, tls_context=served.client_context(), username="any", password=customer.key,
        )  # fmt: skip
        return taken(answer)

    return send


@dataclass
class Keeper:
    """A handler for aiosmtpd: keeps what arrives."""

    mails: list[tuple[str, list[str], bytes]] = field(default_factory=list)
    logins: list[LoginPassword] = field(default_factory=list)
    password: str = ""

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        assert envelope.mail_from is not None
        assert isinstance(envelope.original_content, bytes)
        self.mails.append((envelope.mail_from, list(envelope.rcpt_tos), envelope.original_content))
        return "250 2.0.0 kept"

    def authenticate(self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, auth: LoginPassword) -> AuthResult:
        self.logins.append(auth)
        return AuthResult(success=auth.password.decode() == self.password, handled=False)


@asynccontextmanager
async def aiosmtpd(keeper: Keeper, *, context: ssl.SSLContext | None = None, login: bool = False) -> AsyncIterator[int]:
    """aiosmtpd in this loop; its port. With `context` STARTTLS is required, with `login` AUTH too."""
    loop = asyncio.get_running_loop()

    def peer() -> SMTP:
        return SMTP(
            keeper, tls_context=context, require_starttls=context is not None, auth_required=login,
            authenticator=keeper.authenticate if login else None, enable_SMTPUTF8=True, loop=loop,
        )  # fmt: skip

    server = await loop.create_server(peer, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()


@contextmanager
def postfix(*, sink: int) -> Iterator[int]:
    """A Postfix that relays everything to a port of this machine; its port. Its folder is one that its user can reach."""
    with tempfile.TemporaryDirectory(prefix="mw-postfix-") as folder:
        os.chmod(folder, 0o755)
        try:
            peer = Postfix(Path(folder), sink=sink)
        except Absent as absent:
            pytest.skip(str(absent))
        with peer:
            yield peer.port


def opendkim_says(folder: Path, mail: bytes, records: dict[str, str]) -> str:
    """What `opendkim -t` makes of a mail, with DNS from a TestDNSData file."""
    program = shutil.which("opendkim", path=ADMIN_PATH)
    if program is None:
        pytest.skip("opendkim is not installed: apt-get install opendkim")
    (folder / "mail.eml").write_bytes(mail)
    (folder / "records").write_text("".join(f"{name} {record}\n" for name, record in records.items()))
    (folder / "opendkim.conf").write_text(f"TestDNSData file:{folder}/records\nMode v\n")
    os.chmod(folder, 0o755)  # opendkim may drop its rights
    asked = [program, "-x", "opendkim.conf", "-t", "mail.eml"]
    done = subprocess.run(asked, cwd=folder, capture_output=True, text=True, check=False, timeout=20)
    return done.stdout + done.stderr
