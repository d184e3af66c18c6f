"""Why an address cannot be listened on, in words, and who does what about it."""

import errno
import os

from mailwright.values import MailwrightError

_REMEDIES = {
    errno.EADDRINUSE: "Stop the program that uses this address (ss -ltnp names it), or choose another port with {key}.",
    errno.EADDRNOTAVAIL: "This machine does not have this address (ip address lists those that it has): correct {key}.",
    errno.EACCES: "Ports below 1024 are for root: choose a higher one with {key}, or let systemd grant CAP_NET_BIND_SERVICE.",
}
_OTHERWISE = "Choose another address with {key}."


def cannot_listen(who: str, address: object, fault: OSError, *, key: str) -> MailwrightError:
    """The words for a failed bind(2): `who` wants to listen, `key` is the setting that names the address."""
    number = fault.errno or 0
    return MailwrightError(
        f"{who} cannot listen on {address}: {os.strerror(number).lower() if number else fault}.",
        _REMEDIES.get(number, _OTHERWISE).format(key=key),
    )
