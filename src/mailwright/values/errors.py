"""Surprises that a person can act on: every exception of ours carries its remedy."""


class MailwrightError(Exception):
    """Something went wrong that a person can mend.

    `str(error)` says what happened; `remedy` says what to do about it. Neither goes on the wire as it stands.
    """

    def __init__(self, what: str, remedy: str = "") -> None:
        super().__init__(what)
        self.remedy = remedy


class Malformed(MailwrightError, ValueError):
    """A text is not what it should be: an address, a domain, an id, a header field."""


class Conflict(MailwrightError):
    """The thing exists already, or is in a state in which this cannot be done."""


class NotFound(MailwrightError):
    """There is no such thing, or it belongs to another account: the two are never told apart."""


class Unavailable(MailwrightError):
    """A door does not answer just now (disk full, database locked or gone): try again later, nothing was lost."""


class NoRoom(Unavailable):
    """The disk behind a door is full: the door is sound, and takes up its work once somebody has made room."""
