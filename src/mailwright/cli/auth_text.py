"""What `mailwright auth` shows to people: the verdicts, what they mean and who must act."""

from collections.abc import Collection, Iterable, Sequence

from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from mailwright.auth import Authenticated, DmarcVerdict, read_dmarc
from mailwright.auth.dkim.published import PublishedReport
from mailwright.auth.dkim.verdict import RESULTS
from mailwright.cli.auth_tree import show_way
from mailwright.cli.screen import out, plain
from mailwright.message.words import decoded
from mailwright.values import Finding, Level

COLOURS = {
    "pass": "green", "ok": "green", "none": "default", "neutral": "yellow", "softfail": "yellow", "policy": "yellow",
    "fail": "red", "permerror": "red", "temperror": "magenta",
}  # fmt: skip
_LEVELS = {Level.ERROR: "red", Level.WARNING: "yellow", Level.NOTE: "default"}
_ASKS = {
    "none": "do nothing with mail that fails, but report it",
    "quarantine": "put mail that fails aside, as spam",
    "reject": "refuse mail that fails",
}

Result = tuple[str, str, str]  # what was checked, its result, a sentence


def show_message(found: Authenticated, author: str, notes: Iterable[str]) -> None:
    """The verdicts on a mail, what they mean, and how SPF came about."""
    out.print(Text.assemble(("From: ", "bold"), plain(decoded(author)) or "(nobody)"), soft_wrap=False)
    show_notes(notes)
    out.print()
    rows: list[Result] = [("DMARC", found.dmarc.result, found.dmarc.reason.what)]
    rows.append(("SPF", found.spf.result, found.spf.reason.what))
    rows += [("DKIM", one.result, one.reason.what) for one in found.dkim] or [("DKIM", "none", "The mail is not signed.")]
    if found.arc.instances:
        rows.append(("ARC", found.arc.result, found.arc.reason.what))
    show_results(rows)
    show_findings(found.findings, said={sentence for _, _, sentence in rows})
    show_way(found.spf)


def show_policy(verdict: DmarcVerdict, faults: Sequence[Finding]) -> None:
    """The DMARC record that holds for a domain."""
    record = read_dmarc(verdict.record) if verdict.record else None
    if record is None:
        show_reason("DMARC", verdict.result, verdict.reason)
        return
    asked = f"{verdict.domain} asks receivers to {_ASKS.get(verdict.policy, 'do nothing')} (p={verdict.policy})."
    if record.testing:
        asked += " It is being tested: what applies is one step milder than what is written."
    show_results([("DMARC", "ok" if record.sound else "permerror", asked)])
    facts = [
        ("record", f"_dmarc.{verdict.domain}: {verdict.record}"),
        ("organization", f"{verdict.organizational}: what passed for a name below it counts, unless alignment is strict"),
        ("alignment", f"SPF {_ALIGNED[record.aspf]}, DKIM {_ALIGNED[record.adkim]}"),
        ("reports", ", ".join(one.uri for one in (*record.rua, *record.ruf)) or "nowhere: nobody learns who sends in its name"),
    ]
    show_facts(facts)
    show_findings(faults, notes=True)


_ALIGNED = {"r": "relaxed (the same organization)", "s": "strict (exactly this domain)"}


def show_key(report: PublishedReport) -> None:
    """A published DKIM key."""
    name = f"{report.selector}._domainkey.{report.domain}"
    if report.reason is not None:
        show_reason("DKIM", RESULTS[report.reason.code], report.reason)
        show_facts([("record", text) for text in report.texts])
        return
    show_results([("DKIM", "ok", f"{name} has a key that receivers take.")])
    if key := report.key:
        flags = "the domain only tests DKIM (t=y)" if key.testing else "none"
        show_facts([("kind", f"{key.record.key_type}, {key.bits} bits"), ("flags", flags), ("record", report.texts[0])])


def show_results(rows: Iterable[Result]) -> None:
    """One line a check, its result in its colour."""
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True, style="bold")
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, result, sentence in rows:
        table.add_row(name, Text(result, COLOURS.get(result, "default")), Text(plain(sentence)))
    out.print(table, soft_wrap=False)


def show_reason(name: str, result: str, reason: Finding) -> None:
    """One result with what it means and who must act."""
    show_results([(name, result, reason.what)])
    show_findings([reason], said={reason.what})


def show_facts(rows: Iterable[tuple[str, str]]) -> None:
    """Names and values, below a verdict."""
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True, style="dim")
    table.add_column(overflow="fold")
    for name, value in rows:
        table.add_row(f"  {name}", Text(plain(value)))
    out.print(table, soft_wrap=False)


def show_findings(findings: Sequence[Finding], *, said: Collection[str] = (), notes: bool = False) -> None:
    """What it means and who must act, for all that is not as it should be; `said` was told above, `notes` are told as well."""
    for finding in findings:
        if finding.level is Level.NOTE and not notes:
            continue
        out.print()
        head = Text.assemble((finding.code, f"{_LEVELS[finding.level]} bold"), (f"  {plain(finding.reference)}", "dim"))
        out.print(head, soft_wrap=False)
        for sentence in (finding.what, finding.why, finding.do):
            if sentence not in said:
                show_indented(sentence)
        for seen in finding.evidence:
            show_indented(seen, "dim")


def show_notes(notes: Iterable[str]) -> None:
    """What was changed or assumed to come to a verdict."""
    for sentence in notes:
        out.print(Text(f"Note: {plain(sentence)}", "dim"), soft_wrap=False)


def show_indented(sentence: str, style: str = "") -> None:
    """A sentence under a heading, its lines folded between words."""
    if sentence:
        out.print(Padding(Text(plain(sentence), style), (0, 0, 0, 2), expand=False), soft_wrap=False)


def show_evidence(lines: Sequence[str], source: str) -> None:
    """What was asked and answered."""
    out.print()
    out.print(Text.assemble(("Asked ", "bold"), plain(source)), soft_wrap=False)
    for line in lines:
        show_indented(line, "dim")
