"""Commands that judge who really sent a mail, and the records of domains by which receivers judge it."""

import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from mailwright.auth import SpfVerdict, authenticate, check_spf, evaluate_dmarc, read_dmarc
from mailwright.auth.dkim.published import PublishedReport, survey_key
from mailwright.auth.spf.survey import survey_spf
from mailwright.cli import auth_data, auth_text, auth_tree
from mailwright.cli.desk import Desk
from mailwright.cli.dns_source import DnsSource, dns_options
from mailwright.cli.mail_file import MailFile, read_mail_file
from mailwright.cli.screen import show_fault, show_json
from mailwright.dns import Recorder
from mailwright.values import Domain, MailwrightError, Malformed, Unavailable

PASSED, NOT_PASSED, BAD_INPUT, UNKNOWN = range(4)  # exit codes; 2 is what click says of bad options too
EXIT_CODES = (
    "\b\nExit codes:\n"
    "  0  passed; the record is sound\n"
    "  1  did not pass; the record is missing or wrong\n"
    "  2  wrong options or files\n"
    "  3  could not be found out: the DNS did not answer"
)


class Judging(click.Command):
    """A command whose exit code is a verdict: what goes wrong must not look like "did not pass"."""

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except MailwrightError as fault:
            show_fault(fault)
            sys.exit(UNKNOWN if isinstance(fault, Unavailable) else BAD_INPUT)


class JudgingGroup(click.Group):
    """A group of such commands."""

    command_class = Judging


@click.group(cls=JudgingGroup, epilog=EXIT_CODES)
def auth() -> None:
    """Judge mail and records: SPF, DKIM, DMARC, ARC.

    Every command asks the live DNS, or a zone file (--zone). With --with and --overlay it tries out records that are not
    published yet.
    """


