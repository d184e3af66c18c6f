"""Authentication-Results written and read (RFC 8601), examples in the shapes of its appendix B."""

import string

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mailwright.auth.results.model import AuthResults, MethodResult, Property
from mailwright.auth.results.read import read_results
from mailwright.auth.results.scan import MAX_TEXT
from mailwright.auth.results.write import MAX_COLUMNS, MAX_VALUE, write_results
from mailwright.message import headers
from mailwright.values import Malformed


def field(text: str) -> str:
    return text.replace("\n", "\r\n")


WRITTEN = [  # results, the field, because
    (AuthResults("mx.example.net"), "Authentication-Results: mx.example.net; none\n", "B.2: served, nothing checked"),
    (AuthResults("mx.example.net", version=1), "Authentication-Results: mx.example.net 1; none\n", "§2.6: the version"),
    (
        AuthResults("mx.example.net", comment="own network"),
        "Authentication-Results: mx.example.net; none (own network)\n",
        "a comment tells why nothing was checked",
    ),
    (
        AuthResults("mx.example.net", (MethodResult("spf", "pass", "", (Property("smtp", "mailfrom", "shop.example"),)),)),
        "Authentication-Results: mx.example.net;\n spf=pass smtp.mailfrom=shop.example\n",
        "B.3: one result",
    ),
    (
        AuthResults(
            "mx.example.net",
            (
                MethodResult("auth", "pass", "", (Property("smtp", "auth", "ann@shop.example"),), comment="cram-md5"),
                MethodResult("spf", "fail", "not listed", (Property("smtp", "mailfrom", "shop.example"),)),
            ),
        ),
        (
            "Authentication-Results: mx.example.net;\n auth=pass (cram-md5) smtp.auth=ann@shop.example;\n"
            ' spf=fail reason="not listed" smtp.mailfrom=shop.example\n'
        ),
        "B.4: several, each on its line; a reason is always quoted",
    ),
    (
        AuthResults("a.example", (MethodResult("dkim", "pass", version=1, properties=(Property("header", "i", "@b.example"),)),)),
        "Authentication-Results: a.example;\n dkim/1=pass header.i=@b.example\n",
        "§2.2: a method with its version; an identity without local part is no token and stays plain",
    ),
    (
        AuthResults(
            "a.example", (MethodResult("iprev", "pass", "", (Property("policy", "iprev", "2001:db8::25", "b.example"),)),)
        ),
        'Authentication-Results: a.example;\n iprev=pass policy.iprev="2001:db8::25" (b.example)\n',
        "a colon is no token character: quoted",
    ),
    (
        AuthResults("a.example", (MethodResult("dkim", "pass", "", (Property("header", "b", "Ab/+cd=="),)),)),
        'Authentication-Results: a.example;\n dkim=pass header.b="Ab/+cd=="\n',
        "nor are slash and equals",
    ),
    (
        AuthResults("a.example", (MethodResult("spf", "pass", "", (Property("smtp", "mailfrom", "grün@b.example"),)),)),
        'Authentication-Results: a.example;\n spf=pass smtp.mailfrom="grün@b.example"\n',
        "RFC 8616 §5: UTF-8 for internationalised mail",
    ),
    (
        AuthResults("a.example", (MethodResult("spf", "none", "", (Property("smtp", "mailfrom", ""),)),)),
        'Authentication-Results: a.example;\n spf=none smtp.mailfrom=""\n',
        "an empty value is an empty quoted string",
    ),
    (
        AuthResults("a.example", (MethodResult("spf", "pass", "", (Property("smtp", "mailfrom", 'x"; dkim=pass'),)),)),
        'Authentication-Results: a.example;\n spf=pass smtp.mailfrom="x\\"; dkim=pass"\n',
        "a value never ends its quotes",
    ),
    (
        AuthResults("a.example", (MethodResult("spf", "pass", "", (Property("smtp", "helo", "x\r\nBcc: b@b.example"),)),)),
        'Authentication-Results: a.example;\n spf=pass smtp.helo="x  Bcc: b@b.example"\n',
        "nor its line",
    ),
    (
        AuthResults("a.example", (MethodResult("spf", "pass", comment="x) y (z \\"),)),
        "Authentication-Results: a.example;\n spf=pass (x\\) y \\(z \\\\)\n",
        "nor does a comment",
    ),
    (
        AuthResults(
            "a.example",
            (
                MethodResult(
                    "dkim",
                    "fail",
                    "the body of the mail was changed after it was signed, as mailing lists do",
                    (Property("header", "d", "shop.example"), Property("header", "s", "mail2026")),
                ),
            ),
        ),
        (
            'Authentication-Results: a.example;\n dkim=fail reason="the body of the mail was changed after it was signed, as\n'
            ' mailing lists do" header.d=shop.example header.s=mail2026\n'
        ),
        "folded at 78 columns, also at a blank within quotes (RFC 5322 §3.2.4)",
    ),
]


