"""Learning the site of a domain: its MX records are asked once, and what waits under the domain's own name moves there."""

from mailwright.app.aims import LEARNT_SECONDS, Aims, no_way
from mailwright.app.dispatch import Dispatch
from mailwright.app.site import Site
from mailwright.flows.aim import Hopeless
from mailwright.queue import Job
from mailwright.queue.settle import put_off, refused_by_us
from mailwright.routing.mx import MailHosts
from mailwright.routing.sites import DOMAIN, MX
from mailwright.values import Domain


async def learn(dispatch: Dispatch, aims: Aims, site: Site) -> None:
    """Find the mail hosts of a `domain:` site. Raises Unavailable."""
    name = site.name.removeprefix(DOMAIN)
    found = await aims.hosts(Domain(name))
    if isinstance(found, MailHosts):
        await _move(dispatch, aims, site, name, found)
        return
    way = no_way(found)
    if isinstance(way, Hopeless):
        await _refuse(dispatch, site, way)
    else:
        _put_off(dispatch, site, way.what)


async def _move(dispatch: Dispatch, aims: Aims, site: Site, name: str, found: MailHosts) -> None:
    queue, to = dispatch.works.queue, MX + found.site
    until = dispatch.works.now() + max(found.ttl, LEARNT_SECONDS) * 1000
    aims.learnt[name] = (to, until)
    await queue.learn_site(name, to, until=until)
    moved = await queue.move(site=site.name, to=to, domain=name)
    site.backlog = False
    jobs = site.drain()
    if jobs:
        dispatch.rehome(jobs, to)
    dispatch.attend(to, backlog=moved > 0)


async def _refuse(dispatch: Dispatch, site: Site, hopeless: Hopeless) -> None:
    """The domain takes no mail: what is in memory fails, and what is in the table, claim by claim."""
    while True:
        jobs = site.drain()
        _settle_refused(dispatch, site, jobs, hopeless)
        if not await dispatch.claim(site, top_only=False):
            return


def _settle_refused(dispatch: Dispatch, site: Site, jobs: list[Job], hopeless: Hopeless) -> None:
    work = dispatch.works.clockwork()
    dispatch.settle(site, [(job, refused_by_us(job, hopeless.reply, hopeless.reason, work)) for job in jobs])


def _put_off(dispatch: Dispatch, site: Site, what: str) -> None:
    """DNS did not answer: the domain backs off; the mail in memory is told why."""
    jobs, work = site.drain(), dispatch.works.clockwork()
    until = dispatch.failed(site, what)
    dispatch.settle(site, [(job, put_off(job, what, work, due_at=until)) for job in jobs])
