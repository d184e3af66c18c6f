"""Commands for webhooks: who is told what happens, what was sent to them, and sending it once more."""

import secrets

import click

from mailwright.accounts import OPERATOR
from mailwright.app.settings.units import duration
from mailwright.app.setup import add_webhook, rotate_webhook
from mailwright.cli.desk import Desk, Office
from mailwright.cli.screen import out, plain, show_finding, show_json, show_table, when
from mailwright.values import Malformed
from mailwright.values.ids import id_number, id_text
from mailwright.webhooks import CallState, CallView, HookState, Secret, Webhook
from mailwright.webhooks.types import concerns_of
from mailwright.webhooks.url import concerns, receiver

ONCE = "This is the only time that the secret is shown. The receiver verifies every call with it: docs/webhooks.md."
DAY = 86_400_000  # milliseconds
STATES = {one.name.lower().replace("_", "-"): one for one in CallState}


@click.group()
def webhook() -> None:
    """Webhooks: an application is told what becomes of mail."""


@webhook.command("add")
@click.argument("account", required=False)
@click.argument("url", required=False)
@click.option("--operator", is_flag=True, help="Hears of all accounts: give the URL alone.")
@click.option("--event", "events", multiple=True, default=["*"], help="Such as email.bounced; without it all.")
@click.pass_obj
def add(desk: Desk, account: str | None, url: str | None, operator: bool, events: tuple[str, ...]) -> None:
    """Make a webhook, and show its secret, once."""
    whose, address = (None, account) if operator else (account, url)
    if address is None or (operator and url is not None) or (not operator and whose is None):
        raise Malformed("A webhook needs an account and a URL.", "mailwright webhook add ACCOUNT URL, or add --operator URL")
    target = address

    async def work(office: Office) -> tuple[Webhook, Secret]:
        owner = OPERATOR if whose is None else (await office.storage.directory.account_named(whose)).id
        return await add_webhook(
            office.storage.hooks, await office.vault(), office.new_id(), owner, url=target, events=events,
            random=secrets.token_bytes, now=office.now(),
        )  # fmt: skip

    made, secret = desk.run(work)
    out.print(f"The webhook {id_text(made.id)} is there.\n{secret.text}\n{ONCE}", markup=False)
    for finding in (*concerns(receiver(made.url)), *concerns_of(made.events)):
        show_finding(finding)


@webhook.command("list")
@click.argument("account", required=False)
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def list_webhooks(desk: Desk, account: str | None, as_json: bool) -> None:
    """Show the webhooks of an account, or all.

    With the reason where one was disabled.
    """

    async def work(office: Office) -> tuple[list[Webhook], dict[int, str]]:
        names = {one.id: one.name for one in await office.storage.directory.accounts()}
        owner = (await office.storage.directory.account_named(account)).id if account else None
        return list(await office.storage.hooks.webhooks(account=owner)), names

    hooks, names = desk.run(work)
    if as_json:
        show_json([_data(hook, names) for hook in hooks])
        return
    rows = [
        (id_text(hook.id), names.get(hook.account, "all accounts"), hook.url, " ".join(hook.events), _standing(hook))
        for hook in hooks
    ]
    show_table(("id", "hears of", "address", "events", "standing"), rows, empty="There is no webhook yet.")
    for hook in hooks:
        if hook.notice:
            out.print(f"\n{id_text(hook.id)}: {plain(hook.notice)}", markup=False)


