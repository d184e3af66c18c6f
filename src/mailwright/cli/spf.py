"""The SPF doctor: what is wrong with a domain's SPF record, the record that mends it, and who would pass then."""

import sys
from collections.abc import Callable
from typing import Any

import click

from mailwright.cli import auth_text, spf_data, spf_text
from mailwright.cli.auth import EXIT_CODES, NOT_PASSED, PASSED, UNKNOWN, Judging
from mailwright.cli.desk import Desk
from mailwright.cli.dns_source import DnsSource, dns_options
from mailwright.cli.screen import show_json
from mailwright.dns import Recorder
from mailwright.domains.spf import ALL_WORDS, SpfAdvice, SpfSetting, SpfWish, advise_spf, try_spf
from mailwright.domains.spf.wish import read_term
from mailwright.values import Domain, Malformed


def wish_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options by which a person says what the record shall have."""
    for option in (
        click.option("--instead", metavar="RECORD", help='Preview this record of your own, such as "v=spf1 mx -all".'),
        click.option("--all", "all_", type=click.Choice(list(ALL_WORDS)), help="What holds for servers that are not listed."),
        click.option(
            "--drop",
            multiple=True,
            metavar="TERM",
            help="Let this term go, as it stands in the record; may be repeated. No other goes.",
        ),
        click.option(
            "--add",
            multiple=True,
            metavar="TERM",
            help="Let these servers send: mx, a, a:HOST, ip4:NET, ip6:NET, include:NAME; may be repeated.",
        ),
    ):
        command = option(command)
    return command


def setting_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """What is known besides the DNS."""
    for option in (
        click.option("--unsigned", is_flag=True, help="The domain's mail is not signed by DKIM."),
        click.option("--helo", metavar="NAME", help="The name by which the sending server greets: has it SPF?"),
        click.option("--return-path", metavar="NAME", help="The sub-domain in the envelope: has it SPF?"),
        click.option("--ours", metavar="NAME", help="The name that must be included: does it take effect?"),
    ):
        command = option(command)
    return command


@click.command(
    "spf", cls=Judging, epilog=f"{EXIT_CODES}\n\nWith --add, --drop, --all or --instead: 0 is a record to publish, 1 is none."
)
@click.argument("domain")
@wish_options
@setting_options
@click.option("--evidence", is_flag=True, help="Show what was asked and answered.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@dns_options
@click.pass_obj
def advise(
    desk: Desk, /, domain: str, instead: str | None, evidence: bool, as_json: bool, source: DnsSource, **said: Any
) -> None:
    """Mend the SPF record of a domain.

    Shows the record with all that it includes, what is wrong, the record to publish in its place, and which servers would pass
    then that do not now, or the other way. Nothing is published. No term is lost that is not named with --drop.

    \b
    mailwright spf example.com
    mailwright spf example.com --add include:_spf.example.net --all ~all
    """
    wish = SpfWish.read(add=said["add"], drop=said["drop"], all=said["all_"] or "")
    if instead is not None and not wish.is_empty:
        raise Malformed("--instead is a whole record; it does not go with --add, --drop or --all.", "Give either.")
    setting = _setting(said)
    asking = advise_spf(_domain(domain), wish, setting) if instead is None else try_spf(_domain(domain), instead, setting)
    recorder = Recorder()
    advice = source.run(recorder.watch(asking), lambda: desk.settings)
    if as_json:
        show_json({**spf_data.advice_data(advice), "dns": source.words, "evidence": list(recorder.evidence())})
    else:
        spf_text.show_advice(advice, is_asked=instead is not None or not wish.is_empty)
        if evidence:
            auth_text.show_evidence(recorder.evidence(), source.words)
    sys.exit(_code(advice) if wish.is_empty and instead is None else _code_of_record(advice))


def _setting(said: dict[str, Any]) -> SpfSetting:
    names = {key: Domain.parse(said[key]) if said[key] else None for key in ("return_path", "helo")}
    ours = read_term(f"include:{said['ours']}").name if said["ours"] else ""
    return SpfSetting(**names, ours=ours, signs=False if said["unsigned"] else None)


def _domain(text: str) -> Domain:
    """A domain; people paste addresses and links too."""
    try:
        return Domain.parse(text)
    except Malformed as fault:
        found = text.partition("://")[2].partition("/")[0] or text.rpartition("@")[2]
        hint = f"Is it {found}? " if found != text else ""
        raise Malformed(str(fault), f"{hint}{fault.remedy}") from fault


def _code(advice: SpfAdvice) -> int:
    """The verdict on the record that is there."""
    if not advice.review.is_known:
        return UNKNOWN
    return PASSED if advice.review.is_sound else NOT_PASSED


def _code_of_record(advice: SpfAdvice) -> int:
    """Whether there is a record to publish."""
    if advice.replacement is not None:
        return PASSED
    is_unknown = not advice.review.facts.is_known or any(stop.code == "spf-no-answer" for stop in advice.stops)
    return UNKNOWN if is_unknown else NOT_PASSED


COMMANDS = (advise,)
