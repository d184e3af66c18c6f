"""Public suffixes: the names under which anybody may register a domain, such as com, co.uk or github.io.

An account must not claim one of them as its domain, for it would then speak for all who registered below. DMARC does not use
the list: it asks the DNS (RFC 9989 §4.10).
"""

from collections.abc import Iterable

from publicsuffixlist import PublicSuffixList

from mailwright.values import Domain


class PublicSuffixes:
    """The list of publicsuffix.org with its rules; a top-level domain that is not on it is a public suffix all the same."""

    def __init__(self, lines: Iterable[str]) -> None:
        """Read the lines of the list, as its file has them."""
        self._list = PublicSuffixList(lines, accept_unknown=True)

    def public_suffix(self, domain: Domain) -> Domain:
        """The public suffix that a domain lies under, or is."""
        return Domain(self._list.publicsuffix(domain.name) or domain.name)

    def registrable(self, domain: Domain) -> Domain | None:
        """The part of a domain that somebody registered: one label below its public suffix; None where it is a public suffix."""
        registered = self._list.privatesuffix(domain.name)
        return None if registered is None else Domain(registered)
