"""Tag lists as RFC 6376 §3.2 writes them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailwright.auth import read_tags
from mailwright.auth.tags import without_space
from mailwright.values import Malformed

GOOD = [  # text, tags, because
    ("v=1; a=rsa-sha256", {"v": "1", "a": "rsa-sha256"}, "the usual"),
    ("v=1;a=b;", {"v": "1", "a": "b"}, "one semicolon may end the list"),
    ("v=1; \t", {"v": "1"}, "with white space after it"),
    (" v = 1 ;\r\n\ta\r\n = b c ", {"v": "1", "a": "b c"}, "FWS around names and values is no part of them"),
    ("h=From : To :\r\n Subject", {"h": "From : To : Subject"}, "white space within stays, folds do not"),
    ("p=", {"p": ""}, "an empty value is a value: a revoked key"),
    ("b=a=b==", {"b": "a=b=="}, "later equals signs belong to the value"),
    ("V=1; v=2", {"V": "1", "v": "2"}, "names are case-sensitive"),
    ("x_1=y", {"x_1": "y"}, "digits and underscores within a name"),
    ("n=grün", {"n": "grün"}, "text beyond ASCII is not a fault (§3.2, RFC 8616)"),
    ("", {}, "no tag at all is read as none"),
]
BAD = [  # text, because
    ("v=1; v=1", "a name twice voids the list"),
    ("v=1;; a=b", "an empty tag within"),
    (";v=1", "or at the start"),
    ("v=1;;", "or twice at the end"),
    ("v", "no equals sign"),
    ("=1", "no name"),
    ("1v=1", "a name begins with a letter"),
    ("_v=1", "not with an underscore"),
    ("v-1=1", "a hyphen is no part of a name"),
    ("v 1=1", "nor is a space"),
    ("ü=1", "names are ASCII"),
    ("v=1\r\na=b", "a line end that is no fold"),
    ("v=1\n a=b", "a bare LF"),
    ("v=\0", "a control character"),
    ("v=\x7f", "DEL"),
]


@pytest.mark.parametrize("text, tags, because", GOOD, ids=[row[2] for row in GOOD])
def test_good_lists(text: str, tags: dict[str, str], because: str) -> None:
    assert read_tags(text) == tags, because


@pytest.mark.parametrize("text, because", BAD, ids=[row[1] for row in BAD])
def test_bad_lists(text: str, because: str) -> None:
    with pytest.raises(Malformed):
        read_tags(text)


@given(st.text())
def test_any_text_gives_tags_or_malformed(text: str) -> None:
    try:
        tags = read_tags(text)
    except Malformed:
        return
    assert all(name and name.isascii() for name in tags)


@given(st.dictionaries(st.from_regex("[a-zA-Z][a-zA-Z0-9_]*", fullmatch=True), st.from_regex("[!-:<-~]*", fullmatch=True)))
def test_what_is_written_is_read(tags: dict[str, str]) -> None:
    assert read_tags("; ".join(f"{name}={value}" for name, value in tags.items())) == tags


def test_a_hundred_thousand_tags() -> None:
    assert len(read_tags(";".join(f"t{n}=x" for n in range(100_000)))) == 100_000


def test_white_space_without_meaning() -> None:
    assert without_space(" AB\r\n\t CD ") == "ABCD"
