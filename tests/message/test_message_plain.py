"""The text that stands beside HTML."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailwright.message.plain import MAX_HTML, text_of_html


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("", "\n"),
        ("Hi", "Hi\n"),
        ("<p>One</p><p>Two</p>", "One\n\nTwo\n"),
        ("a<br>b<br/>c", "a\nb\nc\n"),
        ("<b>bold</b> and <i>more</i>", "bold and more\n"),
        ("much   \n  white \t space", "much white space\n"),
        ("<ul><li>one</li><li>two</li></ul>", "- one\n- two\n"),
        ('<a href="https://acme.example/x">Your invoice</a>', "Your invoice (https://acme.example/x)\n"),
        ('<a href="https://acme.example/x">https://acme.example/x</a>', "https://acme.example/x\n"),
        ('<a href="mailto:a@acme.example">a@acme.example</a>', "a@acme.example\n"),
        ('<a href="javascript:alert(1)">Click</a>', "Click\n"),
        ("<style>p{}</style><script>x()</script><p>Seen</p>", "Seen\n"),
        ("<title>T</title><p>Seen</p>", "Seen\n"),
        ("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td><td>d</td></tr></table>", "a  b\nc  d\n"),
        ("<pre>a\n  b</pre>", "a\n  b\n"),
        ("Fish &amp; chips &#8364;5", "Fish & chips €5\n"),
        ('<img src="x" alt="Logo">', "[Logo]\n"),
        ("a<hr>b", "a\n--------------------\nb\n"),
        ("<p>never closed", "never closed\n"),
        ("</p></p>stray", "stray\n"),
        ("a < b > c", "a < b > c\n"),
        ("<!-- <p>not this --> but this", "but this\n"),
        ("<!DOCTYPE html><?xml?>x", "x\n"),
        ("<SCRIPT>if (a<b) x('</p>')</SCRIPT>Seen<style>never closed", "Seen\n"),
        ('<img alt="a > b" src=x>', "[a > b]\n"),
        ("<img src=x alt='&lt;Logo&gt;'>", "[<Logo>]\n"),
        ("<a HREF=https://acme.example/x?a=1&amp;b=2>Go</a>", "Go (https://acme.example/x?a=1&b=2)\n"),
        ("<head><meta charset=utf-8></head><body>x", "x\n"),
        ('<p title="never closed>x</p>', "x\n"),
    ],
)
def test_what_a_person_reads(html: str, expected: str) -> None:
    assert text_of_html(html) == expected


@pytest.mark.parametrize(
    "part",
    [
        "<",
        "<a ",
        '<a "',
        '<a ">"',
        "<a '>\"",
        "<!--",
        "<script>",
        "<script></script",
        "&",
        "<a href=",
        "<p>",
        "<a b=\"'",
        "</",
        "<!",
    ],
)
def test_hostile_html_is_read_in_time(part: str) -> None:
    began = time.perf_counter()
    text_of_html(part * (MAX_HTML // len(part)))
    assert time.perf_counter() - began < 10


@given(
    st.text(max_size=400)
    | st.lists(
        st.sampled_from(["<p>", "</p>", "<a href=x>", "</a>", "<pre>", "</pre>", "<!--", "-->", "<", "x ", "&", "\n"])
    ).map("".join)
)
def test_nothing_escapes(html: str) -> None:
    text = text_of_html(html)
    assert text.endswith("\n")
    assert "\n\n\n" not in text or "<pre" in html
