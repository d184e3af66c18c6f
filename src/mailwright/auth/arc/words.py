"""What each verdict on a chain means, for people: a table, one row a code."""

from typing import NamedTuple

from mailwright.values import Finding, Level


class Words(NamedTuple):
    """One row; {seen}, {field}, {at} and {sealer} are filled in. `result` is the word of RFC 8617 §4.4."""

    result: str
    level: Level
    what: str
    why: str
    do: str
    reference: str


_VOID = "A chain that breaks a rule counts for nothing: the mail is treated as if it had none."
_SEALER = "Whoever runs the mail server of {sealer} corrects how it seals. The recipient can do nothing."
_HARMLESS = "Nobody has to act if SPF or DKIM pass by themselves. "
WORDS = {
    "arc-none": Words(
        "none",
        Level.NOTE,
        "No server on the way sealed the mail.",
        "Mail that comes straight from its sender has no ARC chain, and needs none.",
        "Nobody has to act.",
        "RFC 8617 §5.2 step 1",
    ),
    "arc-pass": Words(
        "pass",
        Level.NOTE,
        "The chain of servers that sealed the mail holds: {seen}.",
        "Each of them says what it found out about the mail when it came. Whether that is true, only their good name tells: "
        "anybody can seal.",
        "Nobody has to act. Where a forwarder is trusted by name, its word may stand in for what forwarding broke.",
        "RFC 8617 §5.2 step 7, §9.4",
    ),
    "arc-chain-ended": Words(
        "fail",
        Level.WARNING,
        "{sealer} found the chain broken when the mail came there, and said so.",
        "A chain that was once broken is never continued.",
        _HARMLESS + "Else {sealer} knows what was wrong.",
        "RFC 8617 §5.2 step 2, §5.1.3",
    ),
    "arc-too-many-sets": Words(
        "fail",
        Level.WARNING,
        "The mail has more than 50 sets of ARC fields.",
        "A mail never passes so many servers. Perhaps it went round in a loop.",
        "Whoever runs the last server before yours looks for a loop of forwards.",
        "RFC 8617 §4.2.1, §5.2 step 1",
    ),
    "arc-header-too-large": Words(
        "fail",
        Level.WARNING,
        "The ARC fields of the mail have more octets than are read: {seen}.",
        "Each seal covers all fields before it, so a limit protects the receiver.",
        "Nobody has to act: genuine chains have a few thousand octets.",
        "RFC 8617 §9.1",
    ),
    "arc-instance-malformed": Words(
        "fail",
        Level.WARNING,
        "It cannot be read to which set the field {field} belongs.",
        "Each ARC field names its set by i=, a number from 1 to 50; in ARC-Authentication-Results it stands first.",
        _SEALER,
        "RFC 8617 §4.2.1, §4.1.1",
    ),
    "arc-field-missing": Words(
        "fail",
        Level.WARNING,
        "Set {at} of the chain has no field {field}.",
        "Each set has three fields, and the sets are numbered without a gap. Some server on the way removed a field, or never "
        "wrote it.",
        "Whoever runs the servers on the way leaves ARC fields as they are. Gateways that remove fields are a usual cause.",
        "RFC 8617 §5.2 step 3",
    ),
    "arc-field-repeated": Words(
        "fail",
        Level.WARNING,
        "Set {at} of the chain has the field {field} twice.",
        "Each set has each of its three fields once. Perhaps two servers gave their sets the same number.",
        _SEALER,
        "RFC 8617 §5.2 step 3",
    ),
    "arc-status-wrong": Words(
        "fail",
        Level.WARNING,
        "The seal of set {at} says {seen}, which cannot be.",
        "The first seal says cv=none, as there was no chain before it; each later one says cv=pass.",
        _SEALER,
        "RFC 8617 §5.2 step 3",
    ),
    "arc-seal-malformed": Words(
        "fail",
        Level.WARNING,
        "The ARC-Seal of set {at} cannot be read.",
        _VOID,
        _SEALER,
        "RFC 8617 §4.1.3",
    ),
    "arc-seal-fields": Words(
        "fail",
        Level.WARNING,
        "The ARC-Seal of set {at} has an h=, which a seal must not have.",
        "What a seal covers is fixed: all ARC fields up to its own. With h= it could claim to cover something else.",
        _SEALER,
        "RFC 8617 §4.1.3",
    ),
    "arc-seal-broken": Words(
        "fail",
        Level.ERROR,
        "The seal of set {at}, of {sealer}, does not hold.",
        "An ARC field up to that set was changed after it was sealed, or the seal was made with another key than the one that is "
        "published.",
        "Be careful with what the chain says. If it is genuine, whoever runs the server after {sealer} finds out what changes "
        "header fields there.",
        "RFC 8617 §5.2 step 6",
    ),
    "arc-signature-malformed": Words(
        "fail",
        Level.WARNING,
        "The ARC-Message-Signature of set {at} cannot be read.",
        _VOID,
        _SEALER,
        "RFC 8617 §4.1.2",
    ),
    "arc-signature-covers-seal": Words(
        "fail",
        Level.WARNING,
        "The ARC-Message-Signature of set {at} covers ARC-Seal fields, which it must not.",
        "Seals are made after it and cover it: neither could be checked before the other.",
        _SEALER,
        "RFC 8617 §4.1.2",
    ),
    "arc-message-changed": Words(
        "fail",
        Level.ERROR,
        "The mail is not as {sealer} passed it on: {seen}.",
        "A server after {sealer} changed the mail and did not seal it anew.",
        "Whoever runs the servers between {sealer} and yours lets mail through unchanged, or seals it.",
        "RFC 8617 §5.2 step 4",
    ),
    "arc-signature-expired": Words(
        "fail",
        Level.WARNING,
        "The ARC-Message-Signature of {sealer} is not valid at this time: {seen}.",
        "The mail was long on its way, was sent again by somebody, or a clock is wrong.",
        "Whoever runs the mail server of {sealer} leaves x= out and checks its clock.",
        "RFC 6376 §3.5 t=, x=",
    ),
    "arc-key-unanswered": Words(
        "fail",
        Level.WARNING,
        "A key of the chain could not be asked for: the DNS of {sealer} did not answer.",
        "Without the key nobody can say whether the chain holds. ARC counts that as failed; of a later mail it may be known.",
        _HARMLESS + "If it lasts, whoever runs the DNS of {sealer} mends it.",
        "RFC 8617 §5.2.1",
    ),
    "arc-key-unusable": Words(
        "fail",
        Level.WARNING,
        "There is no key by which the {field} of set {at}, of {sealer}, can be checked.",
        "It was never published, is taken away, or breaks a rule.",
        "Whoever runs the DNS of {sealer} publishes the key of its mail server.",
        "RFC 8617 §5.2, RFC 6376 §6.1.2",
    ),
}


def explained(code: str, *, seen: str, field: str, at: int, sealer: str, evidence: tuple[str, ...]) -> Finding:
    """The finding of a verdict."""
    words = WORDS[code]
    filled = {"seen": seen, "field": field, "at": at, "sealer": sealer or "the server that sealed"}
    what, why, do = [text.format_map(filled) for text in (words.what, words.why, words.do)]
    return Finding(code, words.level, what, why, do, evidence, words.reference)
