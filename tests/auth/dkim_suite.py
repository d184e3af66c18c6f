"""The readers of the outside suites of DKIM: faulty and odd signatures by an independent signer, and the mail of RFC 8463 A.3."""

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mailwright.dns import Zone

SUITES = Path(__file__).resolve().parents[3] / "shared" / "suites" / "dkim"
VECTORS = SUITES / "dkim-fault-vectors.json"
RFC8463 = SUITES / "rfc8463" / "001.txt"


@dataclass(frozen=True)
class Vector:
    """A mail with one signature, and which results are right."""

    name: str
    mail: bytes
    zone: Zone
    results: tuple[str, ...]
    rfc: str


def vectors() -> Iterator[Vector]:
    """All of them, none where the file is absent."""
    for case in json.loads(VECTORS.read_text("utf-8")) if VECTORS.exists() else []:
        records = {name: {"TXT": text} for name, text in case["dns"].items() if text is not None}
        zone = Zone.of(records, failing={name: "*" for name, error in case["dns_error"].items() if error != "NXDOMAIN"})
        yield Vector(case["id"], base64.b64decode(case["message_b64"]), zone, tuple(case["expect"]), case["rfc"])


def mail_of_rfc_8463() -> tuple[bytes, Zone] | None:
    """The mail with two signatures, both of which hold, and the zone with their keys; None where the file is absent."""
    if not RFC8463.exists():
        return None
    keys, _, mail = RFC8463.read_bytes().replace(b"\r\n", b"\n").partition(b"\n\n")
    records = dict(line.split(" ", 1) for line in keys.decode().split("\n"))
    return mail.replace(b"\n", b"\r\n"), Zone.of({name: {"TXT": text} for name, text in records.items()})
