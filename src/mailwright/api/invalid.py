"""What is wrong with a request, field by field, in words: from pydantic's list of errors to findings."""

import re
from collections.abc import Collection, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from mailwright.values import Finding
from mailwright.values.finding import error

MOST = 20  # findings in one answer: enough to mend a request in one go
LONGEST_NAME = 80  # characters of a field's name that are shown: it may come from outside
_WRONG_KIND = {
    "string_type": "a text",
    "string_unicode": "a text without half surrogate pairs",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "list_type": "a list",
    "dict_type": "an object",
    "model_type": "an object",
    "model_attributes_type": "an object",
    "datetime_type": "a time such as 2030-01-31T09:00:00Z",
    "datetime_parsing": "a time such as 2030-01-31T09:00:00Z",
    "datetime_from_date_parsing": "a time such as 2030-01-31T09:00:00Z",
}


def invalid(errors: Sequence[Mapping[str, Any]], *, known: Collection[str] = ()) -> list[Finding]:
    """A finding for each error, at most MOST. Never shows what was sent but the names of fields.

    `known` are fields of the request: one that looks like a misspelt one is named.
    """
    return [_finding(one, known) for one in errors[:MOST]]


def _finding(one: Mapping[str, Any], known: Collection[str]) -> Finding:
    kind, where, context = str(one["type"]), _name(one.get("loc", ())), one.get("ctx") or {}
    if kind == "missing":
        return error("field-missing", f"{where} is missing.", do="Add it; /docs shows what the request needs.")
    if kind == "extra_forbidden":
        return error("field-unknown", f"{where} is not known here.", do=_meant(one.get("loc", ()), known))
    if kind == "json_invalid":
        return error("json-invalid", "The body of the request is not JSON.", do="Send one JSON object, encoded as UTF-8.")
    if kind in {"value_error", "assertion_error"}:
        fault = context.get("error")
        return error("field-invalid", f"{where}: {fault}", do=getattr(fault, "remedy", "") or "Correct this field.")
    if kind in _WRONG_KIND:
        return error("field-invalid", f"{where} is not {_WRONG_KIND[kind]}.", do=f"Send {_WRONG_KIND[kind]}.")
    return error("field-invalid", f"{where} is not as it should be: {_lower(str(one.get('msg', '')))}.", do="Correct this field.")


def _meant(path: Sequence[object], known: Collection[str]) -> str:
    """What to do with a field that nobody knows; an SDK's own spelling (replyTo) is seen through."""
    name = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", str(path[-1] if path else ""))[:LONGEST_NAME].lower()
    near = get_close_matches(name, known, n=1)
    return (
        f"Write {near[0]}, if you mean that; /docs has them all." if near else "Leave it out, or look at its spelling in /docs."
    )


def _name(path: Sequence[object]) -> str:
    """`to[0]`, as people write it; where in the request, unless it is the body."""
    place, *steps = path or ("body",)
    named = ""
    for step in steps:
        named += f"[{step}]" if isinstance(step, int) else f".{step}" if named else str(step)
    shown = named[:LONGEST_NAME]
    return f"The field {shown}" if place == "body" and shown else f"The {place} {shown}".strip()


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]
