"""The ways for mail to leave: one file a kind; KINDS lists them."""

from mailwright.transports import external_smtp, own_server
from mailwright.transports.plan import Kind as Kind
from mailwright.transports.plan import Plan as Plan
from mailwright.transports.plan import ServerLogin as ServerLogin
from mailwright.transports.plan import Tls as Tls

KINDS: dict[str, Kind] = {
    "own_server": own_server.KIND,
    "external_smtp": external_smtp.KIND,
}
