"""TLS as a client speaks it: contexts made once, sessions resumed (RFC 8446 §2.2, RFC 5077)."""

import ssl
from collections import OrderedDict
from functools import lru_cache
from typing import Any

MAX_SESSIONS = 4096  # host names whose last session is kept: about 2 KB each


class ClientContext(ssl.SSLContext):
    """A context that offers each host its last session: asyncio and uvloop have no argument for it, but call `wrap_bio`."""

    _sessions: "OrderedDict[str, ssl.SSLSession]"

    def wrap_bio(self, incoming: Any, outgoing: Any, *rest: Any, **named: Any) -> ssl.SSLObject:
        """As SSLContext.wrap_bio, with the session of `server_hostname` where one is known."""
        session = self._sessions.get(named.get("server_hostname") or "")
        if session is not None:
            named["session"] = session
        return super().wrap_bio(incoming, outgoing, *rest, **named)

    def keep(self, host: str, used: ssl.SSLObject) -> None:
        """Remember the session of a connection on which data has come (in TLS 1.3 tickets follow the handshake)."""
        session = used.session
        if session is None:
            return
        self._sessions[host] = session
        self._sessions.move_to_end(host)
        if len(self._sessions) > MAX_SESSIONS:
            self._sessions.popitem(last=False)


@lru_cache(maxsize=64)
def client_context(*, verify: bool, ca_file: str | None = None) -> ClientContext:
    """The context for servers whose certificate must be theirs (`ca_file`: PEM, beside the system's), or need not be."""
    context = ClientContext(ssl.PROTOCOL_TLS_CLIENT)
    context._sessions = OrderedDict()  # noqa: SLF001 - SSLContext has no __init__ to build on
    if verify:
        context.minimum_version = ssl.TLSVersion.TLSv1_2  # RFC 8996, RFC 8997
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
        if ca_file:
            context.load_verify_locations(ca_file)
        return context
    # Opportunistic: whatever the server has beats plain text, which would be next (RFC 7435 §3, RFC 3207 §6).
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.set_ciphers("DEFAULT@SECLEVEL=0")
    return context
