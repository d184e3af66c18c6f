"""Node with the pinned packages of tests/clients/node, installed once below .venv; without Node the tests skip, and say why."""

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pytest

HERE = Path(__file__).with_name("node")
CACHE = Path(__file__).resolve().parents[2] / ".venv" / "node"
OLDEST = 20  # the official SDK and nodemailer say so
INSTALL = "apt-get install nodejs npm, or a newer Node from https://nodejs.org"


def node(folder: Path, script: str, environ: Mapping[str, str]) -> str:
    """Run an ES module with the packages; what it printed."""
    (folder / "node_modules").symlink_to(packages())
    (folder / "main.mjs").write_text(script)
    done = subprocess.run(
        ["node", "main.mjs"], cwd=folder, env=dict(environ), capture_output=True, text=True, check=False, timeout=30
    )
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


@cache
def packages() -> Path:
    """The folder node_modules. Skips where it cannot be; with REQUIRE_NODE=1 that is a failure."""
    place = CACHE / hashlib.sha256((HERE / "package-lock.json").read_bytes()).hexdigest()[:16]
    reason = _lacking() or ("" if place.exists() else _install(place))
    if reason:
        (pytest.fail if os.environ.get("REQUIRE_NODE") == "1" else pytest.skip)(reason)
    return place / "node_modules"


def _lacking() -> str:
    if shutil.which("node") is None or shutil.which("npm") is None:
        return f"node and npm are not installed: {INSTALL}"
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    old = int(version.removeprefix("v").partition(".")[0]) < OLDEST
    return f"Node is {version}, the packages need {OLDEST} or newer: {INSTALL}" if old else ""


def _install(place: Path) -> str:
    """Into a folder beside, then renamed: two test processes may do it at once. Why it failed, or nothing."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
        made = Path(shutil.copytree(HERE, Path(scratch, "made")))
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", str(made)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
        if done.returncode:
            return f"npm could not install {HERE / 'package.json'}: {done.stderr[-300:]}"
        try:
            made.rename(place)
        except OSError:  # the other process was first
            return "" if place.exists() else f"{place} cannot be made."
    return ""
