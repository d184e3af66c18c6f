"""Keys: made, read, kept and published; nothing shows the private half."""

import base64
import dataclasses
import shutil
import subprocess
from collections.abc import Callable
from functools import cache

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st

from mailwright.auth import Algorithm, DkimKey, DkimRecord, make_key, open_key, public_record, read_key, read_record, sign_dkim
from mailwright.auth.dkim.keys import MIN_RSA_BITS
from mailwright.values import Domain, Malformed
from tests.auth import naive_dkim

MAIL = b"From: a@example.com\r\n\r\nHello\r\n"


@cache
def an_rsa_key(bits: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, bits)


def pem(private: rsa.RSAPrivateKey, form: PrivateFormat = PrivateFormat.PKCS8) -> bytes:
    return private.private_bytes(Encoding.PEM, form, NoEncryption())


def signs(key: DkimKey, record: str) -> bool:
    return naive_dkim.verifies(sign_dkim(MAIL, key) + MAIL, record)


@pytest.mark.parametrize("algorithm", list(Algorithm))
def test_a_new_key_is_kept_opened_and_published(algorithm: Algorithm) -> None:
    key = make_key("example.com", "s1", algorithm)
    again = open_key(key.domain, key.selector, key.secret())
    assert (again.algorithm, again.dns_name) == (algorithm, "s1._domainkey.example.com")
    assert public_record(again) == public_record(key)
    assert signs(again, public_record(key))


def test_a_new_rsa_key_has_2048_bits() -> None:
    private = make_key(Domain.parse("example.com"), "s1").private
    assert isinstance(private, rsa.RSAPrivateKey)
    assert private.key_size == 2048
    assert private.public_key().public_numbers().e == 65537


@pytest.mark.parametrize("form", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL], ids=["PKCS#8", "PKCS#1"])
def test_pem_is_read(form: PrivateFormat) -> None:
    text = pem(an_rsa_key(2048), form)
    key = read_key("example.com", "s1", text)
    assert signs(key, public_record(key))
    assert public_record(read_key("example.com", "s1", "Key of October:\n\n" + text.decode())) == public_record(key)


def test_an_ed25519_seed_and_its_pem_are_one_key() -> None:
    key = make_key("example.com", "s1", "ed25519-sha256")
    seed = base64.b64encode(key.private.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption()))
    text = key.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    assert public_record(read_key("example.com", "s1", seed + b"\n")) == public_record(key)
    assert public_record(read_key("example.com", "s1", text)) == public_record(key)


