"""`mailwright spf` beside a zone file: what it says, its JSON, its exit codes, and what it makes of strange input."""

import contextlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from mailwright.cli import main

ZONE = """
good.example       TXT "v=spf1 include:_spf.one.example -all"
soft.example       TXT "v=spf1 mx ?all"
soft.example       MX  1 mail.good.example
mail.good.example  A   185.1.2.3
two.example        TXT "v=spf1 include:_spf.one.example -all"
two.example        TXT "v=spf1 ip4:185.9.9.9 ~all"
broken.example     TXT "v=spf1 include:gone.example -all"
_spf.one.example   TXT "v=spf1 ip4:5.5.5.0/24 -all"
_spf.two.example   TXT "v=spf1 ip4:6.6.6.0/24 -all"
dark.example       FAILS
half.example       TXT "v=spf1 include:dark.example -all"
loop.example       CNAME loop.example
*.wild.example     TXT "v=spf1 ip4:5.5.5.5 -all"
xn--mnchen-3ya.example TXT "v=spf1 ip4:5.5.5.5 -all"
escape.example     TXT "v=spf1 \\027]0;owned\\007 -all"
"""
Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    huge = " ".join(f'"{"ip4:5.5.5.5 " * 20}"' for _ in range(250))
    (tmp_path / "zone").write_text(f'{ZONE}huge.example TXT "v=spf1 " {huge}\n')

    def run(*args: str) -> tuple[int, str]:
        with contextlib.chdir(tmp_path), pytest.raises(SystemExit) as ended:
            main(["spf", *args, "--zone", "zone"])
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out + said.err

    return run


RUNS: list[tuple[str, int, list[str], str]] = [
    # arguments, exit code, what must be said, because
    ("good.example", 0, ["1 lookup, 10 are allowed", "The record can stay as it is."], "all is well"),
    ("soft.example", 0, ["spf-all-neutral", "End it in ~all."], "a warning is no error"),
    ("soft.example --all ~all", 0, ["Publish this record", "?all becomes ~all", "neutral now, softfail then"], "another end"),
    ("soft.example --unsigned --all -all", 0, ["spf-strict-without-dkim"], "what the new record would have wrong"),
    ("good.example --add include:_spf.two.example", 0, ["gain 6.6.6.0/24", "lose nobody", "1 now, 2 then"], "one more service"),
    ("good.example --add include:_spf.one.example", 0, ["has all of this already"], "nothing to do"),
    ("good.example --drop include:_spf.one.example", 0, ["is dropped, as you said", "lose 5.5.5.0/24"], "who loses"),
    ("good.example --drop mx", 0, ["has all of this already"], "nothing to drop"),
    ("two.example", 1, ["spf-several-records", "in place of the 2", "-all gives way to ~all"], "two records"),
    ("broken.example", 1, ["spf-include-without-record", "no record to publish yet"], "a dead include"),
    ("broken.example --drop include:gone.example", 0, ["Publish this record"], "which may go"),
    ("none.example", 1, ["spf-no-record"], "no record"),
    ("none.example --add mx", 0, ['none.example TXT "v=spf1 mx ~all"', "spf-host-missing"], "the first record"),
    ("dark.example", 3, ["spf-no-answer"], "silent"),
    ("dark.example --add mx", 3, ["spf-no-answer"], "what cannot be seen is never replaced"),
    ("half.example --add mx", 3, ["spf-no-answer", "no record to publish yet"], "nor what cannot be counted"),
    ("good.example --ours _spf.one.example", 0, ["can stay as it is"], "ours is there"),
    ("good.example --ours _spf.two.example", 1, ["spf-ours-missing"], "ours is not"),
    ("good.example --ours mine", 2, ["cannot be added"], "no name"),
    (
        "good.example --helo mail.good.example --return-path b.good.example",
        0,
        ["spf-helo-missing", "spf-return-path-missing"],
        "names",
    ),
    ("good.example --add exists:x.example", 2, ["cannot be added", "include:_spf.example.com"], "not offered"),
    ("good.example --all +all", 2, ["'~all', '?all', '-all'"], "not offered either"),
    ("good.example --instead v=spf1 --add mx", 2, ["does not go with"], "either"),
    ("good.example --instead v=spf1", 0, ["lose 5.5.5.0/24"], "a record of one's own"),
    ("good.example --instead spf1", 1, ["no record to publish yet"], "which must be one"),
    ("GOOD.example.", 0, ["SPF of good.example"], "a trailing dot"),
    ("m\u00fcnchen.example", 0, ["xn--mnchen-3ya.example"], "an international name"),
    ("https://good.example/contact", 2, ["is not a domain name", "Is it good.example?"], "a link"),
    ("anna@good.example", 2, ["Is it good.example?"], "an address"),
    ("any.wild.example", 0, ["can stay as it is"], "a wildcard"),
    ("loop.example", 3, ["spf-no-answer"], "aliases in a circle are no missing record"),
    ("huge.example --add mx", 1, ["spf-record-long", "not read any further"], "60 KB"),
    ("escape.example", 1, ["spf-mechanism-unknown"], "nothing moves the cursor"),
]


@pytest.mark.parametrize("arguments,code,words,because", RUNS, ids=[row[0] for row in RUNS])
def test_what_it_says(run: Run, arguments: str, code: int, words: list[str], because: str) -> None:
    ended, said = run(*arguments.split())
    assert ended == code, because + said
    one_line = " ".join(said.split())
    assert [word for word in words if word not in one_line] == [], one_line
    assert "Traceback" not in said
    assert not [char for char in said if not char.isprintable() and char != "\n"]


def test_the_json_has_what_a_page_needs(run: Run) -> None:
    code, said = run("two.example", "--add", "ip4:7.7.7.7", "--json")
    data = json.loads(said)
    assert code == 0
    assert set(data) == {
        "domain", "sound", "known", "records", "survey", "findings", "replacement", "changes", "stops", "after", "costs",
        "preview", "ends", "dns", "evidence",
    }  # fmt: skip
    assert data["replacement"] == {
        "name": "two.example",
        "type": "TXT",
        "text": "v=spf1 include:_spf.one.example ip4:185.9.9.9 ip4:7.7.7.7 ~all",
        "strings": ["v=spf1 include:_spf.one.example ip4:185.9.9.9 ip4:7.7.7.7 ~all"],
        "changed": True,
    }
    assert data["preview"]["gains"] == ["5.5.5.0/24", "7.7.7.7", "185.9.9.9"]
    assert data["preview"]["losses"] == []
    assert data["costs"] == [
        {"term": "include:_spf.one.example", "lookups": 1, "void_lookups": 0, "networks": ["ip4:5.5.5.0/24"]}
    ]
    assert list(data["ends"]) == ["~all", "?all", "-all"]
