"""What a client hears when its mail is not taken: short, safe, and enough to act on."""

from collections.abc import Sequence

from mailwright.values.finding import Finding, Level
from mailwright.values.reply import Reply

MAX_LINES = 5  # findings that a reply tells; the log has all
MAX_TEXT = 480  # octets of a line, so that with code and CRLF it stays below 512 (RFC 5321 §4.5.3.1.5)
_OTHERS = {  # RFC 3463 §3; all other findings are about the content: 554 5.6.0
    "mail-loop": (554, "5.4.6"),
    "header-too-large": (552, "5.3.4"),
    "header-needs-smtputf8": (550, "5.6.7"),  # RFC 6531 §3.5
    "author-not-yours": (550, "5.7.1"),
    "author-not-of-this-key": (550, "5.7.1"),
    "transport-unusable": (451, "4.3.5"),  # the operator or an admin can mend it before the client gives up
}


def refusal(findings: Sequence[Finding]) -> Reply:
    """The reply to the end of data: one line for each finding of level error, with what to do; evidence is never repeated."""
    errors = [finding for finding in findings if finding.level is Level.ERROR]
    code, enhanced = _OTHERS.get(errors[0].code if errors else "", (554, "5.6.0"))
    return Reply.of(code, enhanced, *(_line(finding) for finding in errors[:MAX_LINES]))


def _line(finding: Finding) -> str:
    text = f"{finding.what} {finding.do}".strip().encode("ascii", "replace").decode()
    return "".join(char if char.isprintable() else "?" for char in text)[:MAX_TEXT]
