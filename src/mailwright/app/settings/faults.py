"""What is wrong with settings, in words: which key, where, its value, and what is allowed."""

import difflib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, get_args, get_origin

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from mailwright.app.settings.kinds import Kind
from mailwright.app.settings.model import Settings, Table
from mailwright.values import MailwrightError, Malformed

SHOWN = 80  # characters of a value: enough to recognise it
KeyPath = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong. `path` leads to the key; `what` never holds a secret."""

    path: KeyPath
    what: str
    allowed: str = ""
    where: str = ""  # "mailwright.toml:12" or the variable's name

    def __str__(self) -> str:
        parts = [f"{self.where}: " if self.where else "", self.what, f" Allowed: {self.allowed}." if self.allowed else ""]
        return "".join(parts)


class SettingsError(MailwrightError):
    """The settings cannot be used. `faults` are all of them, in the order of the file; mend each, then start again."""

    def __init__(
        self, faults: Iterable[Fault], remedy: str = "Mend each line above, then start again. `mailwright init` shows every key."
    ) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(map(str, self.faults)), remedy)


def faults_of(invalid: ValidationError, where: Callable[[KeyPath], str]) -> list[Fault]:
    """Every objection of the models as a Fault, each with its place."""
    return [_fault(detail, where) for detail in invalid.errors(include_url=False)]


def name_of(path: KeyPath) -> str:
    """A key as people write it: "queue.lifetime", "listen[2].tls" (counted from 1)."""
    name = ""
    for part in path:
        if isinstance(part, int):
            name += f"[{part + 1}]"
        else:
            plain = part.replace("-", "").replace("_", "").isalnum()
            name += ("." if name else "") + (part if plain else shown_value(part))
    return name


def known_keys(path: KeyPath) -> list[str]:
    """The keys that may stand in the table at this path."""
    table = type_at(path)
    return list(table.model_fields) if isinstance(table, type) and issubclass(table, Table) else []


def type_at(path: KeyPath) -> Any:
    """The type that the models give to the key at this path, without its Annotated; None where there is no such key."""
    return _bare(annotation_at(path))


def annotation_at(path: KeyPath) -> Any:
    """The same with its metadata, in which its Kind stands."""
    found: Any = Settings
    for part in path:
        found = _step(_bare(found), part)
    return found


def kind_of(annotation: Any) -> Kind[Any] | None:
    """The Kind in an annotation."""
    metadata = get_args(annotation)[1:] if get_origin(annotation) is Annotated else ()
    return next((item for item in metadata if isinstance(item, Kind)), None)


def allowed_words(annotation: Any) -> str:
    """What may stand there, to finish "Allowed: ..."."""
    kind, bare = kind_of(annotation), _bare(annotation)
    if kind is not None:
        return kind.allowed
    if get_origin(bare) is tuple:
        item = get_args(bare)[0]
        return (
            "tables, each under its own header in double brackets"
            if isinstance(item, type)
            else f"a list; each item is {allowed_words(item)}"
        )
    if _is_mapping(bare):
        named, item = get_args(bare)
        return f"a table; each key is {allowed_words(named)}; each value is {allowed_words(item)}"
    return "a table"


def _fault(detail: ErrorDetails, where: Callable[[KeyPath], str]) -> Fault:
    path = tuple(part for part in detail["loc"] if part != "[key]")
    match detail["type"]:
        case "extra_forbidden":
            return Fault(path, f"There is no key {name_of(path)}.{_nearest(path)}", where=where(path))
        case "missing":
            return Fault(path, f"{name_of(path)} is missing.", allowed_words(annotation_at(path)), where(path))
    return _unfit(path, detail, where(path))


def _unfit(path: KeyPath, detail: ErrorDetails, place: str) -> Fault:
    """A value that is not what it should be; only texts, numbers and booleans are shown, and no secret."""
    in_key = detail["loc"][-1] == "[key]"
    annotation = annotation_at(path[:-1] if in_key else path)
    if in_key:
        annotation = get_args(_bare(annotation))[0]
    kind, given = kind_of(annotation), detail["input"]
    hidden = kind is not None and kind.secret
    shown = f" = {shown_value(given)}" if isinstance(given, str | int | float) and not hidden and not in_key else ""
    sample = f", such as {kind.sample}" if kind is not None and kind.sample else ""
    what = f"{name_of(path)}{shown} cannot be used: {_reason(detail, hidden)}."
    return Fault(path, what, allowed_words(annotation) + sample, place)


def _reason(detail: ErrorDetails, hidden: bool) -> str:
    cause = detail.get("ctx", {}).get("error")
    if hidden:
        return "its value, which is not shown here, does not fit"
    if cause is None:
        return "it is of the wrong kind"
    if isinstance(cause, Malformed):
        return cause.remedy.rstrip(".") or "it is malformed"
    return str(cause) if type(cause) is ValueError else "it is malformed"


def shown_value(value: object) -> str:
    """A value as TOML writes it, cut where it is long."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


def _nearest(path: KeyPath) -> str:
    """The key that was probably meant: of the same table, or of that name in another one."""
    siblings, meant = known_keys(path[:-1]), str(path[-1])
    near = difflib.get_close_matches(meant.lower(), siblings, n=1)
    if near:
        return f" Did you mean {name_of((*path[:-1], near[0]))}?"
    elsewhere = [
        f"{table}.{meant}" for table in Settings.model_fields if meant in known_keys((table,)) or meant in known_keys((table, 0))
    ]
    if meant in Settings.model_fields:
        elsewhere.insert(0, f"{meant}, above the first table")
    return f" Did you mean {elsewhere[0]}?" if elsewhere else f" Known here: {', '.join(siblings)}." if siblings else ""


def _step(holder: Any, part: str | int) -> Any:
    if isinstance(holder, type) and issubclass(holder, Table):
        field = holder.model_fields.get(str(part))
        return None if field is None else Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation
    if get_origin(holder) is tuple and isinstance(part, int):
        return get_args(holder)[0]
    return get_args(holder)[1] if _is_mapping(holder) else None


def _bare(annotation: Any) -> Any:
    return get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation


def _is_mapping(annotation: Any) -> bool:
    origin = get_origin(annotation)
    return isinstance(origin, type) and issubclass(origin, Mapping)
