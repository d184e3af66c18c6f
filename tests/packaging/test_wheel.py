"""The wheel holds all that a running Mailwright needs, and starts without this folder."""

import os
import re
import signal
import subprocess
import sys
import sysconfig
import urllib.request
import venv
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

import mailwright

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ("pipx", "uv")
SETTINGS = """
http.address = "127.0.0.1:0"
[[listen]]
address = "127.0.0.1:0"
"""
# How a person starts it, and how the line is written with the folder of the tools and the wheel.
STARTED: list[tuple[str, Callable[[Path, Path], list[Path | str]]]] = [
    ("pipx run", lambda tools, wheel: [tools / "pipx", "run", "--spec", wheel, "mailwright", "run"]),
    ("uvx", lambda tools, wheel: [tools / "uvx", "--from", wheel, "mailwright", "run"]),
]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    done = subprocess.run(build, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return next(folder.glob("*.whl"))


@pytest.mark.slow
def test_every_file_of_the_package_is_in_the_wheel(wheel: Path) -> None:
    ours = {
        str(path.relative_to(ROOT / "src"))
        for path in (ROOT / "src" / "mailwright").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    packed = set(zipfile.ZipFile(wheel).namelist())
    assert ours - packed == set()
    assert {path for path in packed if path.endswith(("LICENSE", "NOTICE"))} != set()


@pytest.mark.slow
def test_the_command_starts_from_the_wheel(wheel: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", wheel], check=True)
    # The dependencies are those of this environment, the package is the wheel's: a path file comes after site-packages.
    site = subprocess.run(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], check=True, capture_output=True, text=True
    ).stdout.strip()
    Path(site, "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    told = subprocess.run(
        [tmp_path / "venv" / "bin" / "mailwright", "--version"], check=True, capture_output=True, text=True
    ).stdout
    assert mailwright.__version__ in told
    asked = "import mailwright; print(mailwright.__file__)"
    where = subprocess.run([python, "-c", asked], check=True, capture_output=True, text=True, cwd=tmp_path).stdout
    assert where.startswith(str(tmp_path))


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with pipx and uvx."""
    folder = tmp_path_factory.mktemp("tools")
    venv.create(folder, with_pip=True)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *TOOLS]
    done = subprocess.run(pip, check=False, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"pip finds no {' and '.join(TOOLS)} here: {done.stderr[-200:]}")
    return folder / "bin"


@pytest.mark.slow
@pytest.mark.parametrize("line", [line for _, line in STARTED], ids=[name for name, _ in STARTED])
def test_it_serves_without_being_installed(
    wheel: Path, tools: Path, tmp_path: Path, line: Callable[[Path, Path], list[Path | str]]
) -> None:
    (tmp_path / "mailwright.toml").write_text(SETTINGS)
    own = ("MAILWRIGHT_", "PYTHON", "VIRTUAL_ENV", "XDG_", "PIPX_", "UV_CACHE_DIR")
    environ = {name: value for name, value in os.environ.items() if not name.startswith(own)}
    environ |= {"HOME": str(tmp_path / "home"), "PIPX_DEFAULT_PYTHON": sys.executable, "UV_PYTHON": sys.executable}
    with subprocess.Popen(line(tools, wheel), cwd=tmp_path, env=environ, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        said = []
        for row in program.stdout:
            said.append(row)
            if row.startswith("Stop with Ctrl-C"):
                break
        welcome = "".join(said)
        try:
            assert f"Mailwright {mailwright.__version__} serves:" in welcome
            assert re.search(r"swaks --server 127\.0\.0\.1:[1-9][0-9]+ --tls .* --auth-password mw_", welcome), welcome
            found = re.search(r"http://127\.0\.0\.1:[0-9]+/", welcome)
            assert found is not None, welcome
            with urllib.request.urlopen(f"{found[0]}healthz", timeout=10) as answer:
                assert answer.status == 200
        finally:
            program.send_signal(signal.SIGINT)
        assert program.wait(30) == 0
