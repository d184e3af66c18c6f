"""The addresses where opportunistic TLS failed a short time ago: each new connection there would pay for the same handshake."""

from mailwright.ports.sender import HostAddress

SECONDS = 600.0  # so soon it is noticed that a host has mended its TLS
MOST = 4096  # addresses; the oldest is forgotten


class PlainHosts:
    """Address -> until when, and why. Times are seconds of one monotonic clock."""

    def __init__(self, *, seconds: float = SECONDS, most: int = MOST) -> None:
        self._seconds = seconds
        self._most = most
        self._known: dict[HostAddress, tuple[float, str]] = {}  # the oldest first

    def cause(self, address: HostAddress, now: float) -> str:
        """Why TLS failed there; "" where nothing is known."""
        until, cause = self._known.get(address, (now, ""))
        return cause if now < until else ""

    def remember(self, address: HostAddress, cause: str, now: float) -> None:
        """TLS failed there, and a session without it came about: so it was TLS, and not the host."""
        self.forget(address)
        if len(self._known) >= self._most:
            self.forget(next(iter(self._known)))
        self._known[address] = (now + self._seconds, cause)

    def forget(self, address: HostAddress) -> None:
        """Try TLS there again."""
        self._known.pop(address, None)
