"""What the server says, in words for the person who reads a log (codes RFC 5321 §4.2.3, RFC 3463, RFC 2034)."""

from mailwright.smtp.data import Fault
from mailwright.values import Reply

# --- yes ---------------------------------------------------------------------------------------------------------------------
SENDER_OK = Reply.of(250, "2.1.0", "Sender noted")
RECIPIENT_OK = Reply.of(250, "2.1.5", "Recipient noted")
SEND_DATA = Reply.of(354, "", "Send the mail; end it with a line that holds only a dot")
CHUNK_OK = Reply.of(250, "2.0.0", "Chunk noted")  # RFC 3030 §2
RESET = Reply.of(250, "2.0.0", "Forgotten")
NOTHING = Reply.of(250, "2.0.0", "Still here")
CANNOT_VERIFY = Reply.of(252, "2.5.0", "Addresses are checked when mail is sent to them")  # RFC 5321 §3.5.3
HELP = Reply.of(214, "2.0.0", "EHLO MAIL RCPT DATA BDAT RSET NOOP QUIT VRFY HELP AUTH STARTTLS", "RFC 5321 says how to use them")
START_TLS = Reply.of(220, "2.0.0", "Begin TLS now")
LOGGED_IN = Reply.of(235, "2.7.0", "Logged in")
BYE = Reply.of(221, "2.0.0", "Goodbye")

# --- out of order (503, RFC 5321 §4.1.4) ---------------------------------------------------------------------------------------
HELLO_FIRST = Reply.of(503, "5.5.1", "Say EHLO first")
MAIL_FIRST = Reply.of(503, "5.5.1", "Say MAIL FROM first")
RECIPIENT_FIRST = Reply.of(503, "5.5.1", "Say RCPT TO first")
NO_RECIPIENT = Reply.of(554, "5.5.1", "No recipient was accepted, so there is nobody to send this to")  # RFC 2920 §3.1
NESTED_MAIL = Reply.of(503, "5.5.1", "A mail has been begun already; finish it or say RSET")
NOT_DURING_MAIL = Reply.of(503, "5.5.1", "Not while a mail is under way; finish it or say RSET")
TLS_ALREADY = Reply.of(503, "5.5.1", "TLS is on already")
LOGGED_IN_ALREADY = Reply.of(503, "5.5.1", "Already logged in")  # RFC 4954 §4

# --- not understood ------------------------------------------------------------------------------------------------------------
UNKNOWN = Reply.of(500, "5.5.1", "This command is not known here")
NOT_OFFERED = Reply.of(502, "5.5.1", "This command is not offered here")
LINE_TOO_LONG = Reply.of(500, "5.5.2", "The line is too long")
LINE_END = Reply.of(500, "5.5.2", "Lines must end in CR LF")
BAD_CHARACTER = Reply.of(501, "5.5.2", "The line has a character that is not allowed")
NO_ARGUMENT = Reply.of(501, "5.5.4", "This command stands alone on its line")
ARGUMENT_MISSING = Reply.of(501, "5.5.4", "Something must follow this command")
BAD_HELLO = Reply.of(501, "5.5.4", "After EHLO comes the name of your host, such as app.example.com")
BAD_FROM = Reply.of(501, "5.5.4", "Write MAIL FROM:<name@example.com>, without a blank after the colon")
BAD_TO = Reply.of(501, "5.5.4", "Write RCPT TO:<name@example.com>, without a blank after the colon")
BAD_SENDER = Reply.of(501, "5.1.7", "The sender's address must look like name@example.com")
BAD_RECIPIENT = Reply.of(501, "5.1.3", "The recipient's address must look like name@example.com")
LITERAL_SENDER = Reply.of(501, "5.1.7", "The sender's address needs a domain name instead of an IP address")
LITERAL_RECIPIENT = Reply.of(501, "5.1.3", "Mail goes to domain names only: the recipient's address has an IP address")
NEEDS_SMTPUTF8 = Reply.of(553, "5.6.7", "An address beyond ASCII needs the SMTPUTF8 parameter of MAIL FROM")  # RFC 6531 §3.5
UNKNOWN_PARAMETER = Reply.of(555, "5.5.4", "A parameter of this command is not known here")  # RFC 5321 §4.1.1.11
BAD_PARAMETER = Reply.of(501, "5.5.4", "A parameter of this command is wrong or stands twice")

