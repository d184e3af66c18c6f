"""Who gives the verdicts that are right: us, mailauth (npm), pyspf and dkimpy, on the outside suites and on random cases."""

import base64
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any, TypeVar

import dkim
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from bench.context import Context
from bench.peers.mailauth import MailAuth
from bench.peers.program import Absent
from bench.table import Report
from mailwright.auth import check_spf, sign_dkim, verify_arc, verify_dkim
from mailwright.dns import Found, Question, Recorder, Zone
from tests.auth import arc_suite, dkim_suite, dmarc_suite, spf_suite
from tests.auth import test_auth_dkim_peer as random_mails
from tests.auth import test_auth_spf_peer as random_records
from tests.auth.odd_dkim import a_key

OURS, MAILAUTH, PYSPF, DKIMPY = "Mailwright", "mailauth", "pyspf", "dkimpy"
SYSTEMS = (OURS, MAILAUTH, PYSPF, DKIMPY)
RANDOM = 1000  # cases of each kind
PASS = "pass"
NOTES = (
    "The number of cases in which the verdict is one of those that the suite calls right; at random: the same as ours.",
    "DKIM, result: the words of RFC 8601. DKIM, holds or not: dkimpy says nothing else. An exception is no right answer.",
    "What is settled how: docs/disagreements.md.",
)

T = TypeVar("T")
Says = Callable[[], str]


@dataclass(frozen=True, slots=True)
class Case:
    """One question to all: what each system says, and what is right (None: what we say)."""

    name: str
    says: Mapping[str, Says]
    right: Sequence[str] | None = None


@dataclass(slots=True)
class Score:
    """One row: cases, and by system how many were right and which were not."""

    suite: str
    cases: int = 0
    right: dict[str, int] = field(default_factory=dict)
    wrong: dict[str, list[str]] = field(default_factory=dict)


def run(context: Context) -> Report:
    """Ask everybody everything. A suite that is not here has no row."""
    with ExitStack() as stack:
        peer = _mailauth(context, stack)
        suites: dict[str, Iterator[Case]] = {
            "SPF, result (openspf)": _spf(peer),
            "SPF, explanation": _explanations(),
            "DKIM, result (fault vectors)": _dkim_results(peer),
            "DKIM, holds or not": _dkim_holds(peer),
            "DKIM, RFC 8463 A.3": _rfc_8463(peer),
            "ARC (ValiMail)": _arc(peer),
            "DMARC, RFC 9989": _dmarc(peer),
            "SPF, random records": _random_spf(peer),
            "DKIM, random mails": _random_dkim(peer),
        }
        scores = [score for suite, cases in suites.items() if (score := _scored(suite, cases, context)).cases]
        head = (
            "",
            "cases",
            OURS,
            f"{MAILAUTH} {peer.version}" if peer else MAILAUTH,
            *(f"{n} {version(n)}" for n in (PYSPF, DKIMPY)),
        )
    rows = [[score.suite, str(score.cases), *[str(score.right.get(name, "-")) for name in SYSTEMS]] for score in scores]
    return Report("agreement: who is right", head, rows, [*NOTES, *_without_nacl(), *_wrong(scores), *context.notes()])


def _scored(suite: str, cases: Iterator[Case], context: Context) -> Score:
    score = Score(suite)
    for case in cases:
        score.cases += 1
        right = case.right or (case.says[OURS](),)
        for name in filter(context.wants, case.says):
            said = case.says[name]()
            score.right[name] = score.right.get(name, 0) + (said in right)
            if said not in right:
                score.wrong.setdefault(name, []).append(f"{case.name}: {said}")
    print(f"  {suite}: {score.cases} cases", flush=True)
    return score


def _without_nacl() -> list[str]:
    return [] if find_spec("nacl") else ["dkimpy verifies Ed25519 with PyNaCl only, which is not here."]


def _wrong(scores: Sequence[Score]) -> Iterator[str]:
    """The cases of the suites that a system has otherwise, by name; random ones have none."""
    for score in scores:
        for name, cases in score.wrong.items():
            if not cases[0].startswith(":"):
                yield f"{score.suite}, {name}: {'; '.join(cases)}"


# --- SPF -------------------------------------------------------------------------------------------------------------------


