"""From the settings to the rules that the flows work by."""

from collections.abc import Callable

from mailwright.app import logs
from mailwright.app.settings import OTHER, Settings
from mailwright.net.smtp_connection import OPENING, WHOLE, Timeouts
from mailwright.queue.retry import RetryRules
from mailwright.queue.subsystem import Subsystem

SUBSYSTEMS_KEPT = 10_000  # names come from outside


def retry_rules(settings: Settings) -> RetryRules:
    """The rules of the queue in milliseconds."""
    queue = settings.queue
    steps = tuple(int(step.total_seconds() * 1000) for step in queue.retries)
    return RetryRules(
        steps, queue.jitter, int(queue.lifetime.total_seconds() * 1000), int(queue.delayed_after.total_seconds() * 1000)
    )


def subsystem_rules(settings: Settings, name: str) -> Subsystem:
    """What a subsystem means for the queue."""
    found = settings.subsystem(name)
    lifetime = found.lifetime or settings.queue.lifetime
    return Subsystem(name, found.priority, int(lifetime.total_seconds() * 1000), found.secret)


def subsystems(settings: Settings) -> Callable[[str], Subsystem]:
    """The same, each looked up once."""
    kinds: dict[str, Subsystem] = {}

    def subsystem(name: str) -> Subsystem:
        found = kinds.get(name)
        if found is None:
            found = subsystem_rules(settings, name)
            if len(kinds) < SUBSYSTEMS_KEPT:
                kinds[name] = found
                _tell_unknown(settings, name)
        return found

    return subsystem


def _tell_unknown(settings: Settings, name: str) -> None:
    """A misspelt "password" would be kept and shown like any other mail: the operator hears of each new name once."""
    if name and name not in settings.subsystems:
        do = f"Correct it in the application, or set it up as [subsystems.{name}]."
        logs.logger("submission").warning("subsystem unknown", subsystem=name, what=f"It is treated as {OTHER}.", do=do)


def timeouts(settings: Settings) -> Timeouts:
    """How long an outgoing connection waits."""
    times = settings.timeouts
    longest = max(times.mail, times.recipient, times.data_start, times.data_block).total_seconds()
    return Timeouts(
        connect=times.connect.total_seconds(),
        greeting=times.greeting.total_seconds(),
        tls=times.handshake.total_seconds(),
        mail=times.mail.total_seconds(),
        rcpt=times.recipient.total_seconds(),
        data=times.data_start.total_seconds(),
        block=times.data_block.total_seconds(),
        dot=times.data_end.total_seconds(),
        opening=max(OPENING, 2 * times.greeting.total_seconds()),
        whole=max(WHOLE, 2 * longest),
    )