# --- login and TLS -----------------------------------------------------------------------------------------------------------
LOGIN_FIRST = Reply.of(530, "5.7.0", "Log in first")  # RFC 4954 §6
TLS_FIRST = Reply.of(530, "5.7.0", "Say STARTTLS first, then log in")  # RFC 3207 §4
LOGIN_NEEDS_TLS = Reply.of(538, "5.7.11", "Logging in needs TLS: say STARTTLS first")  # RFC 4954 §4, §6
BAD_MECHANISM = Reply.of(504, "5.5.4", "Log in with AUTH PLAIN or AUTH LOGIN")  # RFC 4954 §4
BAD_BASE64 = Reply.of(501, "5.5.2", "This is not Base64 as AUTH needs it")  # RFC 4954 §4
BAD_CREDENTIALS = Reply.of(501, "5.5.2", "The login is not written as the mechanism asks")  # RFC 4616 §2
AUTH_CANCELLED = Reply.of(501, "5.0.0", "Login cancelled as you asked")  # RFC 4954 §4
OTHER_IDENTITY = Reply.of(535, "5.7.8", "You can log in as yourself only; leave the authorization identity empty")  # RFC 4616 §2
NO_TLS_NOW = Reply.of(454, "4.7.0", "TLS is not available at the moment")  # RFC 3207 §4

# --- limits ------------------------------------------------------------------------------------------------------------------
TOO_MANY_RECIPIENTS = Reply.of(452, "4.5.3", "Too many recipients for one mail; send the rest in another")  # RFC 5321 §4.5.3.1.10

# --- the end (421, RFC 5321 §3.8) ----------------------------------------------------------------------------------------------
TOO_MANY_ERRORS = Reply.of(421, "4.7.0", "Too many commands failed; closing")
TOO_MANY_IDLE = Reply.of(421, "4.7.0", "Too many commands without a mail; closing, come back when you have one")
EARLY_PLAINTEXT = Reply.of(421, "4.7.0", "Something came after STARTTLS before TLS began; closing")  # CVE-2011-0411
UNSAFE_END = Reply.of(421, "4.7.0", "Where that mail ends is not certain, so nothing after it is read; closing")
BAD_CHUNK = Reply.of(
    421, "4.7.0", "BDAT must say how long the chunk is, such as BDAT 1000 LAST; nothing after it is read; closing"
)
CHUNK_TOO_EARLY = Reply.of(421, "4.7.0", "Say EHLO and log in before you send a mail; closing")
WRONG_PROTOCOL = Reply.of(421, "4.7.0", "This is a mail server; closing")
FLOODED = Reply.of(421, "4.7.0", "More came than this server can hold; closing")

_CONTENT = {
    Fault.BARE_LINE_END: Reply.of(550, "5.6.0", "A line of the mail ends in CR or in LF alone; lines must end in CR LF"),
    Fault.NUL: Reply.of(550, "5.6.0", "The mail has a NUL octet; encode binary parts in Base64"),
}


def too_big(limit: int) -> Reply:
    """A mail, or its announced size, over the limit in octets (RFC 1870 §6.1)."""
    return Reply.of(552, "5.3.4", f"The mail is too big: at most {limit / 1_000_000:.1f} MB are taken")


def content_fault(fault: Fault, *, size: int, header_fields: int, header_octets: int) -> Reply:
    """Why the content was refused, with the limit that it broke."""
    match fault:
        case Fault.TOO_BIG:
            return too_big(size)
        case Fault.HEADER_FIELDS:
            return Reply.of(554, "5.6.0", f"The header has more than {header_fields} fields")
        case Fault.HEADER_OCTETS:
            return Reply.of(554, "5.6.0", f"The header is longer than {header_octets // 1024} KiB")
        case _:
            return _CONTENT[fault]
