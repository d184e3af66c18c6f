"""why: what is stored of a mail -> what keeps it back just now -> the story in plain words."""

from mailwright.explain import Recipient, Tale, Told, tell
from mailwright.explain.replies import Knowledge
from mailwright.explain.story import moment
from mailwright.ports import Queue
from mailwright.ports.store import DeliveryView, Pauses, SiteState, Story
from mailwright.queue import State


async def why(story: Story, queue: Queue, *, now: int, knowledge: Knowledge) -> Tale:
    """The story of a mail, told at `now` (milliseconds since 1970). Raises Unavailable."""
    hindered = await _hindrances(story, queue, now)
    recipients = [
        Recipient(
            one.id,
            one.recipient,
            one.state.name.lower(),
            one.attempts,
            one.due_at,
            one.reply,
            one.unknown,
            hindered.get(one.id, ""),
        )
        for one in story.deliveries
    ]
    return tell(recipients, [Told(event.kind.value, event.at, event.delivery, event.data) for event in story.events], knowledge)


async def _hindrances(story: Story, queue: Queue, now: int) -> dict[int, str]:
    """Why what could leave does not: a pause, or a site that is left alone for a while."""
    ready = [one for one in story.deliveries if one.state is State.READY]
    if not ready:
        return {}
    pauses, states = await queue.pauses(), await queue.site_states()
    return {one.id: _hindrance(one, pauses, states.get(one.site), now) for one in ready}


def _hindrance(one: DeliveryView, pauses: Pauses, state: SiteState | None, now: int) -> str:
    if one.account in pauses.accounts:
        return f"All mail of the account is paused: {pauses.accounts[one.account]}"
    if one.site in pauses.sites:
        return f"All mail to {one.site} is paused: {pauses.sites[one.site]}"
    if state is not None and state.until > now:
        return f"{one.site} is left alone until {moment(state.until)}. It last said or did: {state.last_reply}"
    return ""
