"""What is wrong with a DMARC record, in words for its owner."""

from mailwright.values.finding import Finding, error, note, warning

MAX_SHOWN = 200  # characters of a value that a sentence repeats
_SAMPLE = "v=DMARC1; p=none; rua=mailto:dmarc@example.com"
_DEFAULTS = {"adkim": "r", "aspf": "r", "psd": "u", "t": "n", "fo": "0"}  # RFC 9989 §4.7


def found(kind: str, tag: str, value: str, record: str, has_reports: bool) -> Finding:
    """One flaw as a finding; `has_reports` tells whether the record has a place where reports may go."""
    shown = value if len(value) <= MAX_SHOWN else value[:MAX_SHOWN] + "..."
    match kind:
        case "policy":
            return policy(tag, shown, record, has_reports)
        case "invalid":
            return _invalid(tag, shown, record)
        case "unknown":
            return _unknown(tag, record)
        case "outdated":
            return _outdated(tag, record)
        case "repeated":
            return _repeated(tag, record)
        case "address":
            return _address(tag, shown, record)
        case "size":
            return _size(tag, shown, record)
        case _:
            return _malformed(shown, record)


def policy(tag: str, value: str, record: str, has_reports: bool) -> Finding:
    """The record's policy cannot be read, so the whole record says less than its owner thinks."""
    what = f"The DMARC record has no valid {tag}: {value!r} is not known." if value else f"The DMARC record has no valid {tag}."
    return error(
        "dmarc-policy-unreadable",
        what,
        why="Receivers act as if it said p=none." if has_reports else "Receivers act as if there were no DMARC record at all.",
        do=f"The owner of the domain writes {tag}=none, {tag}=quarantine or {tag}=reject into it.",
        evidence=(record,),
        reference="RFC 9989 §4.10.1",
    )


def _invalid(tag: str, value: str, record: str) -> Finding:
    return warning(
        "dmarc-tag-invalid",
        f"The tag {tag} of the DMARC record has a value that is not known: {value!r}.",
        why=f"Receivers pass over it and take the default, {tag}={_DEFAULTS.get(tag, '')}.",
        do="The owner of the domain corrects the value, or removes the tag.",
        evidence=(record,),
        reference="RFC 9989 §4.7",
    )


def _unknown(tag: str, record: str) -> Finding:
    return warning(
        "dmarc-tag-unknown",
        f"The DMARC record has a tag that is not known: {tag[:40]}.",
        why="Receivers pass over it. If it was meant as another tag, that one is missing; tag names are in lower case.",
        do="The owner of the domain corrects the spelling, or removes the tag.",
        evidence=(record,),
        reference="RFC 9989 §4.7",
    )


def _outdated(tag: str, record: str) -> Finding:
    instead = " To test a policy, write t=y in its place: failing mail is then treated one step milder." if tag == "pct" else ""
    return note(
        "dmarc-tag-outdated",
        f"The DMARC record has the tag {tag}, which RFC 9989 took out.",
        why="Receivers of today pass over it; older ones may still obey it, so that mail is not treated the same everywhere.",
        do=f"The owner of the domain removes the tag.{instead}",
        evidence=(record,),
        reference="RFC 9989 A.6",
    )


def _repeated(tag: str, record: str) -> Finding:
    return warning(
        "dmarc-tag-repeated",
        f"The tag {tag} is in the DMARC record more than once.",
        why="Nobody can tell which of them counts: some receivers take the first, some the last, some none.",
        do="The owner of the domain leaves one of them.",
        evidence=(record,),
        reference="RFC 6376 §3.2",
    )


def _address(tag: str, value: str, record: str) -> Finding:
    return warning(
        "dmarc-report-address",
        f"The tag {tag} of the DMARC record names an address that reports cannot go to: {value!r}.",
        why="No reports come to it. Reports go by mail, to addresses of the form mailto:name@example.com, parted by commas.",
        do="The owner of the domain writes it in that form.",
        evidence=(record,),
        reference="RFC 9989 §4.6",
    )


def _size(tag: str, value: str, record: str) -> Finding:
    return note(
        "dmarc-report-size",
        f"An address in the tag {tag} of the DMARC record has a size limit behind it: {value!r}.",
        why="RFC 9989 took the limit out; some senders of reports stumble over it.",
        do="The owner of the domain removes the exclamation mark and what follows it, up to the next comma.",
        evidence=(record,),
        reference="RFC 9989 §4.8",
    )


def _malformed(value: str, record: str) -> Finding:
    return warning(
        "dmarc-tag-malformed",
        f"The DMARC record has a piece that is no tag: {value!r}.",
        why="Receivers pass over it. Often a semicolon is missing or stands in the wrong place.",
        do=f"The owner of the domain writes the record as tags parted by semicolons, such as {_SAMPLE}.",
        evidence=(record,),
        reference="RFC 9989 §4.8",
    )
