"""Certificates and TLS contexts of our own listeners."""

import os
import ssl
from datetime import datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from mailwright.values import Unavailable

LIFETIME = timedelta(days=3650)  # for local use only; nobody renews it
_LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")


def server_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """A context for a listener, TLS 1.2 or newer (RFC 8996, RFC 8997). Raises Unavailable where the files do not serve."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as fault:
        raise Unavailable(
            f"The certificate {certificate} with the key {key} cannot be used.",
            "Check that both files are there, are PEM, belong together and may be read by this user.",
        ) from fault
    return context


def make_self_signed(hostname: str, directory: Path, *, now: datetime) -> tuple[Path, Path]:
    """A certificate for local use and its key (EC P-256), made once: paths of both. `now` has a zone; the key is 0600."""
    certificate, key = directory / "self-signed.crt", directory / "self-signed.key"
    if certificate.exists() and key.exists():
        return certificate, key
    private = ec.generate_private_key(ec.SECP256R1())
    signed = _certificate(hostname, private, now)
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    _write(
        key,
        private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
    )
    _write(certificate, signed.public_bytes(serialization.Encoding.PEM))
    return certificate, key


def _certificate(hostname: str, private: ec.EllipticCurvePrivateKey, now: datetime) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hostname[:64])])  # RFC 5280 appendix A: ub-common-name
    names = dict.fromkeys((hostname, *_LOCAL_NAMES))
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + LIFETIME)
        .add_extension(x509.SubjectAlternativeName([_general_name(text) for text in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(private, hashes.SHA256())
    )


def _general_name(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def _write(path: Path, content: bytes) -> None:
    """Written aside and moved into place: never readable by others, never half there."""
    aside = path.with_suffix(path.suffix + ".new")
    aside.unlink(missing_ok=True)
    with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
    aside.replace(path)
