"""What a newcomer mistypes, and what the commands answer: what happened, and what to do about it."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest

from mailwright.cli import main, program

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command with a settings file of its own; returns its exit code and all that it said."""
    config = tmp_path / "mailwright.toml"
    config.write_text("")

    def run(*args: str) -> tuple[int, str]:
        try:
            main(["--config", str(config), *args])
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
        said = capsys.readouterr()
        return code, said.out + said.err

    run("account", "add", "acme")
    return run


# command, exit code, what must be said, because
MISTAKES = [
    (
        "wy",
        2,
        ["No such command 'wy'. Did you mean 'why'?", "Usage: mailwright "],
        "it is called mailwright, however it was started",
    ),
    ("why", 2, ["Missing argument 'ID'", "mailwright why --help"], "the help says where ids are found"),
    ("why nonsense", 1, ["is not an id", "such as"], "an id has a shape"),
    ("why 0000000000000", 1, ["There is no such message", "Looked in ", "mailwright.db", "mailwright.toml"], "another database?"),
    ("account add Acme", 1, ["cannot be the name", "small letters"], "names are for commands"),
    ("account add acme", 1, ["There is an account acme already"], "twice"),
    ("domain list nobody", 1, ["There is no account nobody", "mailwright account list", "Looked in "], "which one is said"),
    ("domain add acme not_a_domain", 1, ["is not a domain name"], "an underscore"),
    ("domain remove acme other.example --yes", 1, ["no such domain", "mailwright domain list ACCOUNT"], "it is not theirs"),
    (
        "dkim show other.example",
        1,
        ["other.example has no DKIM key here", "domain add ACCOUNT other.example"],
        "silence says nothing",
    ),
    ("key revoke acme xxxxxxxx", 1, ["There is no such key", "mailwright key list ACCOUNT"], "mistyped"),
    ("key add acme --scope admn", 2, ["'send', 'read', 'admin'"], "the words are named"),
    ("queue pause", 1, ["--site SITE, --account NAME or --message ID"], "of what?"),
    ("captured export nope", 1, ["is not an id"], "an id has a shape"),
    (
        "init nowhere/mailwright.toml",
        1,
        ["nowhere/mailwright.toml cannot be written", "a folder that is there"],
        "no such folder",
    ),
]


@pytest.mark.parametrize(("command", "code", "words", "because"), MISTAKES, ids=[row[0] for row in MISTAKES])
def test_a_mistake_is_answered_with_what_to_do(run: Run, command: str, code: int, words: list[str], because: str) -> None:
    ended, said = run(*command.split())
    assert ended == code, said
    assert [word for word in words if word not in said] == [], f"{because}: {said}"


def test_a_question_that_nobody_answers_changes_nothing(run: Run, tmp_path: Path) -> None:
    run("domain", "add", "acme", "acme.example")
    config = str(tmp_path / "mailwright.toml")
    asked = [sys.executable, "-m", "mailwright", "-c", config, "domain", "remove", "acme", "acme.example"]
    told = subprocess.run(asked, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert told.returncode == 130
    assert "Nothing was changed." in told.stderr
    assert "acme.example" in run("domain", "list", "acme")[1]


def test_rows_stay_on_one_line_where_a_program_reads_them(run: Run) -> None:
    name = "a-name-of-many-letters." * 6 + "example"
    run("domain", "add", "acme", name)
    assert f"{name}  no" in run("domain", "list", "acme")[1]


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    for name, command in group.commands.items():
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))


@pytest.mark.parametrize(
    ("path", "command"), list(commands(program)), ids=lambda value: " ".join(value) if isinstance(value, tuple) else ""
)
def test_every_command_says_what_it_does_without_being_cut(path: tuple[str, ...], command: click.Command) -> None:
    said = command.get_short_help_str(60)  # what fits beside the names of the commands on a terminal of 80 columns
    assert said.endswith("."), said
    assert not said.endswith("..."), said


def test_init_goes_on_with_what_lies_in_the_folder_of_the_user(tmp_path: Path) -> None:
    home, work = tmp_path / "home", tmp_path / "work"
    work.mkdir()

    def shell(*args: str) -> str:
        environ = {name: value for name, value in os.environ.items() if not name.startswith(("MAILWRIGHT_", "XDG_"))}
        command = [sys.executable, "-m", "mailwright", *args]
        told = subprocess.run(command, cwd=work, env={**environ, "HOME": str(home)}, capture_output=True, text=True, check=True)
        return told.stdout

    shell("account", "add", "acme")
    assert str(home / ".local" / "share" / "mailwright") in shell("init")
    assert "acme" in shell("account", "list"), "the file names the folder that was in use"
    assert "except one" not in shell("init", "other.toml"), "with a settings file there is nothing to take over"
