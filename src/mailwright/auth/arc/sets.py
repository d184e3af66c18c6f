"""The ARC fields of a mail, gathered into sets, and whether these form a chain (RFC 8617 §4.2, §5.2 steps 1 to 3)."""

from typing import NamedTuple

from mailwright.auth.arc.verdict import ArcInstance
from mailwright.auth.dkim.canonical import Form
from mailwright.auth.dkim.fault import Fault
from mailwright.auth.dkim.head import SignedHead
from mailwright.auth.dkim.signature import read_domain
from mailwright.auth.results.scan import Scanner
from mailwright.values import Malformed

MAX_SETS = 50  # RFC 8617 §4.2.1
# Octets of all ARC fields; 50 sets of a usual size have a quarter. Each seal covers all before it, so their hashes read at
# most 13 MB.
MAX_OCTETS = 512 * 1024
MAX_SHOWN = 253  # characters of a d= or s= that could not be read
MAX_INSTANCE_TEXT = 1000  # characters in which the i= of ARC-Authentication-Results must stand, comments and all
RESULTS, SIGNATURE, SEAL = b"arc-authentication-results", b"arc-message-signature", b"arc-seal"
NAMES = (RESULTS, SIGNATURE, SEAL)  # in the order in which a seal covers them, RFC 8617 §5.1.1
SPELLED = {
    RESULTS: "ARC-Authentication-Results",
    SIGNATURE: "ARC-Message-Signature",
    SEAL: "ARC-Seal",
}


class ArcFault(Exception):
    """Ends the verification of a chain; it becomes the verdict and never leaves the room."""

    def __init__(self, code: str, *, at: int = 0, name: bytes = b"", seen: str = "", cause: str = "") -> None:
        super().__init__(code)
        self.code, self.at, self.seen, self.cause = code, at, seen, cause
        self.field = SPELLED.get(name, "")


class ArcSet(NamedTuple):
    """One set: where its fields stand among those of their name, from the top; the tags of two, the text of the third."""

    number: int
    results_at: int
    signature_at: int
    seal_at: int
    signature: dict[str, str]
    seal: dict[str, str]
    results: str

    @property
    def cv(self) -> str:
        """Chain status, in lower case."""
        return _status(self.seal)

    @property
    def instance(self) -> ArcInstance:
        """The set as it is told."""
        return ArcInstance(
            self.number,
            self.cv[:MAX_SHOWN],
            _domain(self.seal),
            self.seal.get("s", "")[:MAX_SHOWN],
            _domain(self.signature),
            self.results,
        )


class ArcFields(NamedTuple):
    """The ARC fields of a mail by the number of their set, each with its place; seals and signatures with their tags."""

    seals: dict[int, tuple[int, dict[str, str]]]
    signatures: dict[int, tuple[int, dict[str, str]]]
    results: dict[int, tuple[int, str]]

    @property
    def newest(self) -> int:
        """The greatest number of a set, N of RFC 8617 §5.2; 0 where there is none."""
        return max([0, *self.seals, *self.signatures, *self.results])

    def whole_sets(self) -> tuple[ArcSet, ...]:
        """The sets that have all of their fields, oldest first."""
        whole = sorted(self.seals.keys() & self.signatures.keys() & self.results.keys())
        return tuple([self._set(number) for number in whole])

    def _set(self, number: int) -> ArcSet:
        seal_at, seal = self.seals[number]
        signature_at, signature = self.signatures[number]
        results_at, results = self.results[number]
        return ArcSet(number, results_at, signature_at, seal_at, signature, seal, results)


def gather(head: SignedHead) -> ArcFields:
    """The ARC fields of a header block. Raises ArcFault: too many, too large, without a number, two of one number."""
    if head.too_large:
        if b"\narc-" in b"\n" + head.octets.lower():
            raise ArcFault("arc-header-too-large", seen=str(len(head.octets)))
        return ArcFields({}, {}, {})
    fields = head.fields(Form.RELAXED)
    found = [fields.get(name, []) for name in NAMES]
    if max(map(len, found)) > MAX_SETS:
        raise ArcFault("arc-too-many-sets")
    octets = sum([len(field) for named in found for field in named])
    if octets > MAX_OCTETS:
        raise ArcFault("arc-header-too-large", seen=str(octets))
    return ArcFields(_tagged(head, SEAL), _tagged(head, SIGNATURE), _results(fields.get(RESULTS, [])))


def check_chain(fields: ArcFields, sets: tuple[ArcSet, ...]) -> None:
    """Whether the sets form a chain (RFC 8617 §5.2 steps 2 and 3). Raises ArcFault."""
    newest = fields.newest
    if newest in fields.seals and _status(fields.seals[newest][1]) == "fail":
        raise ArcFault("arc-chain-ended", at=newest)
    for number in range(1, newest + 1):
        for name, found in ((SEAL, fields.seals), (SIGNATURE, fields.signatures), (RESULTS, fields.results)):
            if number not in found:
                raise ArcFault("arc-field-missing", at=number, name=name)
    for one in sets:
        if one.cv != ("none" if one.number == 1 else "pass"):
            raise ArcFault("arc-status-wrong", at=one.number, name=SEAL, seen=f"cv={one.cv[:40]}")


def _tagged(head: SignedHead, name: bytes) -> dict[int, tuple[int, dict[str, str]]]:
    """The seals or message signatures by their number, each with its place and tags."""
    found: dict[int, tuple[int, dict[str, str]]] = {}
    for at in range(head.count(name)):
        try:
            tags = head.tags(name, at)
        except Fault as fault:
            raise ArcFault("arc-instance-malformed", name=name, cause=fault.seen) from None
        number = _number(tags.get("i", ""), name)
        if number in found:
            raise ArcFault("arc-field-repeated", at=number, name=name)
        found[number] = (at, tags)
    return found


def _results(fields: list[bytes]) -> dict[int, tuple[int, str]]:
    """The ARC-Authentication-Results by their number, each with its place and payload (RFC 8617 §4.1.1)."""
    found: dict[int, tuple[int, str]] = {}
    for at, field in enumerate(fields):
        instance, payload = _instance(field.partition(b":")[2].decode("utf-8", "replace"))
        number = _number(instance, RESULTS)
        if number in found:
            raise ArcFault("arc-field-repeated", at=number, name=RESULTS)
        found[number] = (at, payload)
    return found


def _instance(text: str) -> tuple[str, str]:
    """The value of i=, which stands first, and what follows its semicolon; comments may stand between (RFC 8617 §3.9)."""
    scan = Scanner(text[:MAX_INSTANCE_TEXT])
    try:
        if scan.word() == "i" and scan.accept("="):
            number = scan.word()
            if scan.accept(";"):
                return number, text[scan.position :].strip(" ")
    except Malformed:
        pass  # a comment without an end: there is no i=
    return "", ""


def _number(text: str, name: bytes) -> int:
    """RFC 8617 §3.9 position: one or two digits, 1 to 50."""
    if text.isascii() and text.isdigit() and len(text) <= 2 and 1 <= int(text) <= MAX_SETS:
        return int(text)
    raise ArcFault("arc-instance-malformed", name=name, seen=text[:40])


def _domain(tags: dict[str, str]) -> str:
    """d= as a lower-case A-label where it is a domain, else as written."""
    text = tags.get("d", "")
    try:
        return read_domain(text)
    except Fault:
        return text[:MAX_SHOWN]


def _status(seal: dict[str, str]) -> str:
    """cv=; RFC 8617 §3.9 writes its values as ABNF strings, which have no letter case."""
    return seal.get("cv", "").lower()
