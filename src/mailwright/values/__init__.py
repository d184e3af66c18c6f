"""The plain values that every room shares."""

from mailwright.values.address import Address as Address
from mailwright.values.domain import Domain as Domain
from mailwright.values.errors import Conflict as Conflict
from mailwright.values.errors import MailwrightError as MailwrightError
from mailwright.values.errors import Malformed as Malformed
from mailwright.values.errors import NoRoom as NoRoom
from mailwright.values.errors import NotFound as NotFound
from mailwright.values.errors import Unavailable as Unavailable
from mailwright.values.finding import Finding as Finding
from mailwright.values.finding import Level as Level
from mailwright.values.reply import Reply as Reply