def an_ec_key() -> bytes:
    return ec.generate_private_key(ec.SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def with_password() -> bytes:
    return an_rsa_key(2048).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x"))


X448 = (
    b"-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VvBCIEIPmgHqJbmBJ4bYoY266oE06ua3i8jkGq8thAd7tip4sA\n-----END PRIVATE KEY-----\n"
)
REFUSED = [  # text, says, because
    (lambda: pem(an_rsa_key(1024)), "1024 bits", "new signatures take 2048 bits (RFC 8301 §3.2 SHOULD)"),
    (with_password, "has a password", "nobody is there to type it"),
    (an_ec_key, "another kind", "DKIM knows no such algorithm"),
    (lambda: pem(an_rsa_key(2048))[:600], "cannot|not a private key", "a PEM cut short"),
    (lambda: b"-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n", "not a private key", "PEM of nothing"),
    (lambda: X448, "not a private key", "a key of another kind, too short: OpenSSL gives no reason"),
    (lambda: b"AAAA", "not a private key", "base64, but not of 32 octets"),
    (lambda: b"\xff\xfe", "base64", "no text"),
    (lambda: b"", "not a private key", "nothing"),
]


@pytest.mark.parametrize("text, says, because", REFUSED, ids=[row[2] for row in REFUSED])
def test_what_is_no_good_key_is_refused_with_a_remedy(text: Callable[[], bytes], says: str, because: str) -> None:
    with pytest.raises(Malformed, match=says) as told:
        read_key("example.com", "s1", text())
    assert told.value.remedy


def test_an_old_key_of_1024_bits_is_read_where_that_is_asked_for_and_never_a_shorter_one() -> None:
    assert read_key("example.com", "s1", pem(an_rsa_key(1024)), least_bits=MIN_RSA_BITS).algorithm is Algorithm.RSA
    with pytest.raises(Malformed, match="1024 bits"):
        read_key("example.com", "s1", pem(an_rsa_key(1024)), least_bits=1025)


def test_a_key_below_1024_bits_is_never_read() -> None:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl, which alone still makes such keys, is not installed: apt-get install openssl")
    made = subprocess.run([openssl, "genrsa", "768"], capture_output=True, check=True, timeout=20)
    with pytest.raises(Malformed):
        read_key("example.com", "s1", made.stdout, least_bits=0)


@given(st.binary(max_size=200))
def test_any_octets_are_a_key_or_malformed(octets: bytes) -> None:
    readers: list[Callable[[str, str, bytes], DkimKey]] = [read_key, open_key]
    for reads in readers:
        try:
            reads("example.com", "s1", octets)
        except Malformed:
            continue


@pytest.mark.parametrize("selector", ["", "-a", "a b", "a;d=evil.example", "a\r\nX: y", "a..b", "s_1", "a" * 64])
def test_a_selector_that_could_break_the_field_is_refused(selector: str) -> None:
    with pytest.raises(Malformed, match="selector"):
        make_key("example.com", selector, "ed25519-sha256")


@pytest.mark.parametrize("domain", ["", "a b", "example.com; s=x", "example.com\r\n", "[192.0.2.1]"])
def test_a_domain_that_could_break_the_field_is_refused(domain: str) -> None:
    with pytest.raises(Malformed):
        make_key(domain, "s1", "ed25519-sha256")


def test_an_unknown_algorithm_is_refused() -> None:
    with pytest.raises(Malformed, match="rsa-sha1"):
        make_key("example.com", "s1", "rsa-sha1")


@pytest.mark.parametrize("algorithm", list(Algorithm))
def test_nothing_shows_the_private_half(algorithm: Algorithm) -> None:
    key = make_key("example.com", "s1", algorithm)
    assert repr(key) == str(key) == f"DkimKey(domain=Domain(name='example.com'), selector='s1', algorithm={algorithm!r})"
    with pytest.raises(dataclasses.FrozenInstanceError):
        key.selector = "s2"  # type: ignore[misc]


KEY = base64.b64encode(b"k" * 32).decode()
RECORDS = [  # text, record, because
    (f"v=DKIM1; k=rsa; p={KEY}", DkimRecord("rsa", b"k" * 32, None, frozenset("*"), frozenset()), "as we write it"),
    (f"p={KEY}", DkimRecord("rsa", b"k" * 32, None, frozenset("*"), frozenset()), "only p= is needed (§3.6.1)"),
    (f"v=DKIM1; p={KEY[:8]} {KEY[8:]};", DkimRecord("rsa", b"k" * 32, None, frozenset("*"), frozenset()), "white space in p="),
    ("v=DKIM1; p=", DkimRecord("rsa", b"", None, frozenset("*"), frozenset()), "a revoked key"),
    (
        f"v=DKIM1; h=sha1:sha256; k=ed25519; n=note; s=email : *; t=y:s; x=1; p={KEY}",
        DkimRecord("ed25519", b"k" * 32, frozenset({"sha1", "sha256"}), frozenset({"email", "*"}), frozenset("ys")),
        "every tag, and an unknown one",
    ),
]


@pytest.mark.parametrize("text, record, because", RECORDS, ids=[row[2] for row in RECORDS])
def test_a_record_is_read(text: str, record: DkimRecord, because: str) -> None:
    assert read_record(text) == record, because


@pytest.mark.parametrize(
    "text, because",
    [
        (f"v=DKIM2; p={KEY}", "another version"),
        (f"v=dkim1; p={KEY}", "the version is case-sensitive"),
        (f"p={KEY}; v=DKIM1", "v= must be first"),
        ("v=DKIM1; k=rsa", "no key"),
        (f"v=DKIM1; p={KEY[:-2]}", "base64 cut short"),
        ("v=DKIM1; p=AA-_", "base64 of another alphabet"),
        ("v=spf1 -all", "another record"),
    ],
)
def test_a_bad_record_is_refused(text: str, because: str) -> None:
    with pytest.raises(Malformed):
        read_record(text)


@given(st.text())
def test_any_text_is_a_record_or_malformed(text: str) -> None:
    try:
        read_record("p=" + text)
    except Malformed:
        return
