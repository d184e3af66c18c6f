"""report: a final failure after the 250 is told to the submitter, once, and only where nobody else can be hit by it."""

from collections.abc import Sequence
from dataclasses import dataclass

from mailwright.accounts import AccountView
from mailwright.ports import Store
from mailwright.ports.store import DeliveryView, Story
from mailwright.queue import State
from mailwright.values import Address, Malformed


@dataclass(frozen=True, slots=True)
class Owed:
    """A report to write: the message, the recipients that failed, and to whom."""

    story: Story
    failed: Sequence[DeliveryView]
    to: Address


async def owed_report(store: Store, view: AccountView, message: int, deliveries: Sequence[int]) -> Owed | None:
    """What to report of a message, None where nothing is to be said (RFC 3834 §2, RFC 5321 §6.1).

    Only to a MAIL FROM that is an address of the account itself: nobody else is ever mailed because of a failure.
    """
    story = await store.story(message, account=None)
    to = _reader(story.message.mail_from, view)
    failed = [delivery for delivery in story.deliveries if delivery.id in deliveries and delivery.state is State.BOUNCED]
    return Owed(story, failed, to) if to is not None and failed and view.account.reports else None


def _reader(mail_from: str, view: AccountView) -> Address | None:
    try:
        address = Address.parse(mail_from)
    except Malformed:
        return None
    return address if view.domain_of(address.domain) is not None else None
