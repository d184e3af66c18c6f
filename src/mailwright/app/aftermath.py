"""What follows once outcomes are stored."""

from collections.abc import Sequence
from dataclasses import dataclass

from mailwright.app.metrics import Metrics
from mailwright.app.works import Works
from mailwright.queue import Job, Outcome, State
from mailwright.values.ids import id_text


@dataclass(slots=True)
class Aftermath:
    """What follows once outcomes are stored: log lines, and signatures kept for later."""

    works: Works
    metrics: Metrics

    def settled(self, pairs: Sequence[tuple[Job, Outcome]]) -> None:
        """Outcomes that are in the store now."""
        log = self.works.log
        for job, outcome in pairs:
            self.metrics.settled(outcome.state, unknown=outcome.unknown)
            if outcome.state is State.DELIVERED:
                log.info("delivered", message=id_text(job.message), to=job.recipient, site=job.site, reply=outcome.reply)
            elif outcome.state is not State.READY:
                log.info(
                    outcome.state.name.lower(), message=id_text(job.message), to=job.recipient, site=job.site, reply=outcome.reply
                )
            if outcome.state in (State.CAPTURED, State.DEFERRED):
                self.works.spawn(self.works.signing.keep(job.message))
