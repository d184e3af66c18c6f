"""Names to ask for: where a record is, targets made of macros, the validated names of the client's address."""

from functools import lru_cache

from mailwright.auth.spf.macros import MacroText, expand_name
from mailwright.auth.spf.network import BITS4, BITS6
from mailwright.auth.spf.state import MAX_HOSTS, UNKNOWN, Check
from mailwright.dns import Asking, Found, Missing, Question, askable, canonical
from mailwright.values import Domain, Malformed


@lru_cache(maxsize=16384)
def record_question(origin: str) -> Question | None:
    """Where the record is; None where the domain is malformed, a single label or an address literal (RFC 7208 §4.3)."""
    try:
        question = Question(origin if origin.isascii() else Domain.parse(origin), "TXT")
    except Malformed:
        return None
    name = question.name
    return question if "." in name and name[0] != "[" and askable(name) else None


def target_name(check: Check, domain: str, macros: MacroText) -> Asking[str]:
    """The target-name of a domain-spec (RFC 7208 §4.8), canonical; "" where it is no name that can be asked."""
    if not check.can_match(macros):
        return ""
    values = check.values(domain)
    if "p" in macros.letters:
        if not check.reverse_counted:  # a query for PTR records "is included in the overall limit", RFC 7208 §4.6.4
            check.reverse_counted = True
            check.lookups += 1
        values["p"] = yield from validated_name(check, domain)
    name = canonical(expand_name(macros, values))
    return name if askable(name) else ""


def validated_name(check: Check, domain: str) -> Asking[str]:
    """What %{p} stands for (RFC 7208 §7.3): the domain itself, else a name within it, else any; "unknown" else.

    Names within the domain are validated first, so that the others are mostly not asked for.
    """
    names = yield from _reverse_names(check)
    near = sorted([name for name in names if _within(name, domain)], key=lambda name: name != domain)
    for group in (near, [name for name in names if name not in near]):
        validated = yield from _validated(check, group)
        if validated:
            return validated[0]
    return UNKNOWN


def has_name_within(check: Check, domain: str) -> Asking[bool]:
    """Whether the client has a validated name within a canonical domain (RFC 7208 §5.5).

    Names outside it cannot match, so they are not validated. "Subdomain of" is read as the RFC's example has it.
    """
    names = yield from _reverse_names(check)
    validated = yield from _validated(check, [name for name in names if _within(name, domain)])
    return bool(validated)


def _within(name: str, domain: str) -> bool:
    return name == domain or name.endswith("." + domain)


def _reverse_names(check: Check) -> Asking[list[str]]:
    """The first ten names of the client's address; a failure gives none (RFC 7208 §4.6.4, §5.5)."""
    (answer,) = yield from check.answers((Question(check.client.reverse_name, "PTR"),))
    if isinstance(answer, Missing):
        check.void()
    return list(answer.names[:MAX_HOSTS]) if isinstance(answer, Found) else []


def _validated(check: Check, names: list[str]) -> Asking[list[str]]:
    """Those that have the client's address; one that fails is passed over (RFC 7208 §5.5)."""
    names = [name for name in names if name and askable(name)]
    answers = yield from check.answers([Question(name, check.address_type) for name in names])
    validated = []
    for name, answer in zip(names, answers, strict=True):
        if isinstance(answer, Missing):
            check.void()
        elif isinstance(answer, Found) and check.client.among(answer.names, BITS4, BITS6):
            validated.append(name)
    return validated
