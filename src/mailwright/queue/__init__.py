"""The life of a delivery: states, retry, sites, events."""

from mailwright.queue.life import EventKind as EventKind
from mailwright.queue.life import State as State
from mailwright.queue.work import Accepted as Accepted
from mailwright.queue.work import Duplicate as Duplicate
from mailwright.queue.work import EventRow as EventRow
from mailwright.queue.work import Job as Job
from mailwright.queue.work import KeyReused as KeyReused
from mailwright.queue.work import NewDelivery as NewDelivery
from mailwright.queue.work import NewMessage as NewMessage
from mailwright.queue.work import Outcome as Outcome