def _spf(peer: MailAuth | None) -> Iterator[Case]:
    for case in spf_suite.cases():
        yield Case(case.name, _spf_says(peer, case.zone, case.ip, case.helo, case.mail_from), case.results)


def _random_spf(peer: MailAuth | None) -> Iterator[Case]:
    worlds = st.tuples(random_records.records(), random_records.clients, random_records.senders, random_records.helos)
    for world, ip, mail_from, helo in _drawn(worlds):
        lines = [random_records.HOSTS, *(f'{name} TXT "{text}"' for name, text in world.items())]
        yield Case("", _spf_says(peer, Zone.parse("\n".join(lines)), ip, helo, mail_from))


def _spf_says(peer: MailAuth | None, zone: Zone, ip: str, helo: str, mail_from: str) -> dict[str, Says]:
    says: dict[str, Says] = {
        OURS: lambda: zone.run(check_spf(ip=ip, helo=helo, mail_from=mail_from)).result,
        PYSPF: lambda: random_records.pyspf_says(zone, ip, mail_from, helo)[0],
    }
    if peer:
        says[MAILAUTH] = lambda: _status(peer.judge("spf", zone.answer, ip=ip, helo=helo, sender=mail_from))
    return says


def _explanations() -> Iterator[Case]:
    """Whole texts of exp=; there are none in what mailauth says."""
    for case in spf_suite.cases():
        if case.explanation is not None:
            right = "" if case.explanation == "DEFAULT" else case.explanation
            yield Case(case.name, _explanation_says(case), (right,))


def _explanation_says(case: spf_suite.Case) -> dict[str, Says]:
    return {
        OURS: lambda: case.zone.run(check_spf(ip=case.ip, helo=case.helo, mail_from=case.mail_from)).explanation,
        PYSPF: lambda: random_records.pyspf_says(case.zone, case.ip, case.mail_from, case.helo)[1],
    }


# --- DKIM, ARC -------------------------------------------------------------------------------------------------------------


def _dkim_results(peer: MailAuth | None) -> Iterator[Case]:
    for case in dkim_suite.vectors():
        says = _dkim_says(peer, case.mail, case.zone)
        yield Case(case.name, {name: says[name] for name in says if name != DKIMPY}, case.results)


def _dkim_holds(peer: MailAuth | None) -> Iterator[Case]:
    for case in dkim_suite.vectors():
        right = {"holds" if result == PASS else "not" for result in case.results}
        yield Case(case.name, _whether(_dkim_says(peer, case.mail, case.zone)), sorted(right))


def _rfc_8463(peer: MailAuth | None) -> Iterator[Case]:
    if (found := dkim_suite.mail_of_rfc_8463()) is not None:
        for at, name in enumerate(("Ed25519", "RSA")):
            yield Case(name, _whether(_dkim_says(peer, *found, at)), ("holds",))


def _random_dkim(peer: MailAuth | None) -> Iterator[Case]:
    """Mails that we sign, changed on their way or not."""
    key = a_key("rsa-sha256")
    for head, body, change in _drawn(st.tuples(random_mails.fields, random_mails.bodies, random_mails.changes)):
        mail = b"".join([*head, b"From: a@example.com\r\n\r\n", body])
        arrived = random_mails.changed(sign_dkim(mail, key, now=1) + mail, change)
        if random_mails.comparable(arrived):
            yield Case("", _whether(_dkim_says(peer, arrived, random_mails.ZONE)))


def _dkim_says(peer: MailAuth | None, mail: bytes, zone: Zone, at: int = 0) -> dict[str, Says]:
    says: dict[str, Says] = {
        OURS: lambda: _at(at, [verdict.result for verdict in zone.run(verify_dkim(mail))]),
        DKIMPY: lambda: _dkimpy(mail, zone, at),
    }
    if peer:
        octets = base64.b64encode(mail).decode()
        says[MAILAUTH] = lambda: _at(at, [_status(found) for found in peer.judge("dkim", zone.answer, mail=octets)])
    return says


def _at(at: int, results: Sequence[str]) -> str:
    return results[at] if at < len(results) else "none"


def _whether(says: Mapping[str, Says]) -> dict[str, Says]:
    """The same, told as "holds" or "not"."""

    def told(say: Says) -> Says:
        return lambda: "holds" if say() == PASS else "not"

    return {name: told(say) for name, say in says.items()}


