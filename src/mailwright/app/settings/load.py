"""Settings are read here, once: file, environment, what follows from both, and every fault at once."""

import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError

from mailwright.app.settings.faults import Fault, KeyPath, SettingsError, faults_of
from mailwright.app.settings.kinds import SQLITE, Database
from mailwright.app.settings.model import SUBSYSTEMS, Settings, Subsystem, processors
from mailwright.app.settings.rules import conflicts
from mailwright.app.settings.sources import Given, given
from mailwright.values import Domain, Malformed

SYSTEM_CONFIG, SYSTEM_DATA = Path("/etc"), Path("/var/lib/mailwright")  # FHS 3.0 §3.7, §5.8: no data below /etc
CREDENTIALS = Path("/run/credentials/mailwright.service")  # systemd.exec(5), where a command outside the service finds them
NO_NAME = "localhost"


def own_name() -> str:
    """The machine's full name, or "localhost" where it has none that can stand in mail."""
    for ask in (socket.gethostname, socket.getfqdn):
        try:
            name = Domain.parse(ask()).name
        except Malformed:
            continue
        if "." in name and not name.startswith("localhost."):
            return name
    return NO_NAME


def load(path: Path | None, environ: Mapping[str, str], *, name: Callable[[], str] = own_name) -> Settings:
    """The settings from a file (None: no file) and MAILWRIGHT_* variables; `name` is asked only where no hostname is set.

    Raises SettingsError with every fault at once. Relative paths count from the file's folder, without a file from the
    working folder.
    """
    return _settled(given(path, environ), path, environ, name)


def defaults(path: Path | None, *, name: Callable[[], str] = own_name, data: Path | None = None) -> Settings:
    """What holds where a file at `path` says nothing, or names only its `data` folder; the file need not exist."""
    return _settled(Given() if data is None else Given({"data": str(data)}), path, {}, name)


def _settled(found: Given, path: Path | None, environ: Mapping[str, str], name: Callable[[], str]) -> Settings:
    base = path.absolute().parent if path is not None else Path.cwd()
    following = _complete(found.values, _data_folder(path, base, environ), name)
    try:
        settings = Settings.model_validate(found.values)
    except ValidationError as invalid:
        raise SettingsError(_in_order(found, found.faults + _first_hand(faults_of(invalid, found.place), following))) from invalid
    faults = [*found.faults, *conflicts(settings, found.place)]
    if faults:
        raise SettingsError(_in_order(found, faults))
    return settings.model_copy(update={**_anchored(settings, base, environ), "subsystems": _subsystems(settings.subsystems)})


def _data_folder(path: Path | None, base: Path, environ: Mapping[str, str]) -> Path:
    """The StateDirectory= of systemd; `var` beside the file; the user's data folder where there is no file."""
    state = environ.get("STATE_DIRECTORY", "").partition(":")[0]
    if state:
        return Path(state)
    if path is None:
        home = environ.get("XDG_DATA_HOME") or str(Path(environ.get("HOME", base)) / ".local" / "share")
        return Path(home) / "mailwright"
    return SYSTEM_DATA if base.is_relative_to(SYSTEM_CONFIG) else base / "var"


def _complete(values: dict[str, Any], data: Path, name: Callable[[], str]) -> set[KeyPath]:
    """Fill in what follows from other settings; returns the paths that were filled in."""
    filled: set[KeyPath] = set()

    def fill(table: Any, key: str, value: Callable[[], object], *above: str | int) -> None:
        if isinstance(table, dict) and key not in table:
            table[key] = value()
            filled.add((*above, key))

    fill(values, "hostname", name)
    fill(values, "data", lambda: str(data))
    fill(values, "database", lambda: f"sqlite:///{Path(str(values['data'])) / 'mailwright.db'}")
    fill(values, "keyring", lambda: str(Path(str(values["data"])) / "keyring"))
    fill(values, "bounce_domain", lambda: f"bounce.{values['hostname']}")
    fill(values.setdefault("queue", {}), "signers", processors, "queue")
    outbound = values.get("outbound")
    for n, table in enumerate(outbound if isinstance(outbound, list) else ()):
        fill(table, "ehlo", lambda: values["hostname"], "outbound", n)
    return filled


def _first_hand(faults: list[Fault], following: set[KeyPath]) -> list[Fault]:
    """Without what only follows from another fault."""
    return [fault for fault in faults if fault.path not in following] or faults


def _in_order(found: Given, faults: list[Fault]) -> list[Fault]:
    """In the order of the file, then the environment, without telling a variable twice."""
    places = {place: n for n, place in enumerate(found.places.values())}
    return sorted(faults, key=lambda fault: places.get(fault.where, len(places)))


def _anchored(settings: Settings, base: Path, environ: Mapping[str, str]) -> dict[str, Any]:
    """With absolute paths, and the keyring where the credential is."""
    tls = settings.tls
    pair = {"certificate": tls.certificate and base / tls.certificate, "key": tls.key and base / tls.key}
    keyring = base / settings.keyring
    if settings.credential is not None:
        keyring = Path(environ.get("CREDENTIALS_DIRECTORY") or CREDENTIALS) / settings.credential
    return {
        "data": base / settings.data,
        "keyring": keyring,
        "database": _absolute(settings.database, base),
        "tls": tls.model_copy(update=pair),
    }


def _absolute(database: Database, base: Path) -> Database:
    """A SQLite file counts from the base too."""
    file = database.url.removeprefix("sqlite:///")
    return database if database.engine != SQLITE or file.startswith(":") else Database(f"sqlite:///{base / file}")


def _subsystems(wanted: Mapping[str, Subsystem]) -> Mapping[str, Subsystem]:
    """The built-in ones, each with what the operator changed of it, and the operator's own."""
    merged = dict(SUBSYSTEMS)
    for name, table in wanted.items():
        changed = {key: getattr(table, key) for key in table.model_fields_set}
        merged[name] = merged[name].model_copy(update=changed) if name in merged else table
    return MappingProxyType(merged)
