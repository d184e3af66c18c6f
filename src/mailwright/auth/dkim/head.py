"""A header block as its signatures see it: read once for all of them, its canonical fields by name."""

from collections.abc import Iterable, Iterator
from itertools import chain

from mailwright.auth.dkim.canonical import CRLF, Form, Raw, chunks_of, relaxed_fields, split_head
from mailwright.auth.dkim.fault import Fault
from mailwright.auth.tags import RepeatedTag, read_tags
from mailwright.message import headers
from mailwright.values import Malformed

# Octets of a header block whose signatures are tried. Receivers take some 100 KB; ten thousand fields of a long way stay
# below it, and the worst mail costs MAX_SIGNATURES times its hash.
MAX_HEAD = 2 * 1024 * 1024
MAX_FIELD = 64 * 1024  # octets of a relaxed signature: z= may copy a whole header into it, no signer writes more
_WSP = b" \t\r\n"  # what may stand around the name of a tag, folds included (RFC 6376 §3.2)


class SignedHead:
    """The header block of a mail (with its last CRLF), for the verification of any number of signatures."""

    __slots__ = ("_fields", "_tags", "octets")

    def __init__(self, octets: bytes) -> None:
        self.octets = octets
        self._fields: dict[Form, dict[bytes, list[bytes]]] = {}
        self._tags: dict[tuple[bytes, int], dict[str, str]] = {}

    @property
    def too_large(self) -> bool:
        """Whether nobody should try its signatures."""
        return len(self.octets) > MAX_HEAD

    def count(self, name: bytes) -> int:
        """How many fields have that name (lower case); 0 where the block is too large to be read."""
        return 0 if self.too_large else len(self.fields(Form.RELAXED).get(name, ()))

    def tags(self, name: bytes, at: int) -> dict[str, str]:
        """The tags of the field number `at` of that name, from the top; read once. Raises Fault."""
        known = self._tags.get((name, at))
        if known is None:
            known = self._tags[name, at] = tags_of(self.fields(Form.RELAXED)[name][at])
        return known

    def fields(self, form: Form) -> dict[bytes, list[bytes]]:
        """The canonical fields without their last CRLF, top-down, by name in lower case (RFC 6376 §3.4.1, §3.4.2)."""
        known = self._fields.get(form)
        if known is None:
            known = self._fields[form] = _simple(self.octets) if form is Form.SIMPLE else _relaxed(self.octets)
        return known

    def signed_text(self, form: Form, names: Iterable[bytes], own: bytes, at: int) -> bytes:
        """The octets that a signature signs: the named fields, then itself with an empty b= and no CRLF (RFC 6376 §3.7).

        `names` are those of h=, in lower case; `own` is the name of the signature's field, `at` its number among those of
        that name, from the top. Of one name the lowest field comes first; where h= asks for more than there are, the rest
        counts for nothing (§5.4.2). A signature never covers itself (§3.5 h=). Linear: a field serves once.
        """
        fields = self.fields(form)
        left: dict[bytes, int] = {}
        signed = []
        for name in names:
            if found := fields.get(name):
                number = left[name] = left.get(name, len(found)) - 1
                if name == own and number == at:
                    number = left[name] = number - 1
                if number >= 0:
                    signed.append(found[number])
        signed.append(without_signature(fields[own][at]))
        return CRLF.join(signed)


def open_mail(raw: Raw) -> tuple[SignedHead, Iterator[bytes]]:
    """The header block of a mail, and its body in pieces; nothing of the body is read yet but what came with the header."""
    chunks = chunks_of(raw)
    octets, start = split_head(chunks)
    return SignedHead(octets), chain((start,), chunks)


def tags_of(field: bytes) -> dict[str, str]:
    """The tags of a relaxed signature field ("name:value"). Raises Fault."""
    if len(field) > MAX_FIELD:
        raise Fault("dkim-signature-too-long", str(len(field)))
    try:
        return read_tags(field.partition(b":")[2].decode("utf-8", "replace"))
    except RepeatedTag as fault:
        raise Fault("dkim-tag-repeated", str(fault)) from None
    except Malformed as fault:
        raise Fault("dkim-tags-malformed", str(fault)) from None


def without_signature(field: bytes) -> bytes:
    """A signature field whose b= is empty, the white space around the value gone with it (RFC 6376 §3.7)."""
    name, colon, value = field.partition(b":")
    tags = value.split(b";")
    for number in range(len(tags) - 1, -1, -1):  # most signers put it last
        tag, equals, _ = tags[number].partition(b"=")
        if equals and tag.strip(_WSP) == b"b":
            tags[number] = tag + equals
            break
    return name + colon + b";".join(tags)


def _relaxed(head: bytes) -> dict[bytes, list[bytes]]:
    fields: dict[bytes, list[bytes]] = {}
    for name, value in relaxed_fields(head):
        if name in fields:
            fields[name].append(b"%b:%b" % (name, value))
        else:
            fields[name] = [b"%b:%b" % (name, value)]
    return fields


def _simple(head: bytes) -> dict[bytes, list[bytes]]:
    fields: dict[bytes, list[bytes]] = {}
    for field in headers.fields(head):
        fields.setdefault(field.name, []).append(field.raw.removesuffix(CRLF))
    return fields
