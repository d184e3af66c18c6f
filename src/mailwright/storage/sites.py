"""Sites: which have work, which domains belong to them, what is known of those that failed, and how they look to people."""

from collections.abc import Sequence

from sqlalchemy import Connection, TextClause, func, select

from mailwright.ports.store import Pauses, SiteState, SiteView
from mailwright.queue import State
from mailwright.queue.life import IN_HAND, WAITING
from mailwright.storage.door import upsert
from mailwright.storage.rows import storable
from mailwright.storage.schema import delivery, one_of, pause, site, site_state
from mailwright.values.ids import made_at

COUNTED = 200_000  # rows that a view counts at most: a fifth of a second
_READY = one_of((State.READY,))


def ready_sites(connection: Connection, after: str, limit: int) -> list[str]:
    """Sites with READY rows: one look into the index for each, however many rows it has."""
    first = select(func.min(delivery.c.site).label("site")).where(_READY, delivery.c.site > after).cte("ready", recursive=True)
    following = select(func.min(delivery.c.site)).where(_READY, delivery.c.site > first.c.site).scalar_subquery()
    ready = first.union_all(select(following).where(first.c.site.is_not(None)))
    return list(connection.execute(select(ready.c.site).where(ready.c.site.is_not(None)).limit(limit)).scalars())


def learn(connection: Connection, domain: str, name: str, until: int) -> None:
    """Remember the site of a domain."""
    new = upsert(connection, site).values(domain=domain, site=name, until=until)
    connection.execute(new.on_conflict_do_update(index_elements=["domain"], set_={"site": name, "until": until}))


def learnt(connection: Connection, now: int) -> dict[str, tuple[str, int]]:
    """What was learnt and still holds."""
    held = select(site.c.domain, site.c.site, site.c.until).where(site.c.until > now)
    return {row.domain: (row.site, row.until) for row in connection.execute(held)}


def failed(connection: Connection, state: SiteState) -> None:
    """Write what is known of a site; whether it is paused is not touched."""
    known = {"failures": state.failures, "until": state.until, "last_reply": storable(state.last_reply)}
    new = upsert(connection, site_state).values(site=state.site, paused="", **known)
    connection.execute(new.on_conflict_do_update(index_elements=["site"], set_=known))


def states(connection: Connection) -> dict[str, SiteState]:
    """Sites that failed or are paused."""
    found = connection.execute(
        select(site_state).where((site_state.c.failures > 0) | (site_state.c.until > 0) | (site_state.c.paused != ""))
    )
    return {row.site: SiteState(row.site, row.failures, row.until, row.last_reply, row.paused) for row in found}


def pauses(connection: Connection) -> Pauses:
    """What is paused, and why."""
    sites = connection.execute(select(site_state.c.site, site_state.c.paused).where(site_state.c.paused != ""))
    return Pauses({row.site: row.paused for row in sites}, {row.account: row.why for row in connection.execute(select(pause))})


def views(connection: Connection, account: int | None, limit: int) -> Sequence[SiteView]:
    """Sites by what waits for them, the fullest first; those paused or failing without work come last."""
    counts: dict[str, dict[State, int]] = {}
    oldest: dict[str, int] = {}
    waiting, capped = _counted(connection, one_of(WAITING), account)
    in_hand, _ = _counted(connection, one_of(IN_HAND), account)
    for name, state, number, least in [*waiting, *in_hand]:
        counts.setdefault(name, {})[State(state)] = number
        if State(state) in WAITING:
            oldest[name] = min(oldest.get(name, least), least)
    known = states(connection)
    names = sorted(counts, key=lambda name: (-sum(counts[name].values()), name))
    names += sorted(known.keys() - counts.keys()) if account is None else []
    return [
        _view(name, counts.get(name, {}), oldest.get(name), known.get(name, SiteState(name)), capped=capped)
        for name in names[:limit]
    ]


def _counted(connection: Connection, states: TextClause, account: int | None) -> tuple[list[tuple[str, int, int, int]], bool]:
    some = select(delivery.c.site, delivery.c.state, delivery.c.id).where(states).limit(COUNTED)
    if account is not None:
        some = some.where(delivery.c.account == account)
    rows = some.subquery()
    found = connection.execute(
        select(rows.c.site, rows.c.state, func.count(), func.min(rows.c.id)).group_by(rows.c.site, rows.c.state)
    )
    groups = [(name, state, number, least) for name, state, number, least in found]
    return groups, sum(number for _, _, number, _ in groups) >= COUNTED


def _view(name: str, counts: dict[State, int], oldest: int | None, known: SiteState, *, capped: bool) -> SiteView:
    return SiteView(
        site=name, ready=counts.get(State.READY, 0), deferred=counts.get(State.DEFERRED, 0), held=counts.get(State.HELD, 0),
        in_hand=counts.get(State.LEASED, 0) + counts.get(State.SENDING, 0), oldest=None if oldest is None else made_at(oldest),
        until=known.until or None, failures=known.failures, last_reply=known.last_reply, paused=known.paused,
        counts_capped=capped,
    )  # fmt: skip
