"""The reader of the openspf test suite: YAML documents of zone data and cases, as plain values."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from mailwright.dns import Zone

SUITE = Path(__file__).resolve().parents[3] / "shared" / "suites" / "spf" / "rfc7208-tests.yml"


@dataclass(frozen=True)
class Case:
    """One check: what goes in, which results are right (the first is preferred), which explanation is."""

    name: str
    ip: str
    helo: str
    mail_from: str
    results: tuple[str, ...]
    explanation: str | None
    zone: Zone


def cases() -> Iterator[Case]:
    """All cases of the suite, none where the folder is absent."""
    if not SUITE.exists():
        return
    for document in yaml.safe_load_all(SUITE.read_text("utf-8")):
        zone = zone_of(document["zonedata"])
        for name, test in document["tests"].items():
            result = test["result"]
            results = (result,) if isinstance(result, str) else tuple(result)
            yield Case(name, test["host"], test["helo"], test["mailfrom"], results, test.get("explanation"), zone)


def zone_of(data: dict[str, list[Any]]) -> Zone:
    """Zone data in the suite's own notation: SPF stands for TXT too where there is no TXT; TIMEOUT is what does not answer."""
    records: dict[str, dict[str, list[Any]]] = {}
    failing: dict[str, list[str]] = {}
    for name, entries in data.items():
        types = records.setdefault(name, {})
        for entry in entries:
            if entry == "TIMEOUT":
                failing.setdefault(name, []).append("*")
                continue
            ((type, value),) = entry.items()
            if value == "TIMEOUT":
                failing.setdefault(name, []).append(type)
            elif value == "NONE":
                types.setdefault(type, [])
            else:
                types.setdefault(type, []).append(_value(type, value))
        if "TXT" not in types and "SPF" in types:
            types["TXT"] = types["SPF"]
        if "*" in failing.get(name, ()):  # NONE keeps the SPF records from being copied; it is no answer
            records[name] = {type: values for type, values in types.items() if values}
    silent = {name: dict.fromkeys(types, "timeout") for name, types in failing.items()}
    return Zone.of({name: types for name, types in records.items() if types or name not in silent}, failing=silent)


def _value(type: str, value: Any) -> Any:
    if type in ("TXT", "SPF"):
        pieces = [value] if isinstance(value, str) else value
        return [piece.encode("latin-1") for piece in pieces]
    return tuple(value) if isinstance(value, list) else value
