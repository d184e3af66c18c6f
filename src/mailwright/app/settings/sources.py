"""Where settings are written: the TOML file with its line numbers, and the MAILWRIGHT_* variables over it."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mailwright.app.settings.faults import Fault, KeyPath, SettingsError, annotation_at, kind_of, name_of

PREFIX = "MAILWRIGHT_"
LEVELS = "__"  # MAILWRIGHT_QUEUE__LIFETIME is queue.lifetime
CONFIG = "MAILWRIGHT_CONFIG"  # names the file, so it is no key of it
FILE_NAME = "mailwright.toml"
LARGEST_FILE = 4 * 2**20  # octets: settings, not data
_EXAMPLE = '["127.0.0.1:53"] or { password = { lifetime = "30 min" } }'
_LINKS = ("SERVICE_", "PORT_")  # Kubernetes and Docker set MAILWRIGHT_PORT_... for a service of our name


@dataclass(slots=True)
class Given:
    """The values as written, and where each was written."""

    values: dict[str, Any] = field(default_factory=dict)
    places: dict[KeyPath, str] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    def place(self, path: KeyPath) -> str:
        """The place of a key, or of the table that holds it."""
        for end in range(len(path), 0, -1):
            if path[:end] in self.places:
                return self.places[path[:end]]
        return ""


def settings_file(named: Path | None, environ: Mapping[str, str], *, here: Path | None = None) -> Path | None:
    """The file to read: the one that was named, $MAILWRIGHT_CONFIG, ./mailwright.toml, the user's, the system's; else None."""
    folder = here or Path.cwd()
    if named is not None or environ.get(CONFIG):
        return folder / (named or environ[CONFIG])
    home = environ.get("XDG_CONFIG_HOME") or str(Path(environ.get("HOME", "/")) / ".config")
    places = (folder / FILE_NAME, Path(home) / "mailwright" / FILE_NAME, Path("/etc/mailwright") / FILE_NAME)
    return next((place for place in places if place.is_file()), None)


def given(path: Path | None, environ: Mapping[str, str]) -> Given:
    """What file and environment say; the environment wins. Raises SettingsError where the file cannot be read at all."""
    found = Given()
    if path is not None:
        text = _content(path)
        found.values = _tables(text, path)
        found.places = {key: f"{path.name}:{line}" for key, line in line_numbers(text).items()}
    for name in sorted(environ):
        if name.startswith(PREFIX) and name != CONFIG and not _is_link(name.removeprefix(PREFIX)):
            _lay_over(found, name, environ[name])
    return found


def line_numbers(text: str) -> dict[KeyPath, int]:
    """The line of each key and table header, by their paths. tomllib tells none, so each line is read alone."""
    lines: dict[KeyPath, int] = {}
    table: KeyPath = ()
    for number, line in enumerate(text.splitlines(), start=1):
        bare = line.strip()
        if bare.startswith("["):
            header = _sole_path(bare)
            table = _numbered(header, lines) if bare.startswith("[[") else header or table
            lines.setdefault(table, number)
        elif "=" in bare and not bare.startswith("#"):
            path = _sole_path(f"{bare.partition('=')[0]}= 0")
            if path:
                lines.setdefault(table + path, number)
    return lines


def _content(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_FILE + 1)
        if len(content) > LARGEST_FILE:
            raise SettingsError([Fault((), f"{path} is larger than 4 MiB: that is no settings file.")])
        return content.decode("utf-8")
    except OSError as fault:
        remedy = "Name another file, or let `mailwright init` write one."
        raise SettingsError([Fault((), f"{path} cannot be read: {fault.strerror}.")], remedy) from fault
    except UnicodeDecodeError as fault:
        raise SettingsError(
            [Fault((), f"{path} is not UTF-8 text (octet {fault.start + 1}).")], "Save the file as UTF-8."
        ) from fault


def _tables(text: str, path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as fault:
        remedy = 'Texts stand in quotes: hostname = "mail.example.com". Each key stands once. The rules: https://toml.io'
        raise SettingsError([Fault((), f"{path.name} is not valid TOML: {fault}.")], remedy) from fault


def _sole_path(line: str) -> KeyPath:
    """The path of the one key or table that a line names; () where the line is something else."""
    try:
        node: Any = tomllib.loads(line)
    except (tomllib.TOMLDecodeError, RecursionError):
        return ()
    path: list[str | int] = []
    while isinstance(node, dict | list) and len(node) == 1:
        if isinstance(node, list):
            node = node[0]
            continue
        name, node = next(iter(node.items()))
        path.append(name)
    return tuple(path)


def _numbered(header: KeyPath, lines: Mapping[KeyPath, int]) -> KeyPath:
    index = 0
    while (*header, index) in lines:
        index += 1
    return (*header, index)


def _is_link(name: str) -> bool:
    return name == "PORT" or name.startswith(_LINKS)


def _lay_over(found: Given, name: str, text: str) -> None:
    """Put one variable over what the file says."""
    path: KeyPath = tuple(name.removeprefix(PREFIX).lower().split(LEVELS))
    holder = found.values
    for part in path[:-1]:
        below = holder.setdefault(str(part), {})
        if not isinstance(below, dict):
            return  # the file has no table there, which is told as its own fault
        holder = below
    try:
        holder[str(path[-1])] = _value(path, text)
    except ValueError:
        what = f"{name_of(path)} cannot be used: a list or table stands here as in TOML, such as {_EXAMPLE}."
        found.faults.append(Fault(path, what, where=name))
        return
    found.places = {key: place for key, place in found.places.items() if key[: len(path)] != path} | {path: name}


def _value(path: KeyPath, text: str) -> Any:
    """A list or table is written as in TOML, everything else as it is. Raises ValueError."""
    annotation = annotation_at(path)
    if annotation is None or kind_of(annotation) is not None:
        return text
    if not text.lstrip().startswith(("[", "{")):
        raise ValueError("neither a list nor a table")
    return tomllib.loads(f"value = {text}")["value"]
