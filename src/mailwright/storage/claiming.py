"""READY -> LEASED: the best priority that a site has, its accounts in turn, at most a share for each."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice

from sqlalchemy import Connection, ScalarSelect, func, literal, select, union_all, update

from mailwright.queue import Job, State
from mailwright.storage.rows import JOB, job, padded
from mailwright.storage.schema import body, delivery, message, one_of

ACCOUNTS = 16  # that take part in one round
SMALL = 256 * 1024  # octets: up to here a mail comes with its content
_END = (1 << 63) - 1
_READY = one_of((State.READY,))


def claim(
    connection: Connection, site: str, *, worker: int, limit: int, top_only: bool, turn: int, skip: frozenset[int]
) -> list[Job]:
    """Lease up to `limit` deliveries of one priority, in the order in which they were taken."""
    for priority in _priorities(connection, site, top_only=top_only):
        taken = _take_turns(connection, site, priority, worker=worker, limit=limit, turn=turn, skip=skip)
        if taken:
            return _jobs(connection, taken)
    return []


def _priorities(connection: Connection, site: str, *, top_only: bool) -> Iterator[int]:
    """Priorities with work at the site, the best first; nearly always the first one is enough."""
    best = -1
    while True:
        least = select(func.min(delivery.c.priority)).where(_READY, delivery.c.site == site, delivery.c.priority > best)
        found = connection.execute(least).scalar_one()
        if found is None or (top_only and found > 0):
            return
        best = found
        yield best


def _take_turns(
    connection: Connection, site: str, priority: int, *, worker: int, limit: int, turn: int, skip: frozenset[int]
) -> list[int]:
    """Ids taken in rounds: every account of a round gives its share; who had more than that stays for the next round."""
    accounts = (one for one in _accounts(connection, site, priority, turn) if one not in skip)
    taken: list[int] = []
    turns: list[int] = []
    while len(taken) < limit:
        left = limit - len(taken)
        turns += islice(accounts, max(0, min(ACCOUNTS, left) - len(turns)))
        if not turns:
            break
        turns = turns[:left]
        share = left // len(turns)
        gave = _take(connection, site, priority, turns, share=share, worker=worker)
        taken += [number for number, _ in gave]
        counts = Counter(account for _, account in gave)
        turns = [account for account in turns if counts[account] == share]
    return taken


def _accounts(connection: Connection, site: str, priority: int, turn: int) -> Iterator[int]:
    """Accounts with work of that priority: those after `turn`, then the others up to it."""
    for after, last in ((turn, _END), (-1, turn)):
        page = _page(connection, site, priority, after, last)
        while page:
            yield from page
            page = _page(connection, site, priority, page[-1], last) if len(page) == ACCOUNTS else []


def _page(connection: Connection, site: str, priority: int, after: int, last: int) -> list[int]:
    """The next accounts: one look into the index for each, however many rows an account has."""

    def least(above: object) -> ScalarSelect[int]:
        of = select(func.min(delivery.c.account)).where(_READY, delivery.c.site == site, delivery.c.priority == priority)
        return of.where(delivery.c.account > above, delivery.c.account <= last).scalar_subquery()

    first = select(least(after).label("account"), literal(1).label("n")).cte("turn", recursive=True)
    following = select(least(first.c.account), first.c.n + 1).where(first.c.account.is_not(None), first.c.n < ACCOUNTS)
    turns = first.union_all(following)
    return sorted(connection.execute(select(turns.c.account).where(turns.c.account.is_not(None))).scalars())


def _take(
    connection: Connection, site: str, priority: int, accounts: Sequence[int], *, share: int, worker: int
) -> list[tuple[int, int]]:
    """Lease the oldest rows of each account; (delivery, account) by turns. Rows that another claims are skipped."""
    picks = [
        select(delivery.c.id)
        .where(_READY, delivery.c.site == site, delivery.c.priority == priority, delivery.c.account == account)
        .where(delivery.c.id > 0)  # always true: without it SQLite sorts, once somebody has run ANALYZE
        .order_by(delivery.c.id)
        .limit(share)
        .with_for_update(skip_locked=True)
        .subquery()
        for account in accounts
    ]
    picked = union_all(*(select(pick.c.id) for pick in picks)).cte("picked")  # a CTE runs once: a sub-query might run again
    leased = update(delivery).where(delivery.c.id.in_(select(picked.c.id))).values(state=int(State.LEASED), lease=worker)
    place = {account: n for n, account in enumerate(accounts)}
    rows = [(row.id, row.account) for row in connection.execute(leased.returning(delivery.c.id, delivery.c.account))]
    return sorted(rows, key=lambda row: (place[row[1]], row[0]))


def _jobs(connection: Connection, numbers: Sequence[int]) -> list[Job]:
    """The jobs of leased deliveries in that order; small mails come with their content."""
    of = select(*JOB).join(message, message.c.id == delivery.c.message).where(delivery.c.id.in_(padded(numbers)))
    found = {row[0]: row for row in connection.execute(of)}
    jobs = [job(found[number]) for number in numbers if number in found]
    content = _contents(connection, sorted({one.message for one in jobs if one.size <= SMALL}))
    for one in jobs:
        one.content = content.get(one.message)
    return jobs


def _contents(connection: Connection, messages: Sequence[int]) -> dict[int, bytes]:
    """Whole mails by message; several deliveries share one object."""
    parts: dict[int, list[bytes]] = {}
    of = select(body.c.message, body.c.bytes).where(body.c.message.in_(padded(messages))).order_by(body.c.message, body.c.seq)
    for number, part in connection.execute(of):
        parts.setdefault(number, []).append(part)
    return {number: rows[0] if len(rows) == 1 else b"".join(rows) for number, rows in parts.items()}
