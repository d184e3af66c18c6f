"""Writes the reports that are owed, message by message; what is owed is kept until it is written."""

from mailwright.app.accounts import Accounts
from mailwright.app.logs import Logger
from mailwright.flows.report import Scribe, report
from mailwright.ports import Queue
from mailwright.values import NotFound
from mailwright.values.ids import id_text

MOST = 100  # deliveries looked at in one round


class Reports:
    """One call a round."""

    def __init__(self, queue: Queue, accounts: Accounts, scribe: Scribe, log: Logger) -> None:
        self._queue, self._accounts, self._scribe, self._log = queue, accounts, scribe, log

    async def write(self) -> None:
        """Write what is owed. Raises Unavailable; then it stays owed."""
        owed = await self._queue.owed(limit=MOST)
        by_message: dict[int, list[int]] = {}
        for delivery in owed:
            by_message.setdefault(await self._scribe.store.find(delivery, account=None), []).append(delivery)
        for message, deliveries in by_message.items():
            await self._one(message, deliveries)

    async def _one(self, message: int, deliveries: list[int]) -> None:
        try:
            story = await self._scribe.store.story(message, account=None)
            written: bool | None = await report(story, deliveries, await self._accounts.view(story.message.account), self._scribe)
        except NotFound:
            written = False  # the account or the mail is gone: there is nobody to tell
        if written is None:
            return
        await self._queue.paid(deliveries)
        if written:
            self._log.info("reported", message=id_text(message))
