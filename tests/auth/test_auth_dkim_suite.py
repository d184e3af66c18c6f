"""The outside suites of DKIM: faulty and odd signatures by an independent signer, and the mail of RFC 8463 A.3."""

import base64
import json
import pathlib
from typing import Any

import pytest

from mailwright.auth import verify_dkim
from mailwright.dns import Zone

SUITES = pathlib.Path(__file__).parents[3] / "shared/suites/dkim"
VECTORS = SUITES / "dkim-fault-vectors.json"
RFC8463 = SUITES / "rfc8463/001.txt"


def vectors() -> list[Any]:
    if VECTORS.exists():
        return [pytest.param(case, id=case["id"]) for case in json.loads(VECTORS.read_text("utf-8"))]
    return [pytest.param(None, marks=pytest.mark.skip(reason="the fault vectors are not here: ../shared/suites/dkim"))]


@pytest.mark.parametrize("case", vectors())
def test_fault_vectors(case: dict[str, Any]) -> None:
    records = {name: {"TXT": text} for name, text in case["dns"].items() if text is not None}
    zone = Zone.of(records, failing={name: "*" for name, error in case["dns_error"].items() if error != "NXDOMAIN"})
    (verdict,) = zone.run(verify_dkim(base64.b64decode(case["message_b64"])))
    assert verdict.result in case["expect"], f"{verdict} (RFC {case['rfc']})"
    assert verdict.reason.what


@pytest.mark.skipif(not RFC8463.exists(), reason="the mail of RFC 8463 A.3 is not here: ../shared/suites/dkim/rfc8463")
def test_the_mail_of_rfc_8463() -> None:
    keys, _, mail = RFC8463.read_bytes().replace(b"\r\n", b"\n").partition(b"\n\n")
    records = dict(line.split(" ", 1) for line in keys.decode().split("\n"))
    zone = Zone.of({name: {"TXT": text} for name, text in records.items()})
    verdicts = zone.run(verify_dkim(mail.replace(b"\n", b"\r\n"), now=1528637909))
    assert [(verdict.result, verdict.algorithm) for verdict in verdicts] == [("pass", "ed25519-sha256"), ("pass", "rsa-sha256")]
