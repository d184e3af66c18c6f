"""The DNS as values: questions, three kinds of answer, zones from text, recordings and overlays; nothing here opens a socket."""

from mailwright.dns.answer import Answer as Answer
from mailwright.dns.answer import Cause as Cause
from mailwright.dns.answer import Failed as Failed
from mailwright.dns.answer import Found as Found
from mailwright.dns.answer import Missing as Missing
from mailwright.dns.asking import AnswerFunction as AnswerFunction
from mailwright.dns.asking import Asking as Asking
from mailwright.dns.asking import ask as ask
from mailwright.dns.asking import run as run
from mailwright.dns.asking import together as together
from mailwright.dns.evidence import Recorder as Recorder
from mailwright.dns.evidence import overlaid as overlaid
from mailwright.dns.evidence import overlay as overlay
from mailwright.dns.question import Question as Question
from mailwright.dns.question import RecordType as RecordType
from mailwright.dns.question import askable as askable
from mailwright.dns.question import canonical as canonical
from mailwright.dns.records import Caa as Caa
from mailwright.dns.records import Mx as Mx
from mailwright.dns.records import Record as Record
from mailwright.dns.records import Soa as Soa
from mailwright.dns.records import Tlsa as Tlsa
from mailwright.dns.records import Txt as Txt
from mailwright.dns.zone import Zone as Zone
