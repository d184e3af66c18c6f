"""The reader of an outside suite (../shared/suites/dmarc), whose cases name what another library calls its results."""

import json
from pathlib import Path
from typing import Any

from mailwright import auth
from mailwright.auth import DmarcVerdict, read_dmarc
from mailwright.dns import Recorder, Zone

SUITE = Path(__file__).resolve().parents[3] / "shared" / "suites" / "dmarc" / "dmarc-mailauth.json"
CASES: list[dict[str, Any]] = json.loads(SUITE.read_text("utf-8")) if SUITE.exists() else []

REJECT = '_dmarc.example.com TXT "v=DMARC1; p=reject"'
ZONES = {  # the file leaves these zones out: each is what the case's name tells
    "Should return fail when neither DKIM nor SPF aligns": REJECT,
    "Should return temperror on DNS failure": "_dmarc.example.com FAILS timeout",
    "Should handle minimal DMARC record": '_dmarc.example.com TXT "v=DMARC1; p=none"',
    "Should handle split TXT records": '_dmarc.example.com TXT "v=DMARC1; p=rej" "ect; pct=100"',
    "Should use sp= policy for subdomain with org domain record": (
        '_dmarc.example.com TXT "v=DMARC1; p=reject; sp=quarantine"\nsub.example.com A 192.0.2.1'
    ),
    "Should fail strict DKIM alignment when only the org domain matches (adkim=s)": f'{REJECT[:-1]}; adkim=s"',
    "Should pass strict DKIM alignment when the signing domain is identical (adkim=s)": f'{REJECT[:-1]}; adkim=s"',
    "Should pass strict SPF alignment when the SPF domain is identical (aspf=s)": f'{REJECT[:-1]}; aspf=s"',
    "Should pass when SPF aligns relaxed even though DKIM strict fails (adkim=s; aspf=r)": f'{REJECT[:-1]}; adkim=s; aspf=r"',
    "Should handle headerFrom without @ symbol": REJECT,
    "Should handle headerFrom array with single element": REJECT,
    "Should handle domains with string DKIM/SPF entries": REJECT,
}
OTHERS = {"error", "alignment.dkim.underSized"}  # the words of another library; DKIM's own matter


def expected(case: dict[str, Any]) -> list[tuple[int, dict[str, Any]]]:
    """What a case expects that is ours to say, each with the number of the call that it speaks of."""
    expects = [one for one in case["expects"] if one["path"] not in OTHERS]
    several = len(case["calls"]) > 1 and len({one["path"] for one in expects}) < len(expects)  # the n-th is that of the n-th call
    return [(number if several else 0, one) for number, one in enumerate(expects)]


def zone_of(name: str, call: dict[str, Any]) -> Zone:
    """The zone of a call."""
    return Zone.of(call["zone"]) if "zone" in call else Zone.parse(ZONES[name])


def evaluate(name: str, call: dict[str, Any]) -> tuple[DmarcVerdict, Recorder]:
    """Our verdict, and what was asked for it."""
    author = call["headerFrom"] if isinstance(call["headerFrom"], str) else call["headerFrom"][0]
    recorder = Recorder()
    asking = auth.evaluate_dmarc(
        author=author, spf_domain=next(iter(domains(call["spfDomains"])), None), dkim_domains=signers(call["dkimDomains"])
    )
    return zone_of(name, call).run(recorder.watch(asking)), recorder


def domains(entries: list[Any]) -> list[str]:
    """The names among them."""
    return [entry if isinstance(entry, str) else entry["domain"] for entry in entries]


def signers(entries: list[Any]) -> list[str]:
    """Signatures that leave octets unsigned do not count: whoever calls leaves them out."""
    return domains([entry for entry in entries if isinstance(entry, str) or not entry.get("underSized")])


def value(path: str, verdict: DmarcVerdict, recorder: Recorder) -> object:
    """What the other library calls `path`."""
    aligned = dict(one.split("=", 1) for one in verdict.aligned)
    record = read_dmarc(verdict.record)
    match path:
        case "status.result":
            return str(verdict.result)
        case "status.header.from":
            return verdict.author
        case "domain" | "status.header.d":
            return verdict.domain
        case "policy":
            return str(verdict.policy)
        case "alignment.spf.result":
            return verdict.organizational if "spf" in aligned else None  # it names the organizational domain
        case "alignment.dkim.result":
            return aligned.get("dkim")
        case "dmarcQueries":
            return [question.name for question in recorder.kept if question.type == "TXT"]
    assert record is not None
    match path:
        case "p":
            return str(record.p)
        case "pct":
            return int(dict(record.tags)["pct"])
        case "alignment.dkim.strict":
            return record.adkim == "s"
        case "alignment.spf.strict":
            return record.aspf == "s"
    raise AssertionError(f"{path} is not known here")


def right(expect: dict[str, Any], found: object) -> bool:
    """Whether a value is what is expected."""
    match expect["op"]:
        case "equal":
            return bool(found == expect["value"])
        case "is true":
            return found is True
        case "not is ok" | "is undefined":
            return not found
        case other:
            raise AssertionError(f"{other} is not known here")
