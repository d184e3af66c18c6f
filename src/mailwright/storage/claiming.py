"""READY -> LEASED: the best priority that a site has, its accounts in turn, at most a share for each.

The questions are texts: as expressions they took 5 ms of a claim to build, more than the databases take to answer.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import islice

from sqlalchemy import Connection, TextClause, text

from mailwright.queue import Job
from mailwright.storage.many import select_listed
from mailwright.storage.rows import JOB_QUERY, job

ACCOUNTS = 16  # that take part in one round; _PAGE has the same number
SMALL = 256 * 1024  # octets: up to here a mail comes with its content
_END = (1 << 63) - 1

_BEST = text("SELECT min(priority) FROM delivery WHERE state = 0 AND site = :site AND priority > :best")
# One look into the index for each account, however many rows it has.
_PAGE = text("""WITH RECURSIVE turn(account, n) AS (
SELECT (SELECT min(account) FROM delivery
  WHERE state = 0 AND site = :site AND priority = :priority AND account > :after AND account <= :last), 1
UNION ALL
SELECT (SELECT min(delivery.account) FROM delivery
  WHERE state = 0 AND site = :site AND priority = :priority AND delivery.account > turn.account AND delivery.account <= :last),
  n + 1 FROM turn WHERE turn.account IS NOT NULL AND n < 16)
SELECT account FROM turn WHERE account IS NOT NULL""")
# `id > 0` is always true: without it SQLite sorts, once somebody has run ANALYZE.
_OLDEST = """SELECT id FROM delivery WHERE state = 0 AND site = :site AND priority = :priority AND account = {account} AND id > 0
ORDER BY id LIMIT :share"""
# `picked` runs once, where a sub-query might run again and take more.
_TAKE = """WITH picked AS ({picks})
UPDATE delivery SET state = 3, lease = :worker WHERE id IN (SELECT id FROM picked) RETURNING id, account"""
_TAKE_POSTGRESQL = text(
    _TAKE.format(
        picks=f"""SELECT oldest.id FROM unnest(CAST(:accounts AS bigint[])) AS turn(account)
CROSS JOIN LATERAL ({_OLDEST.format(account="turn.account")} FOR UPDATE SKIP LOCKED) AS oldest"""  # noqa: S608 - our own text
    )
)
_BODIES = "SELECT message, seq, bytes FROM body WHERE message {listed}"


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
        found = connection.execute(_BEST, {"site": site, "best": best}).scalar_one()
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
        page = _page(connection, site, priority, after, last) if after < last else []
        while page:
            yield from page
            page = _page(connection, site, priority, page[-1], last) if len(page) == ACCOUNTS else []


def _page(connection: Connection, site: str, priority: int, after: int, last: int) -> list[int]:
    return sorted(connection.execute(_PAGE, {"site": site, "priority": priority, "after": after, "last": last}).scalars())


def _take(
    connection: Connection, site: str, priority: int, accounts: Sequence[int], *, share: int, worker: int
) -> list[tuple[int, int]]:
    """Lease the oldest rows of each account; (delivery, account) by turns. Rows that another claims are skipped."""
    asked = {"site": site, "priority": priority, "share": share, "worker": worker}
    if connection.dialect.name == "postgresql":
        rows = connection.execute(_TAKE_POSTGRESQL, asked | {"accounts": list(accounts)})
    else:
        rows = connection.execute(_take_sqlite(len(accounts)), asked | {f"account{n}": one for n, one in enumerate(accounts)})
    place = {account: n for n, account in enumerate(accounts)}
    return sorted(((row[0], row[1]) for row in rows.all()), key=lambda row: (place[row[1]], row[0]))


@lru_cache(maxsize=ACCOUNTS)
def _take_sqlite(accounts: int) -> TextClause:
    picks = (f"SELECT id FROM ({_OLDEST.format(account=f':account{n}')})" for n in range(accounts))  # noqa: S608 - our own text
    return text(_TAKE.format(picks=" UNION ALL ".join(picks)))


def _jobs(connection: Connection, numbers: Sequence[int]) -> list[Job]:
    """The jobs of leased deliveries in that order; small mails come with their content."""
    found = {row[0]: row for row in select_listed(connection, JOB_QUERY + " WHERE delivery.id {listed}", numbers)}
    jobs = [job(found[number]) for number in numbers if number in found]
    content = _contents(connection, sorted({one.message for one in jobs if one.size <= SMALL}))
    for one in jobs:
        one.content = content.get(one.message)
    return jobs


def _contents(connection: Connection, messages: Sequence[int]) -> dict[int, bytes]:
    """Whole mails by message; several deliveries share one object."""
    parts: dict[int, list[bytes]] = {}
    for number, _, part in sorted(select_listed(connection, _BODIES, messages)):
        parts.setdefault(number, []).append(part)
    return {number: rows[0] if len(rows) == 1 else b"".join(rows) for number, rows in parts.items()}
