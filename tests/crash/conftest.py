"""Installations that are prepared once and copied for each test: on SQLite, and on a PostgreSQL that can be stopped."""

import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from mailwright.storage import migrate
from tests.crash.house import House, set_up
from tests.storage.pg import INSTALL, Postgres, binaries

Tell = Callable[[str], None]


@pytest.fixture
def tell(capsys: pytest.CaptureFixture[str]) -> Tell:
    """Shows a figure, also where the test is green."""

    def show(text: str) -> None:
        with capsys.disabled():
            sys.stdout.write(f"\n{text}\n")

    return show


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder of an installation on SQLite: an account with a domain and a key, nothing else."""
    folder = tmp_path_factory.mktemp("prepared")
    house = House(folder, folder / "data", sink=9)
    set_up(house.config)
    return house.data


@pytest.fixture
def data(prepared: Path, tmp_path: Path) -> Path:
    """A data folder of one's own."""
    return Path(shutil.copytree(prepared, tmp_path / "data"))


@dataclass(frozen=True, slots=True)
class Cluster:
    """A PostgreSQL with an installation in it, whose keyring is in `data`."""

    server: Postgres
    url: str
    data: Path


@pytest.fixture(scope="session")
def cluster_template(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    programs = binaries()
    if programs is None:
        pytest.skip(INSTALL)
    server = Postgres(programs, fsync="on", full_page_writes="on")
    try:
        server.start()
        server.execute("CREATE DATABASE prepared TEMPLATE template0")
        url = server.url("prepared")
        migrate(url)
        folder = tmp_path_factory.mktemp("cluster")
        house = House(folder, folder / "data", sink=9, database=url)
        set_up(house.config)
        yield Cluster(server, url, house.data)
        server.stop()
    finally:
        server.remove()


@pytest.fixture
def cluster(cluster_template: Cluster, tmp_path: Path) -> Cluster:
    """A database and a data folder of one's own."""
    data = Path(shutil.copytree(cluster_template.data, tmp_path / "data"))
    return Cluster(cluster_template.server, cluster_template.server.fresh("prepared"), data)
