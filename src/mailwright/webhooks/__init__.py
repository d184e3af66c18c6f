"""What is told to others when something happens to a mail: types, payloads, signatures, and when to try again."""

from mailwright.webhooks.payload import Happened as Happened
from mailwright.webhooks.payload import payload as payload
from mailwright.webhooks.sign import Secret as Secret
from mailwright.webhooks.sign import headers as headers
from mailwright.webhooks.types import kinds_of as kinds_of
from mailwright.webhooks.types import type_for as type_for
from mailwright.webhooks.webhook import Call as Call
from mailwright.webhooks.webhook import CallState as CallState
from mailwright.webhooks.webhook import CallView as CallView
from mailwright.webhooks.webhook import Ended as Ended
from mailwright.webhooks.webhook import HookState as HookState
from mailwright.webhooks.webhook import Try as Try
from mailwright.webhooks.webhook import Webhook as Webhook
