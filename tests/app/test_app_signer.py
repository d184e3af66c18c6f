"""The signer threads: results come back to whom they belong, and nothing is lost on the way."""

import asyncio
import threading
from collections.abc import Iterator

import pytest

from mailwright.app.signer import Signers
from mailwright.auth import DkimKey, make_key, public_record, read_mail, sign_headers
from tests.auth import naive_dkim


async def test_every_call_gets_its_own_result() -> None:
    signers = Signers(3)
    futures = [signers(lambda n=n: n * n) for n in range(5_000)]  # type: ignore[misc]
    assert await asyncio.gather(*futures) == [n * n for n in range(5_000)]
    await signers.close()


async def test_a_fault_reaches_who_asked_and_the_thread_goes_on() -> None:
    signers = Signers(1)

    def broken() -> int:
        raise ValueError("no key")

    with pytest.raises(ValueError, match="no key"):
        await signers(broken)
    assert await signers(lambda: 1) == 1
    await signers.close()


async def test_work_is_done_beside_the_loop_and_side_by_side() -> None:
    signers, meet = Signers(2), threading.Barrier(2, timeout=20)
    here = threading.get_ident()

    def together() -> int:
        meet.wait()  # passes only where two threads are in it at once
        return threading.get_ident()

    first, second = await asyncio.gather(signers(together), signers(together))
    assert len({first, second, here}) == 3
    await signers.close()


async def test_what_was_cancelled_in_time_is_not_begun() -> None:
    signers, gate, begun = Signers(1), threading.Event(), []
    first = signers(gate.wait)
    second = signers(lambda: begun.append("second"))
    second.cancel()
    gate.set()
    assert await first
    await signers.close()
    assert begun == []


async def test_close_waits_for_what_was_asked() -> None:
    signers = Signers(2)
    futures = [signers(lambda n=n: n) for n in range(100)]  # type: ignore[misc]
    await signers.close()
    assert await asyncio.gather(*futures) == list(range(100))


async def test_a_large_mail_is_read_and_signed_off_the_loop() -> None:
    signers, key = Signers(1), make_key("example.com", "s1", "ed25519-sha256")
    head, line = b"From: a@example.com\r\n\r\n", b"Part of a large attachment.\r\n"
    readers: set[int] = set()

    def content() -> Iterator[bytes]:
        yield head
        for _ in range(100):
            readers.add(threading.get_ident())
            yield line * 1000

    field = await signers(lambda: signed(content(), key))
    assert naive_dkim.verifies(field + head + line * 100_000, public_record(key))
    assert threading.get_ident() not in readers
    await signers.close()


def signed(content: Iterator[bytes], key: DkimKey) -> bytes:
    """As the worker signs."""
    head, body_hash = read_mail(content)
    return sign_headers(head, body_hash, key, 1_760_000_000)
