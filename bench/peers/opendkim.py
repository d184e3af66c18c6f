"""OpenDKIM as a signing milter on a unix socket: RSA-2048, relaxed/relaxed."""

import signal
from pathlib import Path

from bench.peers.program import Program, Served, find

_PACKAGE = "opendkim"
_CONFIG = """\
Mode                s
Domain              {domain}
Selector            {selector}
KeyFile             {key}
Canonicalization    relaxed/relaxed
SignatureAlgorithm  rsa-sha256
InternalHosts       127.0.0.1
Socket              local:{socket}
UMask               000
Background          no
Syslog              no
RequireSafeKeys     no
"""


class OpenDkim(Served):
    """A running OpenDKIM; `socket` is where it waits. The socket is a unix one: over TCP, Postfix moves half as many mails."""

    def __init__(self, folder: Path, *, key: Path, domain: str, selector: str) -> None:
        self.socket = folder / "opendkim.sock"
        config = folder / "opendkim.conf"
        config.write_text(_CONFIG.format(domain=domain, selector=selector, key=key, socket=self.socket))
        command = [find("opendkim", _PACKAGE), "-f", "-x", str(config)]
        self._program = Program(command, folder=folder, stop=signal.SIGKILL)  # it has nothing to lose, and takes 5 s for SIGTERM

    @property
    def place(self) -> Path:
        """Where it answers."""
        return self.socket
