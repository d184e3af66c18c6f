"""own_server: our servers deliver to the recipient's MX, with the customer's address as author."""

from collections.abc import Mapping
from typing import Any

from mailwright.transports.plan import Kind, Plan, Tls
from mailwright.values import Malformed


def read(settings: Mapping[str, Any]) -> Plan:
    """The plan; this kind has no settings. Raises Malformed."""
    if settings:
        raise Malformed(f"own_server has no setting {min(settings)!r}.", "Leave the settings of own_server empty.")
    return Plan(server=None, tls=Tls.OPPORTUNISTIC, login=None, own_return_path=True, must_sign=True)


KIND = Kind("own_server", "Our servers, to the recipient's mail server", read, takes_password=False)
