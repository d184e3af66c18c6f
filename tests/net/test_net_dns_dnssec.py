"""The live resolver behind a validating BIND 9: the AD bit, wrong signatures, large answers by TCP, "there is none" that ages."""

import asyncio
import shutil
import socket
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from mailwright.dns import Answer, Cause, Failed, Found, Missing, Question
from mailwright.net.dns import Resolver

PATH = "/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin"
PROGRAMS = {name: shutil.which(name, path=PATH) for name in ("named", "dnssec-keygen", "dnssec-signzone")}
pytestmark = pytest.mark.skipif(
    None in PROGRAMS.values(), reason="BIND 9 or its tools are not installed: apt-get install bind9 bind9-dnsutils"
)

RECORDS = f"""$TTL 300
@       IN SOA  ns.{{0}}. host.{{0}}. 1 3600 600 86400 120
        IN NS   ns.{{0}}.
        IN TXT  "v=spf1 -all"
ns      IN A    127.0.0.1
big     IN TXT  {" ".join(f'"{"x" * 250}"' for _ in range(12))}
alias   IN CNAME big
"""
OPTIONS = """directory "."; pid-file none; session-keyfile none; managed-keys-directory "."; empty-zones-enable no;
    listen-on port {0} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }}; allow-query {{ any; }};"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def tool(folder: Path, name: str, *args: str) -> str:
    run = await asyncio.create_subprocess_exec(
        str(PROGRAMS[name]), *args, cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await run.communicate()
    assert run.returncode == 0, err.decode()
    return out.decode()


async def signed(folder: Path, zone: str) -> str:
    """Write a signed zone; its public key as `trust-anchors` wants it."""
    (folder / zone).write_text(RECORDS.format(zone))
    key = (await tool(folder, "dnssec-keygen", "-q", "-a", "ECDSAP256SHA256", "-f", "KSK", zone)).strip()
    record = next(line for line in (folder / f"{key}.key").read_text().splitlines() if "DNSKEY" in line)
    (folder / zone).write_text((folder / zone).read_text() + record + "\n")
    await tool(folder, "dnssec-signzone", "-z", "-o", zone, "-f", f"{zone}.signed", zone, f"{key}.private")
    _, _, rdata = record.partition("DNSKEY ")
    flags, protocol, algorithm, *public = rdata.split()
    return f'static-key {flags} {protocol} {algorithm} "{"".join(public)}"'


@asynccontextmanager
async def bind(folder: Path, config: str) -> AsyncIterator[None]:
    conf = folder / f"named-{hash(config) & 0xFFFF:x}.conf"
    conf.write_text(config)
    named = await asyncio.create_subprocess_exec(
        str(PROGRAMS["named"]), "-g", "-n", "1", "-c", str(conf), cwd=folder, stderr=asyncio.subprocess.PIPE
    )
    assert named.stderr is not None
    heard = []
    while line := await named.stderr.readline():
        heard.append(line)
        if line.rstrip().endswith(b" running"):
            break
    else:
        pytest.fail(b"".join(heard).decode())
    drain = asyncio.ensure_future(named.stderr.read())
    try:
        yield
    finally:
        named.terminate()
        await asyncio.gather(named.wait(), drain)


@pytest_asyncio.fixture
async def validating(tmp_path: Path) -> AsyncIterator[tuple[str, int]]:
    """good.test is signed, bad.test is signed with another key than the anchor says, plain.test is not signed."""
    anchors = {zone: await signed(tmp_path, zone) for zone in ("good.test", "bad.test")}
    key = anchors["bad.test"]
    anchors["bad.test"] = key[:-9] + ("A" if key[-9] != "A" else "B") + key[-8:]
    (tmp_path / "plain.test").write_text(RECORDS.format("plain.test"))
    authoritative, recursive = free_port(), free_port()
    files = {"good.test": "good.test.signed", "bad.test": "bad.test.signed", "plain.test": "plain.test"}
    own = "".join(f'zone "{zone}" {{ type primary; file "{file}"; }};\n' for zone, file in files.items())
    forwards = "".join(
        f'zone "{zone}" {{ type forward; forward only; forwarders {{ 127.0.0.1 port {authoritative}; }}; }};\n' for zone in files
    )
    trusted = "".join(f"{zone}. {key};\n" for zone, key in anchors.items())
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(
            bind(tmp_path, f"options {{ {OPTIONS.format(authoritative)} recursion no; }}; controls {{ }};\n{own}")
        )
        await stack.enter_async_context(
            bind(
                tmp_path,
                f"options {{ {OPTIONS.format(recursive)} recursion yes; dnssec-validation yes; max-ncache-ttl 60; }};\n"
                f"controls {{ }};\ntrust-anchors {{ {trusted} }};\n{forwards}",
            )
        )
        yield ("127.0.0.1", recursive)


def seen(answer: Answer) -> object:
    match answer:
        case Found():
            return [len(text) for text in answer.texts], answer.authenticated, answer.chain
        case Missing():
            return answer.name_exists, answer.authenticated, 0 < answer.ttl <= 60
        case Failed():
            return answer.cause


async def test_what_a_validating_server_tells(validating: tuple[str, int]) -> None:
    questions = {
        "signed": Question("good.test", "TXT"),
        "signed, large, by TCP, over an alias": Question("alias.good.test", "TXT"),
        "signed: no such record": Question("good.test", "MX"),
        "signed: no such name": Question("nobody.good.test", "TXT"),
        "not signed": Question("plain.test", "TXT"),
        "wrong signatures": Question("bad.test", "TXT"),
    }
    live = Resolver(clock=time.monotonic, servers=[validating])
    answers = await live.answers(tuple(questions.values()))
    assert dict(zip(questions, map(seen, answers), strict=True)) == {
        "signed": ([len("v=spf1 -all")], True, ()),
        "signed, large, by TCP, over an alias": ([3000], True, ("big.good.test",)),
        "signed: no such record": (True, True, True),
        "signed: no such name": (False, True, True),
        "not signed": ([len("v=spf1 -all")], False, ()),
        "wrong signatures": Cause.BOGUS,
    }
