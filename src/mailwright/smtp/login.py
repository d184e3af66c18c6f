"""AUTH as the server hears it: PLAIN (RFC 4616) and LOGIN, step by step (RFC 4954 §4)."""

import binascii
from base64 import b64decode
from dataclasses import dataclass, field

from mailwright.smtp import answers
from mailwright.values import Reply

MECHANISMS = ("PLAIN", "LOGIN")
_USERNAME, _PASSWORD = "VXNlcm5hbWU6", "UGFzc3dvcmQ6"  # "Username:" and "Password:", as every LOGIN client expects them


@dataclass(frozen=True, slots=True)
class Login:
    """Somebody says who they are; the password never shows in a log."""

    mechanism: str
    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Asked:
    """A question that was put to the client; its next line is the answer."""

    mechanism: str
    prompt: Reply
    username: str | None = None


def begin(argument: str) -> Login | Asked | Reply:
    """What follows AUTH: a mechanism and perhaps an initial response, "=" for an empty one (RFC 4954 §4)."""
    name, _, initial = argument.partition(" ")
    mechanism = name.upper()
    if mechanism not in MECHANISMS:
        return answers.BAD_MECHANISM
    asked = Asked(mechanism, _prompt(_USERNAME if mechanism == "LOGIN" else ""))
    if not initial:
        return asked
    return go_on(asked, "" if initial == "=" else initial)


def go_on(asked: Asked, line: str) -> Login | Asked | Reply:
    """The client's answer to `asked`; "*" gives up (RFC 4954 §4)."""
    if line == "*":
        return answers.AUTH_CANCELLED
    text = _decoded(line)
    if text is None:
        return answers.BAD_BASE64
    if asked.mechanism == "PLAIN":
        return _plain(text)
    if asked.username is None:
        return Asked("LOGIN", _prompt(_PASSWORD), text)
    return Login("LOGIN", asked.username, text)


def _plain(text: str) -> Login | Reply:
    """The message is authzid NUL authcid NUL passwd (RFC 4616 §2)."""
    parts = text.split("\0")
    if len(parts) != 3 or not parts[1] or not parts[2]:
        return answers.BAD_CREDENTIALS
    identity, username, password = parts
    return Login("PLAIN", username, password) if identity in {"", username} else answers.OTHER_IDENTITY


def _prompt(words: str) -> Reply:
    return Reply.of(334, "", words)


def _decoded(line: str) -> str | None:
    try:
        return b64decode(line.encode("ascii"), validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        return None
