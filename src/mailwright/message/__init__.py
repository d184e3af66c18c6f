"""Reading, dressing and building mail: bytes in, bytes and values out."""

from mailwright.message.author import Mailbox as Mailbox
from mailwright.message.author import author as author
from mailwright.message.author import author_domain as author_domain
from mailwright.message.author import mailboxes as mailboxes
from mailwright.message.dress import Asked as Asked
from mailwright.message.dress import Dressed as Dressed
from mailwright.message.dress import Hop as Hop
from mailwright.message.dress import Refused as Refused
from mailwright.message.dress import dress as dress
from mailwright.message.headers import Field as Field
from mailwright.message.headers import fields as fields
from mailwright.message.headers import split as split
from mailwright.message.reencode import Reencoded as Reencoded
from mailwright.message.reencode import needs_reencoding as needs_reencoding
from mailwright.message.reencode import reencode as reencode
from mailwright.message.refusal import refusal as refusal
from mailwright.message.subject import subject as subject