def _dkimpy(mail: bytes, zone: Zone, at: int) -> str:
    try:
        return PASS if dkim.DKIM(mail).verify(idx=at, dnsfunc=_text_of(zone)) else "fail"
    except (dkim.DKIMException, dkim.InvalidTagValueList, IndexError, ValueError):  # it means to refuse, or stumbles
        return "an exception"


def _arc(peer: MailAuth | None) -> Iterator[Case]:
    for case in arc_suite.cases():
        yield Case(case.name, _arc_says(peer, case.mail, case.zone), (case.result,))


def _arc_says(peer: MailAuth | None, mail: bytes, zone: Zone) -> dict[str, Says]:
    says: dict[str, Says] = {OURS: lambda: zone.run(verify_arc(mail)).result, DKIMPY: lambda: _dkimpy_arc(mail, zone)}
    if peer:
        octets = base64.b64encode(mail).decode()
        says[MAILAUTH] = lambda: _status(peer.judge("arc", zone.answer, mail=octets))
    return says


def _dkimpy_arc(mail: bytes, zone: Zone) -> str:
    cv, *_ = dkim.arc_verify(mail, dnsfunc=_text_of(zone))
    return cv.decode().lower() if cv else "fail"  # nothing: the chain had ended by cv=fail before


def _text_of(zone: Zone) -> Callable[..., bytes | None]:
    """What dkimpy asks for a key."""

    def found(name: bytes, timeout: float = 5) -> bytes | None:
        del timeout
        answer = zone.answer(Question(name.decode(), "TXT"))
        return answer.texts[0].encode() if isinstance(answer, Found) else None

    return found


# --- DMARC -----------------------------------------------------------------------------------------------------------------


def _dmarc(peer: MailAuth | None) -> Iterator[Case]:
    """A case is right where all of its values are; the suite comes from a newer mailauth than most have."""
    for case in dmarc_suite.CASES:
        yield Case(case["name"], _dmarc_says(peer, case), ("right",))


def _dmarc_says(peer: MailAuth | None, case: dict[str, Any]) -> dict[str, Says]:
    def ours(number: int, path: str) -> object:
        return dmarc_suite.value(path, *dmarc_suite.evaluate(case["name"], case["calls"][number]))

    def theirs(number: int, path: str) -> object:
        assert peer is not None
        return _dmarc_value(peer, case["name"], case["calls"][number], path)

    says: dict[str, Says] = {OURS: lambda: _all_right(case, ours)}
    if peer:
        says[MAILAUTH] = lambda: _all_right(case, theirs)
    return says


def _all_right(case: dict[str, Any], value: Callable[[int, str], object]) -> str:
    found = [(expect, value(number, expect["path"])) for number, expect in dmarc_suite.expected(case)]
    return ", ".join([f"{expect['path']} {value}" for expect, value in found if not dmarc_suite.right(expect, value)]) or "right"


def _dmarc_value(peer: MailAuth, name: str, call: dict[str, Any], path: str) -> object:
    recorder = Recorder()
    zone = dmarc_suite.zone_of(name, call)

    def answer(question: Question) -> Any:
        recorder.kept[question] = zone.answer(question)
        return recorder.kept[question]

    arguments = {name: call[name] for name in ("headerFrom", "dkimDomains", "spfDomains")}
    value: object = peer.judge("dmarc", answer, **arguments)
    if path == "dmarcQueries":
        return [question.name for question in recorder.kept if question.type == "TXT"]
    for step in path.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    return value


# --- all -------------------------------------------------------------------------------------------------------------------


def _mailauth(context: Context, stack: ExitStack) -> MailAuth | None:
    if not context.wants(MAILAUTH):
        return None
    try:
        return stack.enter_context(MailAuth())
    except Absent as absent:
        context.skipped[MAILAUTH] = str(absent)
        return None


def _status(found: Any) -> str:
    """The result in a verdict of mailauth, or what it raised."""
    return str(found["status"]["result"]) if "status" in found else f"an exception, {found.get('error')}"


def _drawn(strategy: st.SearchStrategy[T]) -> list[T]:
    """The same cases each time."""
    found: list[T] = []

    @settings(
        max_examples=RANDOM, derandomize=True, database=None, deadline=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(strategy)
    def keep(one: T) -> None:
        found.append(one)

    keep()
    return found