@webhook.command("calls")
@click.argument("number", metavar="ID")
@click.option("--state", "state", type=click.Choice(list(STATES)), help="Only these.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True, help="The newest so many.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def calls(desk: Desk, number: str, state: str | None, limit: int, as_json: bool) -> None:
    """Show what a webhook was sent and what it answered.

    Newest first.
    """
    states = (STATES[state],) if state else ()
    hook = id_number(number)
    found = desk.run(lambda office: office.storage.hooks.calls(hook, account=None, states=states, limit=limit))
    if as_json:
        show_json([_call_data(view) for view in found])
        return
    rows = [_call_row(view) for view in found]
    show_table(("event", "what", "mail", "at", "state", "tries", "last answer"), rows, empty="It was not called yet.")


@webhook.command("replay")
@click.argument("number", metavar="ID")
@click.argument("event", required=False)
@click.option("--since", metavar="TIME", help='All that failed or was missed in this time, such as "2 h" or "3 d".')
@click.pass_obj
def replay(desk: Desk, number: str, event: str | None, since: str | None) -> None:
    """Send calls once more.

    One, by its EVENT, or all since a TIME that were given up or never made.
    """
    if (event is None) == (since is None):
        raise Malformed("Say what is to be sent once more.", 'Give the id of an EVENT, or --since with a time such as "2 h".')
    hook = id_number(number)

    async def work(office: Office) -> int:
        now = office.now()
        if event is not None:
            await office.storage.hooks.replay(hook, id_number(event), account=None, now=now)
            return 1
        return await office.storage.hooks.replay_since(hook, account=None, since=now - span(since or ""), now=now)

    made = desk.run(work)
    out.print(f"{made} {'call is' if made == 1 else 'calls are'} made once more." if made else "Nothing failed since then.")


@webhook.command("rotate")
@click.argument("number", metavar="ID")
@click.pass_obj
def rotate(desk: Desk, number: str) -> None:
    """Make a new secret.

    For 24 hours calls carry the signature of the old one too.
    """

    async def work(office: Office) -> Secret:
        hook = await office.storage.hooks.webhook(id_number(number), account=None)
        return await rotate_webhook(
            office.storage.hooks, await office.vault(), hook, random=secrets.token_bytes, now=office.now()
        )

    out.print(f"{desk.run(work).text}\n{ONCE}", markup=False)


@webhook.command("enable")
@click.argument("number", metavar="ID")
@click.pass_obj
def enable(desk: Desk, number: str) -> None:
    """Call it again: what waits is sent at once."""
    hook = id_number(number)
    desk.run(lambda office: office.storage.hooks.change(hook, account=None, state=HookState.ENABLED))
    out.print("Enabled. Events that happened meanwhile were not kept for it; send them with:")
    out.print(f"mailwright webhook replay {number} --since TIME", markup=False)


@webhook.command("remove")
@click.argument("number", metavar="ID")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def remove(desk: Desk, number: str, yes: bool) -> None:
    """Remove a webhook and its calls. It cannot be undone."""
    hook = id_number(number)
    if not yes:
        click.confirm(f"Remove the webhook {number} with all its calls?", abort=True)
    desk.run(lambda office: office.storage.hooks.remove(hook, account=None))
    out.print("Removed.")


def span(text: str) -> int:
    """A length of time in milliseconds. Raises Malformed."""
    try:
        return int(duration(text).total_seconds() * 1000)
    except ValueError as fault:
        raise Malformed(f"{text[:40]!r} is not a length of time.", 'Write it as "30 min", "2 h" or "3 d".') from fault


def _standing(hook: Webhook) -> str:
    if hook.state is not HookState.ENABLED:
        return "disabled" if hook.state is HookState.DISABLED else "disabled after failures"
    return f"failing since {when(hook.failing_since)}" if hook.failing_since else "enabled"


def _call_row(view: CallView) -> tuple[object, ...]:
    event, last = view.happened, view.tries[-1] if view.tries else None
    answer = "-" if last is None else f"{last.status or 'none'} {plain(last.answer)[:60]}"
    state = view.state.name.lower().replace("_", " ")
    if view.state is CallState.WAITING:
        state = "behind another" if view.behind else f"next at {when(view.due_at)}"
    return id_text(event.id), event.kind.value, id_text(event.message), when(event.at), state, view.attempts, answer


def _data(hook: Webhook, names: dict[int, str]) -> dict[str, object]:
    return {
        "id": id_text(hook.id),
        "account": names.get(hook.account),
        "endpoint": hook.url,
        "events": list(hook.events),
        "status": "enabled" if hook.state is HookState.ENABLED else "disabled",
        "notice": hook.notice,
        "created_at": hook.created_at,
        "failing_since": hook.failing_since,
    }


def _call_data(view: CallView) -> dict[str, object]:
    event = view.happened
    return {
        "event": id_text(event.id),
        "kind": event.kind.value,
        "email": id_text(event.message),
        "at": event.at,
        "state": view.state.name.lower().replace("_", "-"),
        "due_at": view.due_at if view.state is CallState.WAITING and not view.behind else None,
        "attempts": view.attempts,
        "tries": [{"at": one.at, "status": one.status, "answer": one.answer} for one in view.tries],
    }


COMMANDS = (webhook,)
