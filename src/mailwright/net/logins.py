"""Failed logins are counted per address and per name, in bounded memory, so that guessing gets nowhere."""

from collections import OrderedDict
from dataclasses import dataclass, field
from ipaddress import ip_address

from mailwright.values import Reply

PER_ADDRESS = 10  # failures in WINDOW after which an address is not heard
PER_NAME = 50  # failures in WINDOW after which a name is not heard from addresses that have failed themselves
WINDOW = 600.0  # seconds
ENTRIES = 20_000  # addresses and names that are kept; the one that failed longest ago goes first
NAME_PREFIX = 16  # characters of a name that count: longer ones would only fill the memory
_V6_SITE = 64  # bits: whoever has one IPv6 address has the whole network around it, RFC 6177

TOO_MANY = Reply.of(421, "4.7.0", "Too many logins from your address failed; wait ten minutes and check the password")
TOO_MANY_FOR_NAME = Reply.of(454, "4.7.0", "Too many logins with this name failed; wait ten minutes and check the password")


@dataclass(slots=True)
class FailedLogins:
    """Counts in windows that begin with a first failure; times are seconds of any steady clock."""

    per_address: int = PER_ADDRESS
    per_name: int = PER_NAME
    window: float = WINDOW
    _seen: OrderedDict[tuple[str, str], tuple[int, float]] = field(default_factory=OrderedDict)

    def refusal(self, peer_ip: str, username: str, now: float) -> Reply | None:
        """Why this login is not even tried; a name that others guess at stays open to addresses without a failure."""
        here = self._count(_address_key(peer_ip), now)
        if here >= self.per_address:
            return TOO_MANY
        if here and self._count(_name_key(username), now) >= self.per_name:
            return TOO_MANY_FOR_NAME
        return None

    def failed(self, peer_ip: str, username: str, now: float) -> None:
        """A login was wrong."""
        for key in (_address_key(peer_ip), _name_key(username)):
            count = self._count(key, now)
            since = self._seen[key][1] if count else now
            self._seen[key] = (count + 1, since)
            self._seen.move_to_end(key)
        while len(self._seen) > ENTRIES:
            self._seen.popitem(last=False)

    def succeeded(self, peer_ip: str) -> None:
        """Whoever knows a password is no guesser."""
        self._seen.pop(_address_key(peer_ip), None)

    def _count(self, key: tuple[str, str], now: float) -> int:
        count, since = self._seen.get(key, (0, now))
        return count if now - since < self.window else 0


def _address_key(peer_ip: str) -> tuple[str, str]:
    try:
        address = ip_address(peer_ip)
    except ValueError:
        return ("address", peer_ip)
    if address.version == 4:
        return ("address", peer_ip)
    return ("address", f"{int(address) >> (128 - _V6_SITE):x}")


def _name_key(username: str) -> tuple[str, str]:
    return ("name", username[:NAME_PREFIX].casefold())