@pytest.mark.parametrize("results, text, because", WRITTEN, ids=[row[2] for row in WRITTEN])
def test_written(results: AuthResults, text: str, because: str) -> None:
    assert write_results(results) == field(text), because


def one(
    method: str, result: str, *properties: Property, reason: str = "", comment: str = "", version: int | None = None
) -> MethodResult:
    return MethodResult(method, result, reason, properties, version, comment)


READ = [  # value, results, because
    ("a.example; none", AuthResults("a.example"), "nothing checked"),
    ("a.example 1; none;", AuthResults("a.example", version=1), "with a version, and a semicolon too many"),
    ("a.example", AuthResults("a.example"), "no result at all is read as none"),
    ('"a.example"; none', AuthResults("a.example"), "§2.2: the name of the server may be quoted"),
    (
        (
            "srv (first) 1 (second);\r\n\tdkim (third) / 1 (fourth) = (fifth) fail\r\n\t  policy (sixth) . (seventh) expired"
            "\r\n\t  (eighth) = (ninth) 1362471462"
        ),
        AuthResults(
            "srv",
            (
                one(
                    "dkim",
                    "fail",
                    Property("policy", "expired", "1362471462", "sixth seventh eighth ninth"),
                    comment="third fourth fifth",
                    version=1,
                ),
            ),
            1,
            "first second",
        ),
        "B.7: comments wherever one may stand",
    ),
    (
        "a.example; SPF=Pass SMTP.MailFrom=B@C.example",
        AuthResults("a.example", (one("spf", "pass", Property("smtp", "mailfrom", "B@C.example")),)),
        "names are given in lower case, values as they are",
    ),
    (
        "a.example;dkim=pass(2048-bit key; x (y))header.d = b.example  ;spf=none",
        AuthResults(
            "a.example",
            (one("dkim", "pass", Property("header", "d", "b.example"), comment="2048-bit key; x (y)"), one("spf", "none")),
        ),
        "no blank where one is usual, blanks where none are; a semicolon in a nested comment",
    ),
    (
        'a.example; x-new=maybe reason="q\\"r" x-type.x-name="v; w" (c)',
        AuthResults("a.example", (one("x-new", "maybe", Property("x-type", "x-name", "v; w", "c"), reason='q"r'),)),
        "§2.7.6: unknown methods, results and types are kept; quoted pairs are undone",
    ),
    (
        "spf=pass (sender IP is 192.0.2.1) smtp.mailfrom=b.example; dmarc=pass action=none header.from=b.example;x=y reason=100",
        AuthResults(
            "",
            (
                one("spf", "pass", Property("smtp", "mailfrom", "b.example"), comment="sender IP is 192.0.2.1"),
                one("dmarc", "pass", Property("", "action", "none"), Property("header", "from", "b.example")),
                one("x", "y", reason="100"),
            ),
        ),
        "a large provider names no server, leaves types out and quotes no reason",
    ),
    (
        "a.example; dkim=pass header.b=Ab/+c==; iprev=pass policy.iprev=2001:db8::1",
        AuthResults(
            "a.example",
            (
                one("dkim", "pass", Property("header", "b", "Ab/+c==")),
                one("iprev", "pass", Property("policy", "iprev", "2001:db8::1")),
            ),
        ),
        "base64 and IPv6 addresses without quotes are common",
    ),
    (
        'a.example; spf=pass smtp.mailfrom="odd one"@b.example',
        AuthResults("a.example", (one("spf", "pass", Property("smtp", "mailfrom", '"odd one"@b.example')),)),
        "a quoted local part keeps its quotes",
    ),
    (
        "a.example; spf=none smtp.mailfrom=; dkim=none",
        AuthResults("a.example", (one("spf", "none", Property("smtp", "mailfrom", "")), one("dkim", "none"))),
        "the null sender, written by many as nothing",
    ),
    (
        "a.example; smime=fail (revoked) body.smime-identifier=ann@b.example body.smime-part=2",
        AuthResults(
            "a.example",
            (
                one(
                    "smime",
                    "fail",
                    Property("body", "smime-identifier", "ann@b.example"),
                    Property("body", "smime-part", "2"),
                    comment="revoked",
                ),
            ),
        ),
        "RFC 7281: hyphens in names",
    ),
]
BAD = [  # value, because
    ("", "empty"),
    (" (only a comment) ", "nothing but a comment"),
    ("a.example; spf", "no result"),
    ("a.example; spf=", "an empty result"),
    ("a.example; =pass", "no method"),
    ("a.example; none yet", "none with more behind it"),
    ("a.example b.example; spf=pass", "two names"),
    ("a.example; spf=pass smtp.mailfrom", "a property without value"),
    ("a.example; spf=pass smtp.=x", "a property without name"),
    ('a.example; spf=pass reason="open', "a quote that does not end"),
    ("a.example; spf=pass (open", "a comment that does not end"),
    ("a.example; spf=pass ((open)", "nor a nested one"),
    ("a.example; dkim=none header.d=none;a.example; dmarc=none", "the server's name once more"),
    ("a.example; spf=pass\0", "a control character"),
    ("a.example; spf=pass\nBcc: b@b.example", "a bare line feed"),
    ("a.example; " + "spf=pass; " * MAX_TEXT, "too long"),
]


