"""Tag lists (RFC 6376 §3.2): one strict reader for signatures, key records, DMARC and ARC."""

from mailwright.values import Malformed

WSP = " \t\r\n"  # after the folds were checked, CR and LF stand only where a fold was
_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
_NAME = _LETTERS | frozenset("0123456789_")  # ALNUMPUNC, RFC 6376 §3.2
_USUAL = frozenset({"v", "a", "b", "bh", "c", "d", "h", "i", "k", "l", "p", "q", "s", "t", "x"})  # seen to be names at once
_REMEDY = "Write it as name=value pairs parted by semicolons, each name once."


class RepeatedTag(Malformed):
    """A name stands twice in a tag list: the whole list is void (RFC 6376 §3.2)."""


def read_tags(text: str) -> dict[str, str]:
    """Read `name=value; name=value` in order; names and values keep their case, values lose the white space around them.

    Raises RepeatedTag where a name is there twice, else Malformed: a bad name, a piece without "=", a control character
    (RFC 6376 §3.2). Text beyond ASCII passes, as the RFC advises and RFC 8616 §5 needs.
    """
    pieces = _checked(text).split(";")
    if not pieces[-1].strip(WSP):
        pieces.pop()  # one semicolon may end the list
    tags: dict[str, str] = {}
    for piece in pieces:
        name, equals, value = piece.partition("=")
        name = name.strip(WSP)
        if not equals or not _is_name(name):
            raise Malformed(f"{piece.strip(WSP)[:60]!r} is no tag: it is not name=value.", _REMEDY)
        if name in tags:
            raise RepeatedTag(f"The tag {name[:60]!r} is there twice, so the whole list is void.", _REMEDY)
        tags[name] = value.strip(WSP)
    return tags


def without_space(value: str) -> str:
    """A value whose white space has no meaning, such as base64 (RFC 6376 §3.5 b=, bh=)."""
    for blank in WSP:
        value = value.replace(blank, "")
    return value


def _checked(text: str) -> str:
    """Unfolded text (FWS, RFC 5322 §3.2.2); what is left of control characters is a fault."""
    plain = text.replace("\r\n ", " ").replace("\r\n\t", " ").replace("\t", " ")
    if not plain.isprintable() and any(char < " " or char == "\x7f" for char in plain):
        raise Malformed("The tag list has a line end or a control character where none may be.", _REMEDY)
    return plain


def _is_name(name: str) -> bool:
    return name in _USUAL or (name[:1] in _LETTERS and _NAME.issuperset(name))
