"""Authentication-Results as values (RFC 8601 §2)."""

from typing import NamedTuple


class Property(NamedTuple):
    """What a result speaks of: ptype.name=value, such as header.d=example.com (RFC 8601 §2.3).

    `ptype` and `name` are in lower case; `ptype` is "" where a foreign field leaves it out (action=none).
    """

    ptype: str
    name: str
    value: str
    comment: str = ""


class MethodResult(NamedTuple):
    """One method=result of a field, in lower case, with its reason, properties and comment ("" where there is none)."""

    method: str
    result: str
    reason: str = ""
    properties: tuple[Property, ...] = ()
    version: int | None = None  # of the method (RFC 8601 §2.2 method-version)
    comment: str = ""

    def value(self, ptype: str, name: str) -> str:
        """The value of the first such property, "" where there is none."""
        return next((one.value for one in self.properties if one.ptype == ptype and one.name == name), "")


class AuthResults(NamedTuple):
    """A whole field; without results it says "none": nothing was checked (RFC 8601 §2.2 no-result).

    `authserv_id` names who checked (RFC 8601 §2.5); "" where a foreign field leaves it out.
    """

    authserv_id: str
    results: tuple[MethodResult, ...] = ()
    version: int | None = None  # None means 1 (RFC 8601 §2.6)
    comment: str = ""

    def of(self, method: str) -> tuple[MethodResult, ...]:
        """The results of one method, such as "dkim"."""
        return tuple([one for one in self.results if one.method == method])
