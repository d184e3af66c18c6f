"""The outside suites of DKIM: faulty and odd signatures by an independent signer, and the mail of RFC 8463 A.3."""

import pytest

from mailwright.auth import verify_dkim
from tests.auth.dkim_suite import Vector, mail_of_rfc_8463, vectors

VECTORS = list(vectors())
RFC8463 = mail_of_rfc_8463()


@pytest.mark.skipif(not VECTORS, reason="the fault vectors are not here: ../shared/suites/dkim")
def test_the_suite_is_whole() -> None:
    assert len(VECTORS) >= 28


@pytest.mark.parametrize("case", VECTORS, ids=[case.name for case in VECTORS])
def test_fault_vectors(case: Vector) -> None:
    (verdict,) = case.zone.run(verify_dkim(case.mail))
    assert verdict.result in case.results, f"{verdict} (RFC {case.rfc})"
    assert verdict.reason.what


@pytest.mark.skipif(RFC8463 is None, reason="the mail of RFC 8463 A.3 is not here: ../shared/suites/dkim/rfc8463")
def test_the_mail_of_rfc_8463() -> None:
    assert RFC8463 is not None
    mail, zone = RFC8463
    verdicts = zone.run(verify_dkim(mail, now=1528637909))
    assert [(verdict.result, verdict.algorithm) for verdict in verdicts] == [("pass", "ed25519-sha256"), ("pass", "rsa-sha256")]
