"""Received-SPF written and read (RFC 7208 §9.1)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailwright.auth.results.received_spf import ReceivedSpf, read_received_spf, write_received_spf
from mailwright.message import headers
from mailwright.values import Malformed

BOTH = [  # values, the field, because
    (ReceivedSpf("none"), "Received-SPF: none\n", "a result alone"),
    (
        ReceivedSpf(
            "pass",
            "mx.ours.example: 192.0.2.1 may send for shop.example",
            (("client-ip", "192.0.2.1"), ("envelope-from", "ann@shop.example"), ("helo", "out.shop.example")),
        ),
        (
            "Received-SPF: pass (mx.ours.example: 192.0.2.1 may send for shop.example)\n"
            ' client-ip=192.0.2.1; envelope-from="ann@shop.example"; helo=out.shop.example\n'
        ),
        "an address is no dot-atom: quoted, as in the RFC's examples",
    ),
    (
        ReceivedSpf("softfail", "", (("client-ip", "2001:db8::1"), ("mechanism", "include:_spf.b.example"))),
        'Received-SPF: softfail client-ip="2001:db8::1";\n mechanism="include:_spf.b.example"\n',
        "nor is what has a colon",
    ),
    (
        ReceivedSpf("fail", "x\\) y", (("helo", 'x"; helo=y'), ("problem", ""))),
        'Received-SPF: fail (x\\\\\\) y) helo="x\\"; helo=y"; problem=""\n',
        "nothing ends its brackets or quotes",
    ),
]
READ = [  # value, values, because
    (
        "Pass (a.example: b) receiver=a; client-ip=192.0.2.1;\r\n mechanism=ip4:192.0.2.1; envelope-from=a@b.example; helo=b;",
        ReceivedSpf(
            "pass",
            "a.example: b",
            (
                ("receiver", "a"),
                ("client-ip", "192.0.2.1"),
                ("mechanism", "ip4:192.0.2.1"),
                ("envelope-from", "a@b.example"),
                ("helo", "b"),
            ),
        ),
        "values without quotes, a semicolon at the end",
    ),
    (
        "SoftFail(x)Client-IP = (y) 192.0.2.1",
        ReceivedSpf("softfail", "x y", (("client-ip", "192.0.2.1"),)),
        "odd spacing, letter case",
    ),
    (
        "neutral client-ip=192.0.2.1 helo=b",
        ReceivedSpf("neutral", "", (("client-ip", "192.0.2.1"), ("helo", "b"))),
        "no semicolons",
    ),
    ("unknown", ReceivedSpf("unknown"), "a word of older drafts"),
]


@pytest.mark.parametrize("values, text, because", BOTH, ids=[row[2] for row in BOTH])
def test_written_and_read(values: ReceivedSpf, text: str, because: str) -> None:
    assert write_received_spf(values) == text.replace("\n", "\r\n"), because
    assert read_received_spf(write_received_spf(values)) == values


@pytest.mark.parametrize("value, values, because", READ, ids=[row[2] for row in READ])
def test_read(value: str, values: ReceivedSpf, because: str) -> None:
    assert read_received_spf(value) == values, because
    assert read_received_spf(f"RECEIVED-SPF: {value}\r\n".encode()) == values, "the whole field, as octets"


@pytest.mark.parametrize("value", ["", " (x)", "=pass", "pass helo", "pass =b", 'pass helo="b', "pass (b", "pass helo=b\0"])
def test_malformed(value: str) -> None:
    with pytest.raises(Malformed):
        read_received_spf(value)


def test_what_is_found_in_it() -> None:
    assert read_received_spf("pass helo=b").value("helo") == "b"
    assert read_received_spf("pass helo=b").value("client-ip") == ""


@pytest.mark.parametrize("values", [ReceivedSpf("a b"), ReceivedSpf("pass", "", (("a=b", "c"),))])
def test_names_are_keywords(values: ReceivedSpf) -> None:
    with pytest.raises(Malformed):
        write_received_spf(values)


KEYWORDS = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?", fullmatch=True)


@given(st.builds(ReceivedSpf, KEYWORDS, st.text(), st.lists(st.tuples(KEYWORDS, st.text(max_size=500)), max_size=6).map(tuple)))
def test_nothing_breaks_out_of_the_field(values: ReceivedSpf) -> None:
    octets = write_received_spf(values).encode()
    (only,) = headers.fields(octets)
    assert only.name == b"received-spf"
    assert headers.faults(octets, (only,)) == []
    read = read_received_spf(octets)
    assert [key for key, _ in read.pairs] == [key for key, _ in values.pairs]
    if all(text.isprintable() and len(text.encode()) <= 400 for text in (values.comment, *[value for _, value in values.pairs])):
        assert read == values


@given(st.text() | st.binary())
def test_any_octets_give_values_or_malformed(value: str | bytes) -> None:
    try:
        assert read_received_spf(value).result
    except Malformed:
        return
