"""The live resolver and our zones beside BIND 9: one zone file, the same answers."""

import asyncio
import shutil
import socket
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from mailwright.dns import Answer, Failed, Question, RecordType, Zone
from mailwright.net.dns import Resolver

NAMED = shutil.which("named", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
pytestmark = pytest.mark.skipif(NAMED is None, reason="BIND 9 is not installed: apt-get install bind9")

ZONE = f"""$ORIGIN example.
$TTL 300
@           IN SOA   ns host 1 3600 600 86400 300
            IN NS    ns
            IN MX    10 mx1
            IN MX    20 mx2.example.
            IN TXT   "v=spf1 " "mx -all"
            IN CAA   0 issue "ca.example"
ns          IN A     127.0.0.1
mx1      60 IN A     192.0.2.1
            IN AAAA  2001:db8::1
mx2         IN A     192.0.2.2
_25._tcp.mx1 IN TLSA 3 1 1 8cb0fc6c527506a053f4f14c8464bebbd6dede2738d11468dd953d7d6a3021f1
www      30 IN CNAME mx1
far         IN CNAME www
lost        IN CNAME nowhere
round       IN CNAME again
again       IN CNAME round
a.b.c       IN A     192.0.2.9
*.wild      IN TXT   "any \\"one\\" \\195\\188"
*.wild      IN MX    10 mx1
host.wild   IN A     192.0.2.3
*.alias     IN CNAME mx1
null        IN MX    0 .
big         IN TXT   {" ".join(f'"{"x" * 250}"' for _ in range(20))}
mail._domainkey IN TXT ( "v=DKIM1; k=rsa; "
                         "p=MIIB" )
"""

QUESTIONS: list[tuple[str, RecordType]] = [
    ("example", "SOA"),
    ("example", "NS"),
    ("example", "MX"),
    ("example", "TXT"),
    ("example", "CAA"),
    ("example", "AAAA"),
    ("MX1.Example.", "A"),
    ("mx1.example", "AAAA"),
    ("_25._tcp.mx1.example", "TLSA"),
    ("_tcp.mx1.example", "TLSA"),
    ("www.example", "A"),
    ("www.example", "CNAME"),
    ("far.example", "AAAA"),
    ("far.example", "MX"),
    ("lost.example", "A"),
    ("round.example", "A"),
    ("b.c.example", "A"),
    ("x.b.c.example", "A"),
    ("x.wild.example", "TXT"),
    ("x.y.wild.example", "MX"),
    ("x.wild.example", "A"),
    ("*.wild.example", "TXT"),
    ("wild.example", "TXT"),
    ("host.wild.example", "TXT"),
    ("x.host.wild.example", "TXT"),
    ("q.alias.example", "A"),
    ("q.alias.example", "MX"),
    ("null.example", "MX"),
    ("big.example", "TXT"),
    ("mail._domainkey.example", "TXT"),
    ("no.example", "A"),
]


@pytest_asyncio.fixture
async def bind(tmp_path: Path) -> AsyncIterator[tuple[str, int]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (tmp_path / "zone").write_text(ZONE)
    (tmp_path / "conf").write_text(
        f"""
        options {{
            directory "{tmp_path}"; pid-file none; session-keyfile none; recursion no; dnssec-validation no;
            listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }}; allow-query {{ any; }};
        }};
        controls {{ }};
        zone "example" {{ type primary; file "zone"; }};
        """
    )
    named = await asyncio.create_subprocess_exec(
        str(NAMED), "-g", "-n", "1", "-c", str(tmp_path / "conf"), stderr=asyncio.subprocess.PIPE
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
    yield ("127.0.0.1", port)
    named.terminate()
    await asyncio.gather(named.wait(), drain)


def comparable(answer: Answer) -> object:
    """Records of a set come in any order, and each server tells a failure in its own words."""
    match answer:
        case Failed(cause):
            return cause
        case _ if hasattr(answer, "records"):
            return sorted(map(str, answer.records)), answer.ttl, answer.chain
        case _:
            return answer


async def test_bind_and_our_zone_give_the_same_answers(bind: tuple[str, int]) -> None:
    ours = Zone.parse(ZONE)
    live = Resolver(clock=lambda: 0.0, servers=[bind])
    questions = tuple(Question(*question) for question in QUESTIONS)
    answers = dict(zip(questions, await live.answers(questions), strict=True))
    assert {str(question): comparable(answer) for question, answer in answers.items()} == {
        str(question): comparable(ours.answer(question)) for question in questions
    }


async def test_bind_refuses_what_is_not_its_own(bind: tuple[str, int]) -> None:
    answer = await Resolver(clock=time.monotonic, servers=[bind]).answer(Question("example.net", "A"))
    assert isinstance(answer, Failed)
    assert answer.cause == "refused"
