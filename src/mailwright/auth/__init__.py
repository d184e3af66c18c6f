"""Who really sent a mail, and the signatures by which others can tell."""

from mailwright.auth.dkim.bodies import BodyForm as BodyForm
from mailwright.auth.dkim.bodies import BodyHash as BodyHash
from mailwright.auth.dkim.bodies import hash_bodies as hash_bodies
from mailwright.auth.dkim.canonical import BodyHasher as BodyHasher
from mailwright.auth.dkim.canonical import Form as Form
from mailwright.auth.dkim.canonical import hash_body as hash_body
from mailwright.auth.dkim.keys import Algorithm as Algorithm
from mailwright.auth.dkim.keys import DkimKey as DkimKey
from mailwright.auth.dkim.keys import DkimRecord as DkimRecord
from mailwright.auth.dkim.keys import make_key as make_key
from mailwright.auth.dkim.keys import open_key as open_key
from mailwright.auth.dkim.keys import public_record as public_record
from mailwright.auth.dkim.keys import read_key as read_key
from mailwright.auth.dkim.keys import read_record as read_record
from mailwright.auth.dkim.sign import read_mail as read_mail
from mailwright.auth.dkim.sign import sign_dkim as sign_dkim
from mailwright.auth.dkim.sign import sign_headers as sign_headers
from mailwright.auth.dmarc.evaluate import evaluate_dmarc as evaluate_dmarc
from mailwright.auth.dmarc.evaluate import judge_dmarc as judge_dmarc
from mailwright.auth.dmarc.record import DmarcRecord as DmarcRecord
from mailwright.auth.dmarc.record import Policy as Policy
from mailwright.auth.dmarc.record import ReportAddress as ReportAddress
from mailwright.auth.dmarc.record import read_dmarc as read_dmarc
from mailwright.auth.dmarc.verdict import DmarcResult as DmarcResult
from mailwright.auth.dmarc.verdict import DmarcVerdict as DmarcVerdict
from mailwright.auth.tags import read_tags as read_tags
