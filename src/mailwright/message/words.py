"""Header text for people: encoded words decoded (RFC 2047), controls and direction marks removed, length bounded."""

import binascii
import re

MAX_DECODED = 8192  # characters of a value that are looked at; what people see is far shorter
_JOINERS = "\u200c\u200d"  # zero-width (non-)joiner: needed by Persian, Indic scripts and emoji, and harmless
# RFC 2047 §2: no blanks inside; every class stops at "?", so no input is read more than a few times.
_WORD = re.compile(r"=\?([!-)+->@-~]{1,60})\?([bBqQ])\?([^?\s]*+)\?=")
# Only codecs that map octets to text in linear time: never punycode, idna, unicode_escape and their like.
_CHARSETS = re.compile(
    r"(?i)us-ascii|ascii|utf-?(?:8|16|16be|16le|32)|iso-?8859-?\d{1,2}|iso-2022-(?:jp|kr)(?:-\d)?|(?:cp|windows-?)\d{3,4}|koi8-[rut]"
    r"|gb(?:2312|k|18030)|hz-gb-2312|big5(?:-?hkscs)?|shift[-_]jis|sjis|euc-?(?:jp|kr)|ks_c_5601-1987|tis-?620|mac-?roman"
)


def decoded(text: str) -> str:
    """Text with its encoded words decoded; what cannot be decoded stays as it is written."""
    text = text[:MAX_DECODED]
    if "=?" not in text:
        return text
    pieces: list[str] = []
    run: list[bytes] = []
    charset, position = "", 0
    for word in _WORD.finditer(text):
        between = text[position : word.start()]
        name = word[1].partition("*")[0].lower()  # RFC 2231 §5: a language may follow the charset
        if run and (between.strip(" \t") or name != charset):
            pieces.append(_text(b"".join(run), charset))
            run = []
        if between.strip(" \t") or position == 0:
            pieces.append(between)  # white space between two encoded words is not shown, RFC 2047 §6.2
        run.append(_octets(word[2], word[3]))
        charset, position = name, word.end()
    if run:
        pieces.append(_text(b"".join(run), charset))
    return "".join(pieces) + text[position:]


def readable(text: str, limit: int) -> str:
    """Text that is safe to show in a list: at most `limit` characters, without controls and bidirectional marks."""
    if not text.isprintable():
        text = "".join(char if char.isprintable() or char in _JOINERS else " " if char.isspace() else "" for char in text)
    text = text.strip()
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def _octets(encoding: str, encoded: str) -> bytes:
    """RFC 2047 §4.1 and §4.2; never raises."""
    octets = encoded.encode("utf-8", "replace")
    if encoding in "qQ":
        return binascii.a2b_qp(octets, header=True)
    try:
        return binascii.a2b_base64(octets + b"==")
    except binascii.Error:
        return octets


def _text(octets: bytes, charset: str) -> str:
    if not _CHARSETS.fullmatch(charset):
        return octets.decode("utf-8", "replace")
    try:
        return octets.decode(charset, "replace")
    except (LookupError, UnicodeError):
        return octets.decode("utf-8", "replace")
