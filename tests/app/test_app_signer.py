"""The signing processes: every request gets its own fields, faults reach who asked, and a signer that dies comes back."""

import asyncio
import os
import resource
import signal
from collections.abc import AsyncIterator, Sequence

import pytest

from mailwright.app.signer import RESTART_SECONDS, Signers, SigningKey
from mailwright.auth import DkimKey, hash_body, make_key, public_record
from mailwright.flows.deliver import CannotSign, Signature
from tests.auth import naive_dkim

RSA = make_key("example.com", "s1")
ED25519 = make_key("example.com", "s2", "ed25519-sha256")
NOW = 1_700_000_000


def handed(number: int, key: DkimKey) -> SigningKey:
    return SigningKey(number, key.domain.name, key.selector, key.secret())


def joined(fields: Sequence[bytes]) -> Signature:
    return Signature(b"".join(fields))


def mail(number: int) -> bytes:
    return b"From: a@example.com\r\nSubject: %d\r\n\r\nHello %d\r\n" % (number, number)


@pytest.fixture
async def signers() -> AsyncIterator[Signers]:
    made = Signers(2)
    await made.start()
    yield made
    await made.close()


async def test_every_mail_gets_its_own_signature(signers: Signers) -> None:
    futures = [signers.sign_whole([handed(1, RSA)], mail(n), NOW, joined) for n in range(200)]
    for n, signature in enumerate(await asyncio.gather(*futures)):
        assert naive_dkim.verifies(signature.field + mail(n), public_record(RSA))


async def test_one_field_for_each_key_in_their_order(signers: Signers) -> None:
    signature = await signers.sign_whole(
        [handed(1, RSA), handed(2, ED25519)], mail(1), NOW, lambda f: Signature(parts=((1, f[0]), (2, f[1])))
    )
    (_, first), (_, second) = signature.parts
    assert b"a=rsa-sha256" in first
    assert b"a=ed25519-sha256" in second
    assert naive_dkim.verifies(second + mail(1), public_record(ED25519))


async def test_a_mail_that_was_hashed_before(signers: Signers) -> None:
    head, body = b"From: a@example.com\r\n", b"Part of a large attachment.\r\n" * 100_000
    signature = await signers.sign_hashed([handed(2, ED25519)], head, hash_body((body,)), NOW, joined)
    assert naive_dkim.verifies(signature.field + head + b"\r\n" + body, public_record(ED25519))


@pytest.mark.parametrize(
    ("content", "secret", "because"),
    [
        (b"Subject: nobody wrote this\r\n\r\n", RSA.secret(), "a mail without From is not signed"),
        (mail(1), b"no key", "a key that cannot be read signs nothing"),
    ],
)
async def test_what_cannot_be_signed_is_told(signers: Signers, content: bytes, secret: bytes, because: str) -> None:
    with pytest.raises(CannotSign):
        await signers.sign_whole([SigningKey(7, "example.com", "s1", secret)], content, NOW, joined)
    assert (await signers.sign_whole([handed(1, RSA)], mail(1), NOW, joined)).field, because


async def test_a_signer_that_is_killed_comes_back_and_learns_its_keys_anew() -> None:
    signers = Signers(1)
    await signers.start()
    assert (await signers.sign_whole([handed(1, RSA)], mail(1), NOW, joined)).field
    os.kill(signers.processes[0], signal.SIGSTOP)  # so that it cannot answer any more before it is killed
    asked = signers.sign_whole([handed(1, RSA)], mail(2), NOW, joined)
    os.kill(signers.processes[0], signal.SIGKILL)
    with pytest.raises(CannotSign):
        await asked
    async with asyncio.timeout(20):
        await signers.up()
    signature = await signers.sign_whole([handed(1, RSA)], mail(3), NOW, joined)
    assert naive_dkim.verifies(signature.field + mail(3), public_record(RSA))
    await signers.close()


async def test_a_signer_that_hangs_is_replaced_and_whoever_waits_for_it_is_told() -> None:
    signers = Signers(1, silent=4)  # more than its start takes
    await signers.start()
    assert (await signers.sign_whole([handed(1, RSA)], mail(1), NOW, joined)).field
    (hung,) = signers.processes
    os.kill(hung, signal.SIGSTOP)
    async with asyncio.timeout(20):
        with pytest.raises(CannotSign):
            await signers.sign_whole([handed(1, RSA)], mail(2), NOW, joined)
        await signers.up()
    assert signers.processes != [hung]
    await signers.close()


async def test_a_signer_that_cannot_be_started_anew_is_started_later() -> None:
    """There are no files left just then."""
    signers = Signers(1)
    await signers.start()
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, before[1]))
    try:
        os.kill(signers.processes[0], signal.SIGKILL)
        await asyncio.sleep(RESTART_SECONDS + 0.5)
        assert signers.processes == []
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    async with asyncio.timeout(20):
        await signers.up()
    assert (await signers.sign_whole([handed(1, RSA)], mail(1), NOW, joined)).field
    await signers.close()


def test_a_key_shows_no_secret() -> None:
    assert "secret" not in repr(handed(1, RSA))
