"""The one reader of From: what it takes, what it refuses, and that there is no second reading."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailwright.message.author import Mailbox, author, author_domain, mailboxes, read_author
from mailwright.message.headers import fields
from mailwright.values import Finding

TAKEN = [
    ("a@b.example", "a@b.example", "", "a bare address"),
    ("Jane Doe <jane@b.example>", "jane@b.example", "Jane Doe", "the usual form"),
    ("<jane@b.example>", "jane@b.example", "", "no name"),
    (" \tJane\t<jane@b.example> ", "jane@b.example", "Jane", "blanks around"),
    ('"Doe, Jane" <jane@b.example>', "jane@b.example", "Doe, Jane", "a comma inside quotes"),
    ('"a <x@ok.example>" <y@bad.example>', "y@bad.example", "a <x@ok.example>", "an address inside a name is a name"),
    ('"x@ok.example" <y@bad.example>', "y@bad.example", "x@ok.example", "only what stands in brackets counts"),
    (
        r'"a \" <x@ok.example>, " <y@bad.example>',
        "y@bad.example",
        'a " <x@ok.example>,',
        "an escaped quote does not end the name",
    ),
    ("Acme Inc. <a@b.example>", "a@b.example", "Acme Inc.", "a full stop without quotes, RFC 5322 §4.1"),
    ("John Q. Public <a@b.example>", "a@b.example", "John Q. Public", "the RFC's own sample, appendix A.6.1"),
    ("a@b.example (Jane)", "a@b.example", "", "a comment, RFC 5322 §3.2.2"),
    ("(x@ok.example) a@b.example", "a@b.example", "", "an address in a comment is a comment"),
    ("a (c1 (c2 (c3))) @ b.example", "a@b.example", "", "nested comments and blanks around @, RFC 5322 §3.2.3 CFWS"),
    (r"(a \) <x@ok.example>) <y@bad.example>", "y@bad.example", "", "an escaped bracket does not end the comment"),
    ("Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>", "pete@silly.test", "Pete", "RFC 5322 appendix A.5"),
    ("=?utf-8?q?J=C3=A4ne?= <a@b.example>", "a@b.example", "Jäne", "an encoded word, RFC 2047"),
    ("=?utf-8?b?SsOk?= =?utf-8?b?bmU=?= <a@b.example>", "a@b.example", "Jäne", "two encoded words join"),
    ("=?utf-8?q?x=40ok.example=3E?= <y@bad.example>", "y@bad.example", "x@ok.example>", "an encoded word is never an address"),
    ("=?nonsense?q?a?= <a@b.example>", "a@b.example", "a", "a charset nobody knows"),
    ("Jäne <a@b.example>", "a@b.example", "Jäne", "UTF-8, RFC 6532"),
    ("jäne@b.example", "jäne@b.example", "", "a local part in UTF-8, RFC 6532 §3.2"),
    ("a@bücher.example", "a@xn--bcher-kva.example", "", "an IDN domain becomes A-labels"),
    ("A@B.EXAMPLE", "A@b.example", "", "a domain has no case, a local part may"),
    ('"a b"@c.example', '"a b"@c.example', "", "a quoted local part"),
    ('"a"@c.example', "a@c.example", "", "quotes that are not needed go"),
    ('"@ok.example, x"@c.example', '"@ok.example, x"@c.example', "", "the last @ outside quotes counts"),
    ("\u202egnp.exe <a@b.example>", "a@b.example", "gnp.exe", "marks that turn text round are not shown"),
    ("a+b=c@d.example", "a+b=c@d.example", "", "characters of an atom"),
]

REFUSED = [
    ("", "from-missing", "empty"),
    ("<>", "from-malformed", "the null address writes nothing"),
    ("Jane", "from-malformed", "no address"),
    ("a@ok.example, b@bad.example", "from-several", "two authors"),
    ("Doe, Jane <a@b.example>", "from-malformed", "a comma without quotes"),
    ("a@b.example,", "from-several", "an empty list member, RFC 5322 §4.4"),
    (",a@b.example", "from-malformed", "the same in front"),
    ("Team: a@b.example, c@d.example;", "from-group", "a group, RFC 6854"),
    ("undisclosed:;", "from-group", "an empty group"),
    ("Team: a@b.example", "from-malformed", "a group without end"),
    ("x@ok.example <y@bad.example>", "from-malformed", "two addresses for one author"),
    ("<x@ok.example> <y@bad.example>", "from-malformed", "twice brackets"),
    ("<y@bad.example> x@ok.example", "from-malformed", "text after the address"),
    ("a@b.example c", "from-malformed", "text after a bare address"),
    ("<@r1.example,@r2.example:a@b.example>", "from-malformed", "a source route, RFC 5322 §4.4"),
    ("<@r1.example:a@b.example>", "from-malformed", "the same with one host"),
    ("a@[192.0.2.1]", "from-malformed", "an address literal has no domain to judge by"),
    ("a@b@c.example", "from-malformed", "two @"),
    ("<a@b.example", "from-malformed", "no closing bracket"),
    ("a@b.example>", "from-malformed", "no opening bracket"),
    ("<<a@b.example>>", "from-malformed", "doubled brackets"),
    ('"Jane <a@b.example>', "from-malformed", "a quote without end"),
    ("Jane (x <a@b.example>", "from-malformed", "a comment without end"),
    ("(" * 30 + ")" * 30 + "a@b.example", "from-malformed", "comments nested too deep"),
    ("a . b@c.example", "from-malformed", "blanks around a full stop, RFC 5322 §4.4"),
    ('"a"."b"@c.example', "from-malformed", "an obsolete local part, RFC 5322 §4.4"),
    ("a@b .example", "from-malformed", "an obsolete domain, RFC 5322 §4.4"),
    ("a..b@c.example", "from-malformed", "a doubled full stop"),
    (".a@c.example", "from-malformed", "a full stop in front"),
    ("a@", "from-malformed", "no domain"),
    ("@b.example", "from-malformed", "no local part"),
    ("a@b_c.example", "from-malformed", "an underscore is no host name"),
    ("a@-b.example", "from-malformed", "a hyphen in front"),
    ("a\x00@b.example", "from-malformed", "NUL"),
    ("a@b.example\x00", "from-malformed", "NUL at the end"),
    ("a@b.example (\x0b)", "from-malformed", "a control in a comment"),
    ("Jane\n <a@b.example>", "from-malformed", "a bare LF"),
    ("a@b.example\rBcc: x@y.example", "from-malformed", "a bare CR"),
    ("a@b.example; c@d.example", "from-malformed", "a semicolon between addresses"),
    ("x" * 65 + "@b.example", "from-malformed", "a local part over 64 octets"),
    ('"' + "x" * 2000 + '" <a@b.example>', "from-malformed", "a name over the bound"),
]


def read(value: str) -> Mailbox | Finding:
    return author(fields(b"From: " + value.encode() + b"\r\n"))


@pytest.mark.parametrize(("value", "address", "name", "because"), TAKEN)
def test_one_author_is_read(value: str, address: str, name: str, because: str) -> None:
    writer = read(value)
    assert isinstance(writer, Mailbox), (because, writer)
    assert (str(writer.address), writer.name) == (address, name), because


@pytest.mark.parametrize(("value", "code", "because"), REFUSED)
def test_what_could_be_read_twice_is_refused(value: str, code: str, because: str) -> None:
    refusal = read(value)
    assert isinstance(refusal, Finding), (because, refusal)
    assert refusal.code == code, because
    assert refusal.what
    assert refusal.do
    assert refusal.reference


@pytest.mark.parametrize(
    ("head", "code", "because"),
    [
        (b"To: a@b.example\r\n", "from-missing", "no From"),
        (b"From: a@ok.example\r\nFrom: b@bad.example\r\n", "from-repeated", "two From fields"),
        (b"From: a@ok.example\r\nfrom : b@bad.example\r\n", "from-repeated", "one of them with a blank before its colon"),
        (b"From: a@ok.example\r\nFROM: a@ok.example\r\n", "from-repeated", "although both say the same"),
        (b"From: \xff <a@b.example>\r\n", "from-malformed", "not UTF-8, RFC 6532 §3.1"),
        (b"Sender: a@b.example\r\n", "from-missing", "Sender is not the author"),
    ],
)
def test_there_is_one_from_field(head: bytes, code: str, because: str) -> None:
    refusal = author(fields(head))
    assert isinstance(refusal, Finding), because
    assert refusal.code == code


LISTS = [
    ("a@b.example, Jane <c@d.example>", ["a@b.example", "c@d.example"], "two"),
    ("Team: a@b.example, c@d.example;, e@f.example", ["a@b.example", "c@d.example", "e@f.example"], "a group and one more"),
    ("undisclosed-recipients:;", [], "the empty group"),
    ("a@b.example, broken <, c@d.example", ["a@b.example", "c@d.example"], "what cannot be read is passed over"),
    ("a@b.example; c@d.example", ["a@b.example", "c@d.example"], "semicolons, as some programs write them"),
    (", ,a@b.example,,", ["a@b.example"], "empty members, RFC 5322 §4.4"),
    ("", [], "nothing"),
    ("<>", [], "the null address"),
    ('"unclosed', [], "not even tokens"),
]


@pytest.mark.parametrize(("value", "addresses", "because"), LISTS)
def test_lists_are_read_as_far_as_they_can_be(value: str, addresses: list[str], because: str) -> None:
    assert [str(box.address) for box in mailboxes(value.encode())] == addresses, because


PIECES = st.lists(
    st.sampled_from(
        ['"', "(", ")", "<", ">", "@", ",", ":", ";", "\\", " ", ".", "a", "b.example", "=?utf-8?b?", "?=", "ä", "\x00", "["]
    )
)


@given(PIECES.map(lambda parts: "".join(parts).encode()) | st.binary())
def test_nothing_raises_and_lists_are_bounded(value: bytes) -> None:
    assert isinstance(read_author(value), Mailbox | Finding)
    assert len(mailboxes(value)) <= 1000


@given(st.text(max_size=60))
def test_a_quoted_name_never_changes_the_address(name: str) -> None:
    inner = "".join("\\" + char if char in '"\\' else char for char in name if char.isprintable())
    writer = read(f'"{inner}" <y@bad.example>')
    assert isinstance(writer, Mailbox)
    assert str(writer.address) == "y@bad.example"


DOMAINS = [
    ("Jane <jane@b.example>", "b.example", "one author, RFC 9989 §5.3.1"),
    ("a@b.example, C <c@B.example>", "b.example", "several authors of one domain, RFC 5322 §3.6.2"),
    ("Team: a@b.example, c@b.example;", "b.example", "a group of one domain, RFC 6854 §2.1"),
    ("Team: a@b.example;, c@b.example", "b.example", "a group and a mailbox of one domain"),
    ("None:;, a@b.example", "b.example", "an empty group adds no domain"),
    ('"a@ok.example, b" <c@b.example>', "b.example", "a comma within quotes parts nothing"),
    ("a@bücher.example, b@xn--bcher-kva.example", "xn--bcher-kva.example", "one domain, spelt twice"),
    ("a@b.example, c@d.example", "from-several", "two domains"),
    ("Team: a@b.example, c@d.example;", "from-group", "a group of two domains"),
    ("Team: a@b.example;, c@d.example", "from-group", "a group and a mailbox of two domains"),
    ("None:;", "from-group", "no domain at all"),
    ("a@b.example,", "from-several", "an empty list member, RFC 5322 §4.4"),
    ("a@b.example,, c@b.example", "from-several", "the same inside"),
    ("a@b.example, c@b.example d", "from-several", "text after the list"),
    ("Team: a@b.example c@b.example;", "from-malformed", "a comma is missing in a group"),
    ("a@b.example c@b.example", "from-malformed", "a comma is missing in a list"),
]


@pytest.mark.parametrize("value, expect, because", DOMAINS, ids=[row[2] for row in DOMAINS])
def test_the_one_domain(value: str, expect: str, because: str) -> None:
    found = author_domain(fields(f"From: {value}\r\n".encode()))
    assert (found.code if isinstance(found, Finding) else found.name) == expect, because


def test_the_one_domain_needs_one_field() -> None:
    twice = author_domain(fields(b"From: a@b.example\r\nFrom: a@b.example\r\n"))
    assert isinstance(twice, Finding)
    assert twice.code == "from-repeated"
    missing = author_domain(fields(b"Subject: x\r\n"))
    assert isinstance(missing, Finding)
    assert missing.code == "from-missing"


@given(st.binary(max_size=200))
def test_the_one_domain_is_that_of_the_one_author(value: bytes) -> None:
    head = fields(b"From: " + value.replace(b"\r", b"").replace(b"\n", b"") + b"\r\n")
    one, domain = author(head), author_domain(head)
    if isinstance(one, Mailbox):
        assert domain == one.address.domain
