"""Replies and stories in plain words, and the report that goes back to the submitter."""

from mailwright.explain.dsn import Desk as Desk
from mailwright.explain.dsn import Failure as Failure
from mailwright.explain.dsn import Original as Original
from mailwright.explain.dsn import delivery_report as delivery_report
from mailwright.explain.dsn import may_report as may_report
from mailwright.explain.replies import Explanation as Explanation
from mailwright.explain.replies import Knowledge as Knowledge
from mailwright.explain.replies import Party as Party
from mailwright.explain.replies import explain as explain
from mailwright.explain.replies import read_knowledge as read_knowledge
from mailwright.explain.replies import reply_in as reply_in
from mailwright.explain.story import Line as Line
from mailwright.explain.story import Recipient as Recipient
from mailwright.explain.story import Tale as Tale
from mailwright.explain.story import Told as Told
from mailwright.explain.story import Tone as Tone
from mailwright.explain.story import tell as tell
from mailwright.explain.story import told as told
