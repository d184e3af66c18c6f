"""A customer's domains: what may be registered as one."""

from mailwright.domains.suffixes import PublicSuffixes as PublicSuffixes
