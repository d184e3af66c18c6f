"""A Postfix of our own beside the system's: own folders, own port, everything relayed to one sink, fsync on."""

import os
import shutil
import signal
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from bench.peers.program import Absent, Program, Served, find, free_port

SESSIONS = 90  # of its 100 processes (default_process_limit); with 100 sessions some wait for a greeting
_PACKAGE = "postfix"

_MAIN = """\
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file = {folder}/maillog
maillog_file_prefixes = {folder}
myhostname = postfix.customer.example
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
alias_database =
local_recipient_maps =
relayhost = [127.0.0.1]:{sink}
smtp_host_lookup = native
smtp_dns_support_level = disabled
smtp_destination_concurrency_limit = 20
smtpd_peername_lookup = no
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_client_connection_count_limit = 200
"""
_MILTER = """\
smtpd_milters = unix:{socket}
milter_default_action = tempfail
"""
_TLS = """\
smtpd_tls_chain_files = {key}, {certificate}
smtpd_tls_security_level = may
smtpd_tls_session_cache_database =
smtp_tls_security_level = encrypt
smtp_tls_connection_reuse = yes
smtp_tls_session_cache_database = btree:$data_directory/smtp_scache
"""
_PRELOAD = "import_environment = MAIL_CONFIG MAIL_LOGTAG POSTLOG_SERVICE POSTLOG_HOSTNAME LANG=C LD_PRELOAD={shim}\n"

# service type private unpriv chroot wakeup maxproc command: Debian's list without chroot and without what is not used here.
_MASTER = """\
127.0.0.1:{port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
tlsmgr unix - - n 1000? 1 tlsmgr
tlsproxy unix - - n - 0 tlsproxy
postlog unix-dgram n - n - 1 postlogd
"""


class Postfix(Served):
    """A running Postfix; `milter` is the socket of a signer, `certificate` (and its key) for TLS both ways, `shim` a library
    to preload into all of its processes.
    """

    def __init__(
        self,
        folder: Path,
        *,
        sink: int,
        milter: Path | None = None,
        certificate: tuple[Path, Path] | None = None,
        shim: Path | None = None,
    ) -> None:
        if os.geteuid() != 0:
            raise Absent("Postfix starts as root only: sudo make bench")
        self.port = free_port()
        self._folder = folder
        main = _MAIN.format(folder=folder, sink=sink)
        main += _MILTER.format(socket=milter) if milter else ""
        main += _TLS.format(certificate=certificate[0], key=certificate[1]) if certificate else "smtp_tls_security_level = none\n"
        main += _PRELOAD.format(shim=shim) if shim else ""
        self._lay_out(main)
        self._program = Program([find("postfix", _PACKAGE), "-c", str(folder / "etc"), "start-fg"], folder=folder)

    @property
    def place(self) -> int:
        """Where it answers."""
        return self.port

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Stop the master: `postfix start-fg` waits for it and ends by itself; a signal to that one would leave the master."""
        try:
            with suppress(OSError, ValueError):
                os.kill(int((self._folder / "queue" / "pid" / "master.pid").read_text()), signal.SIGTERM)
                self._program.wait()
        finally:
            super().__exit__(kind, error, trace)

    def _lay_out(self, main: str) -> None:
        for name in ("etc", "queue", "data"):
            (self._folder / name).mkdir(parents=True)
        shutil.chown(self._folder / "data", "postfix")
        (self._folder / "etc" / "main.cf").write_text(main)
        (self._folder / "etc" / "master.cf").write_text(_MASTER.format(port=self.port))
