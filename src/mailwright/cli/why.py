"""The command that tells the whole story of a mail."""

import click
from rich.markup import escape

from mailwright.app.knowledge import replies
from mailwright.app.settings import OTHER, Settings
from mailwright.cli.desk import Desk, Office
from mailwright.cli.screen import out, show_json, when
from mailwright.explain import Line, Tale, Tone
from mailwright.flows.report import SUBSYSTEM as REPORT
from mailwright.flows.why import why as tale_of
from mailwright.ports.store import Story
from mailwright.values.ids import id_number, id_text

_COLOURS = {Tone.PLAIN: "default", Tone.GOOD: "green", Tone.WAIT: "yellow", Tone.BAD: "red"}


@click.command()
@click.argument("number", metavar="ID")
@click.option("--transcript", is_flag=True, help="Show what was said to each server, word for word.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def why(desk: Desk, number: str, transcript: bool, as_json: bool) -> None:
    """Tell what became of a message or delivery, and why.

    ID is in the answer to the hand-in ("250 2.0.0 Taken as ID"), in the Received field of the mail and in the log.
    """

    async def work(office: Office) -> tuple[Story, Tale]:
        message = await office.storage.store.find(id_number(number), account=None)
        story = await office.storage.store.story(message, account=None)
        return story, await tale_of(story, office.storage.queue, now=office.now(), knowledge=replies())

    story, tale = desk.run(work)
    if as_json:
        show_json(_data(story))
        return
    _show_mail(story, desk.settings)
    _show_tale(tale)
    if transcript:
        _show_transcripts(story)


def _show_mail(story: Story, settings: Settings) -> None:
    mail = story.message
    out.print(f"[bold]{id_text(mail.id)}[/bold]  {when(mail.created_at)} UTC")
    subject = "(secret)" if mail.secret else mail.subject or "(no subject)"
    unknown = mail.subsystem not in {"", REPORT, *settings.subsystems}
    treated = f" (not set up, so treated as {OTHER})" if unknown else ""
    named = f", subsystem {mail.subsystem}{treated}" if mail.subsystem else ""
    out.print(escape(f"From {mail.author}{named}: {subject}"))
    out.print(escape(f"Envelope sender {mail.mail_from or '<>'}, Message-ID {mail.message_id}, {mail.size} bytes"))


def _show_tale(tale: Tale) -> None:
    for line in tale.opening:
        _show_line(line)
    for chapter in tale.chapters:
        out.print()
        out.print(f"[bold]{escape(chapter.recipient)}[/bold]")
        _show_line(chapter.now)
        for line in chapter.lines:
            _show_line(line, indent="  ")


def _show_line(line: Line, *, indent: str = "") -> None:
    at = f"{when(line.at)}  " if line.at else ""
    out.print(f"{indent}{at}[{_COLOURS[line.tone]}]{escape(line.text)}[/]")
    for sentence in line.more:
        out.print(f"{indent}    {escape(sentence)}")
    for seen in line.evidence:
        out.print(f"{indent}    [dim]{escape(seen)}[/dim]")


def _show_transcripts(story: Story) -> None:
    for event in story.events:
        if event.data.get("transcript"):
            out.print(f"\n[bold]Attempt at {when(event.at)} UTC, {escape(str(event.data.get('host', '')))}[/bold]")
            out.print(escape(str(event.data["transcript"])))


def _data(story: Story) -> dict[str, object]:
    mail = story.message
    return {
        "id": id_text(mail.id),
        "created_at": mail.created_at,
        "scheduled_at": mail.scheduled_at,
        "author": mail.author,
        "mail_from": mail.mail_from,
        "subsystem": mail.subsystem,
        "subject": None if mail.secret else mail.subject,
        "message_id": mail.message_id,
        "transport": mail.because,
        "deliveries": [
            {
                "id": id_text(one.id),
                "recipient": one.recipient,
                "state": one.state.name.lower(),
                "attempts": one.attempts,
                "site": one.site,
                "reply": one.reply,
                "may_have_arrived_twice": one.unknown,
            }
            for one in story.deliveries
        ],
        "events": [
            {
                "at": event.at,
                "kind": event.kind.value,
                "delivery": id_text(event.delivery) if event.delivery else None,
                **event.data,
            }
            for event in story.events
        ],
    }


COMMANDS = (why,)
