"""Why a signature does not count."""


class Fault(Exception):
    """Ends the reading of one signature or key; it becomes a verdict and never leaves the room.

    `code` names the finding, `seen` is what was seen: short, for people.
    """

    code: str
    seen: str

    def __init__(self, code: str, seen: str = "") -> None:
        super().__init__(code, seen)
        self.code, self.seen = code, seen
