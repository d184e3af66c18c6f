"""The disk with the database is full: the client hears it in words of its own, and hands in again once there is room.

Here the writer's own connection finds no room: it writes mail with an idempotency key, and what is put away while it arrives.
That the process that writes all other groups finds none is shown with a disk that fails, in tests/crash.
"""

from contextlib import closing

import pytest

from tests.e2e.conftest import Serve
from tests.e2e.raw import logged_in, raw
from tests.e2e.served import Served, letter, taken

FULL = "452 4.3.1 The disk of this mail server is full; nothing was lost, try again later"
SIZES = [
    pytest.param(300, id="kept in one piece"),
    pytest.param(30_000, id="put away while it arrives"),
]


def fill(served: Served) -> None:
    """SQLite finds no room for another page, as long as this connection of the writer lasts: until the first fault."""
    with closing(served.house.storage._engines.write.raw_connection()) as connection:
        connection.cursor().execute("PRAGMA max_page_count = 1").close()


@pytest.mark.parametrize("lines", SIZES)
async def test_a_full_disk_is_told_and_does_not_last(serve: Serve, lines: int) -> None:
    served = await serve(delivery="capture")
    customer = await served.customer()
    body = "All is well, and this is a line of some length.\r\n" * lines
    mail = letter(customer.writes(), "bob@remote.example", body=body, X_Mailwright_Idempotency_Key="full")
    async with raw(served) as client:
        await logged_in(served, customer.key, client)
        fill(served)
        assert await client.hand_in(mail, "bob@remote.example", mail_from=customer.writes()) == FULL
        assert await served.messages() == []
        again = taken(await client.hand_in(mail, "bob@remote.example", mail_from=customer.writes()))
    assert await served.messages() == [again]
    assert (await served.kept(again)).endswith(mail[-1000:])