@auth.command("message", epilog=EXIT_CODES)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--ip", metavar="ADDRESS", help="The address of the server that handed the mail over.")
@click.option("--helo", metavar="NAME", default="", help="The name by which it greeted.")
@click.option(
    "--mail-from", metavar="ADDRESS", help="The envelope sender (default: the file's Return-Path). <> is the null sender."
)
@click.option("--at", metavar="TIME", help="Judge as of this time, such as 2026-03-01 or 2026-03-01T09:00 (UTC; default: now).")
@click.option("--authserv-id", metavar="NAME", default="localhost", help="Who judges, in the Authentication-Results field.")
@click.option("--evidence", is_flag=True, help="Show what was asked and answered.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@dns_options
@click.pass_obj
def judge_message(
    desk: Desk,
    file: Path,
    ip: str | None,
    helo: str,
    mail_from: str | None,
    at: str | None,
    authserv_id: str,
    evidence: bool,
    as_json: bool,
    source: DnsSource,
) -> None:
    """Judge a mail as a receiver would.

    FILE is a whole mail (.eml), or - for standard input. Its lines may end in CRLF or in LF.
    """
    mail = read_mail_file(file)
    sender, notes = _sender(mail, mail_from)
    asking = authenticate(mail.raw, ip=_address(mail, ip), helo=helo, mail_from=sender, now=_moment(at), authserv_id=authserv_id)
    found = source.run(asking, lambda: desk.settings)
    if as_json:
        show_json(auth_data.message_data(found, source=source.words, notes=notes))
    else:
        auth_text.show_message(found, mail.said(b"from"), notes)
        if evidence:
            auth_text.show_evidence(found.evidence, source.words)
    sys.exit(_code(found.dmarc.result))


@auth.command("spf", epilog=EXIT_CODES)
@click.argument("domain", required=False)
@click.option("--ip", metavar="ADDRESS", help="May this address send for the domain?")
@click.option("--helo", metavar="NAME", default="", help="The name by which the server greets.")
@click.option("--mail-from", metavar="ADDRESS", help="The envelope sender, in place of DOMAIN.")
@click.option("--evidence", is_flag=True, help="Show what was asked and answered.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@dns_options
@click.pass_obj
def judge_spf(
    desk: Desk,
    domain: str | None,
    ip: str | None,
    helo: str,
    mail_from: str | None,
    evidence: bool,
    as_json: bool,
    source: DnsSource,
) -> None:
    """Whether a server may send, or what an SPF record costs.

    With --ip: may that server send for the domain? Without it: what is the domain's record made of, and what does it cost?

    \b
    mailwright auth spf example.com
    mailwright auth spf --ip 192.0.2.1 --mail-from a@example.com --helo mx.example.com
    """
    recorder = Recorder()
    if ip is None:
        code = _survey_spf(desk, _domain(domain or (mail_from or helo).rpartition("@")[2]), recorder, source, as_json=as_json)
    else:
        sender = mail_from if mail_from is not None else domain or ""
        verdict = source.run(recorder.watch(check_spf(ip=ip, helo=helo, mail_from=sender)), lambda: desk.settings)
        _show_spf(verdict, recorder, source, as_json=as_json)
        code = BAD_INPUT if verdict.reason.code == "spf-bad-address" else _code(verdict.result)
    if evidence and not as_json:
        auth_text.show_evidence(recorder.evidence(), source.words)
    sys.exit(code)


@auth.command("dmarc", epilog=EXIT_CODES)
@click.argument("domain")
@click.option("--evidence", is_flag=True, help="Show what was asked and answered.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@dns_options
@click.pass_obj
def judge_dmarc(desk: Desk, domain: str, evidence: bool, as_json: bool, source: DnsSource) -> None:
    """The DMARC record that holds for a domain.

    Where it was found, what it asks for, and what is wrong with it.
    """
    recorder = Recorder()
    verdict = source.run(recorder.watch(evaluate_dmarc(author=_domain(domain).name)), lambda: desk.settings)
    record = read_dmarc(verdict.record) if verdict.record else None
    faults = record.faults if record else ()
    if as_json:
        data = auth_data.record_data(verdict, faults)
        show_json({**data, "dns": source.words, "evidence": list(recorder.evidence())})
    else:
        auth_text.show_policy(verdict, faults)
        if evidence:
            auth_text.show_evidence(recorder.evidence(), source.words)
    sys.exit(UNKNOWN if verdict.result == "temperror" else NOT_PASSED if record is None or not record.sound else PASSED)


@auth.command("dkim", epilog=EXIT_CODES)
@click.argument("domain")
@click.argument("selector")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@dns_options
@click.pass_obj
def judge_dkim(desk: Desk, domain: str, selector: str, as_json: bool, source: DnsSource) -> None:
    """A published DKIM key, and what is wrong with it."""
    recorder = Recorder()
    report = source.run(recorder.watch(survey_key(_domain(domain).name, _domain(selector).name)), lambda: desk.settings)
    if as_json:
        show_json({**auth_data.key_data(report), "dns": source.words, "evidence": list(recorder.evidence())})
    else:
        auth_text.show_key(report)
    sys.exit(_key_code(report))


def _survey_spf(desk: Desk, domain: Domain, recorder: Recorder, source: DnsSource, *, as_json: bool) -> int:
    survey = source.run(recorder.watch(survey_spf(domain.name)), lambda: desk.settings)
    if as_json:
        show_json({**auth_data.survey_data(survey), "dns": source.words, "evidence": list(recorder.evidence())})
    else:
        auth_tree.show_survey(survey)
        auth_text.show_findings(survey.findings)
    if any(finding.code == "spf-no-answer" for finding in survey.findings):
        return UNKNOWN
    return NOT_PASSED if survey.findings else PASSED


def _show_spf(verdict: SpfVerdict, recorder: Recorder, source: DnsSource, *, as_json: bool) -> None:
    if as_json:
        data = auth_data.spf_data(verdict)
        show_json({**data, "dns": source.words, "evidence": list(recorder.evidence())})
        return
    auth_text.show_results([("SPF", verdict.result, verdict.reason.what)])
    auth_text.show_findings([verdict.reason])
    auth_tree.show_way(verdict)


def _code(result: str) -> int:
    return PASSED if result == "pass" else UNKNOWN if result == "temperror" else NOT_PASSED


def _key_code(report: PublishedReport) -> int:
    if report.reason is None:
        return PASSED
    return UNKNOWN if report.reason.code == "dkim-key-unanswered" else NOT_PASSED


def _domain(text: str) -> Domain:
    if not text:
        raise Malformed("No domain is named.", "Give one: mailwright auth spf example.com")
    return Domain.parse(text)


def _address(mail: MailFile, ip: str | None) -> str:
    """SPF needs the address; the file may have it, but only its reader knows which of its Received fields is true."""
    if ip is not None:
        return ip
    seen = mail.last_hop
    hint = (
        f" The topmost Received field of {mail.name} names {seen}: if your own server wrote it, add --ip {seen}" if seen else ""
    )
    raise Malformed(
        "--ip is missing: SPF judges the server that handed the mail over, by its address.",
        f"Your mail server wrote it into the topmost Received field, or into its log.{hint}",
    )


def _sender(mail: MailFile, given: str | None) -> tuple[str, tuple[str, ...]]:
    """The envelope sender, with notes for people."""
    if given is not None:
        return given, mail.notes
    if mail.return_path is not None:
        return mail.return_path, (*mail.notes, f"--mail-from was taken from Return-Path: <{mail.return_path}>.")
    return "", (
        *mail.notes,
        "There is no --mail-from and no Return-Path: the null sender <> was taken, so SPF judges the HELO name.",
    )


def _moment(at: str | None) -> float:
    """Seconds since 1970."""
    if at is None:
        return time.time()
    try:
        moment = datetime.fromisoformat(at)
    except ValueError as fault:
        raise Malformed(f"{at!r} is not a time.", "Write it as 2026-03-01 or 2026-03-01T09:00.") from fault
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


COMMANDS = (auth,)
