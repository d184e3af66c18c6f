"""An address that cannot be listened on: the words fit the cause, for each has another cure."""

import errno

import pytest

from mailwright.net.listening import cannot_listen

# errno, what is said, what is to be done, because
CAUSES = [
    (errno.EADDRINUSE, "address already in use", "Stop the program that uses this address", "two programs, one port"),
    (errno.EADDRNOTAVAIL, "cannot assign requested address", "does not have this address", "stopping a program would not help"),
    (errno.EACCES, "permission denied", "Ports below 1024 are for root", "587 without rights"),
    (errno.ENFILE, "too many open files in system", "Choose another address with http.address", "whatever else there is"),
]


@pytest.mark.parametrize(("number", "what", "remedy", "because"), CAUSES)
def test_the_cause_has_its_cure(number: int, what: str, remedy: str, because: str) -> None:
    fault = OSError(number, "asyncio wraps this text in another")
    told = cannot_listen("The web port", "192.0.2.1:80", fault, key="http.address")
    assert str(told) == f"The web port cannot listen on 192.0.2.1:80: {what}.", because
    assert remedy in told.remedy, because
