"""Where a session to a site leads: the recipient's mail hosts, an external server, or the operator's route."""

from dataclasses import dataclass

from mailwright.ports.sender import Target
from mailwright.values import Reply


@dataclass(frozen=True, slots=True)
class Aim:
    """There is a server to try."""

    target: Target


@dataclass(frozen=True, slots=True)
class Hopeless:
    """The recipient's domain takes no mail: a final failure that we tell ourselves."""

    reply: Reply
    reason: str


@dataclass(frozen=True, slots=True)
class Later:
    """It could not be found out just now."""

    what: str


@dataclass(frozen=True, slots=True)
class Moved:
    """The recipient's domain belongs to another site."""

    site: str