@pytest.mark.parametrize("value, results, because", READ, ids=[row[2] for row in READ])
def test_read(value: str, results: AuthResults, because: str) -> None:
    assert read_results(value) == results, because
    assert read_results(f"Authentication-Results: {value}\r\n".encode()) == results, "the whole field, as octets"


@pytest.mark.parametrize("value, because", BAD, ids=[row[1] for row in BAD])
def test_malformed(value: str, because: str) -> None:
    with pytest.raises(Malformed) as fault:
        read_results(value)
    assert str(fault.value)
    assert fault.value.remedy


def test_what_is_found_in_a_field() -> None:
    read = read_results("a.example; dkim=pass header.d=b.example; dkim=fail header.d=c.example; spf=none")
    assert [result.value("header", "d") for result in read.of("dkim")] == ["b.example", "c.example"]
    assert read.of("dmarc") == ()
    assert read.of("spf")[0].value("smtp", "mailfrom") == ""


@pytest.mark.parametrize("name", ["", "a b", "a=b", "a.b", "-", "a-", "ü", "a\r\nb", "x" * 65])
@pytest.mark.parametrize("place", ["method", "result", "ptype", "name"])
def test_names_are_keywords(place: str, name: str) -> None:
    words = {"method": "spf", "result": "pass", "ptype": "smtp", "name": "helo"} | {place: name}
    result = MethodResult(words["method"], words["result"], "", (Property(words["ptype"], words["name"], "x"),))
    with pytest.raises(Malformed):
        write_results(AuthResults("a.example", (result,)))


# --- whatever it holds --------------------------------------------------------------------------------------------------

KEYWORDS = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?", fullmatch=True)
ANY_TEXT = st.text(max_size=60) | st.text(string.printable + '\r\n\0\x7f();="\\ \u2028\ud800ü', max_size=900)
CLEAN_TEXT = ANY_TEXT.map(lambda text: "".join(char for char in text if char.isprintable())).map(
    lambda text: text.encode()[:MAX_VALUE].decode("utf-8", "ignore")
)
VERSIONS = st.none() | st.integers(0, 999)


def results_of(text: "st.SearchStrategy[str]") -> "st.SearchStrategy[AuthResults]":
    properties = st.lists(st.builds(Property, KEYWORDS, KEYWORDS, text, text), max_size=4).map(tuple)
    method = KEYWORDS.filter(lambda word: word != "none")
    results = st.lists(st.builds(MethodResult, method, KEYWORDS, text, properties, VERSIONS, text), max_size=4).map(tuple)
    return st.builds(AuthResults, text, results, VERSIONS, text)


@given(results_of(CLEAN_TEXT))
@example(AuthResults("", (), None, ""))
@example(AuthResults("none", (), None, "none"))
@example(AuthResults("1", (), 1, "  "))
def test_what_is_written_is_read(results: AuthResults) -> None:
    assert read_results(write_results(results)) == results


@given(results_of(ANY_TEXT))
def test_nothing_breaks_out_of_the_field(results: AuthResults) -> None:
    octets = write_results(results).encode()
    (only,) = headers.fields(octets)
    assert only.name == b"authentication-results"
    assert only.raw == octets
    assert headers.faults(octets, (only,)) == []  # no control, no line over 998, no line of blanks
    read = read_results(octets)
    assert len(read.results) == len(results.results)
    assert [len(result.properties) for result in read.results] == [len(result.properties) for result in results.results]
    assert write_results(read).encode() == octets


@given(results_of(st.text(string.ascii_letters + " ", max_size=300)))
def test_folded_where_it_can_be(results: AuthResults) -> None:
    for line in write_results(results).split("\r\n"):
        assert len(line) <= MAX_COLUMNS or " " not in line.strip() or "  " in line, "a long line has no place to fold"


@given(ANY_TEXT | st.binary(max_size=300) | st.text('abs;=.()"\\ \t/1', max_size=80))
def test_any_octets_give_results_or_malformed(value: str | bytes) -> None:
    try:
        read = read_results(value)
    except Malformed:
        return
    assert all(result.method and result.result for result in read.results)


@pytest.mark.parametrize(
    "text", ["(" * MAX_TEXT, '"' * MAX_TEXT, "a;" * (MAX_TEXT // 2), "(a)" * (MAX_TEXT // 3), 'a.b; c=d e.f="' + "\\" * 60_000]
)
def test_long_odd_fields_are_read_in_one_go(text: str) -> None:
    try:
        read_results(text)
    except Malformed:
        return
