"""What went wrong on an outgoing connection, in words for people."""

from mailwright.smtp.replies import Fault
from mailwright.values import Finding, Reply
from mailwright.values.finding import error

NO_CONNECTION = "No connection to"  # so begins what is told of a server that was not reached
AGAIN = "Nobody has to act: the mail is tried again."


def refused(step: str, reply: Reply) -> Finding:
    """The server refused the session itself, at `step`."""
    lasting = "It will say the same next time." if reply.permanent else "It may take mail later."
    do = "Read the server's own words and tell its postmaster your server's address." if reply.permanent else AGAIN
    what = f"The server refused the connection at {step.upper()}."
    return error(f"{step}-refused", what, why=lasting, do=do, evidence=(str(reply),))


def closing(reply: Reply) -> Finding:
    """A 421, at any point (RFC 5321 §3.8)."""
    what = "The server does not take mail just now and closed the connection."
    why = "It is busy, or is being restarted, or limits how much it takes from one sender."
    return error("server-closing", what, why=why, do=AGAIN, evidence=(str(reply),), reference="RFC 5321 §3.8")


def fault(found: Fault) -> Finding:
    """The server does not keep to the protocol."""
    why = "Without a proper reply nobody can know whether it took the mail, so the connection was closed."
    return error(found.code, found.what, why=why, do=AGAIN, reference="RFC 5321 §4.2")


def lost(cause: str) -> Finding:
    """The connection ended before the session was ready."""
    why = "It may be overloaded, or a firewall may stand between."
    return error("connection-lost", f"The connection ended: {cause}.", why=why, do=AGAIN)


def tls_not_offered() -> Finding:
    """Encryption is required, the server has none."""
    return error(
        "tls-not-offered",
        "The server does not offer encryption (STARTTLS), and this transport requires it.",
        why="Sent in the clear, the mail and the password could be read on the way.",
        do="Ask the server's operator to switch on STARTTLS, or use its port for TLS (465).",
        reference="RFC 3207 §4.1",
    )


def tls_refused(reply: Reply) -> Finding:
    """Encryption is required, the server offers it and then refuses."""
    return error(
        "tls-refused",
        "The server offered encryption (STARTTLS) and then refused it; this transport requires it.",
        why="Sent in the clear, the mail and the password could be read on the way.",
        do="If this lasts, ask the server's operator to mend its certificate or TLS set-up.",
        evidence=(str(reply),),
        reference="RFC 3207 §4",
    )


def tls_failed(cause: str) -> Finding:
    """The TLS handshake failed, and this transport requires TLS."""
    return error(
        "tls-failed",
        "Encryption with the server could not be set up, and this transport requires it.",
        why="A wrong or expired certificate may also mean that somebody stands in between.",
        do="Compare the server's name in the transport with that in its certificate; ask its operator to renew the certificate.",
        evidence=(cause,),
        reference="RFC 3207 §4.1",
    )


def login_in_clear() -> Finding:
    """There is a login, but no encryption."""
    return error(
        "login-in-clear",
        "The connection is not encrypted, so the password was not sent.",
        why="It could be read on the way.",
        do="Use tls = starttls or implicit for this transport.",
        reference="RFC 4954 §4",
    )


def login_not_offered(offered: frozenset[str]) -> Finding:
    """There is a login, but no mechanism in common."""
    return error(
        "login-not-offered",
        "The server offers no way to log in that we speak (PLAIN, LOGIN).",
        why="It takes mail from this transport only after a login.",
        do="Ask its operator to allow SMTP AUTH for this user, or remove the login from the transport.",
        evidence=(f"AUTH {' '.join(sorted(offered))}".strip(),),
        reference="RFC 4954 §3",
    )


def login_refused(reply: Reply) -> Finding:
    """The server did not take the credentials."""
    return error(
        "login-refused",
        "The server did not accept the user name and password of this transport.",
        why="It takes mail from this transport only after a login.",
        do="Enter the password again; the server's words say whether SMTP AUTH is switched off for this user.",
        evidence=(str(reply),),
        reference="RFC 4954 §6",
    )
