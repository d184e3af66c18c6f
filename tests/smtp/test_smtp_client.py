"""The client machine, told as dialogues: S is the server, C what we send, ! what happens."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailwright.smtp.client import Client
from mailwright.smtp.client_events import Event, Failed, NeedTls, Pour, Ready, Starttls, TransactionDone
from mailwright.smtp.credentials import Login
from mailwright.smtp.transaction import Envelope, Lost
from mailwright.values import Conflict, Malformed, Reply

OPEN = """
S: 220 mx.test ESMTP
C: EHLO me.test
S: 250-mx.test
S: 250-PIPELINING
S: 250-SIZE 1000
S: 250-8BITMIME
S: 250 SMTPUTF8
! Ready
"""

PLAIN_OPEN = """
S: 220 mx.test ESMTP
C: EHLO me.test
S: 250 mx.test
! Ready
"""

ONE = Envelope("a@me.test", ["b@mx.test"], 100)
TWO = Envelope("a@me.test", ["b@mx.test", "c@mx.test"], 100)


class Stage:
    """Plays a dialogue: feeds S lines as one read until something else follows, and compares what we say."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.events: list[Event] = []
        self.said = b""

    def play(self, text: str) -> "Stage":
        spoken = b""
        for line in text.strip().splitlines():
            kind, _, rest = line.partition(" ")
            if kind != "S:" and spoken:
                self._take(self.client.receive(spoken, 1.0))
                spoken = b""
            if kind == "S:":
                spoken += rest.encode() + b"\r\n"
            elif kind == "C:":
                wanted = rest.encode() + b"\r\n"
                assert self.said.startswith(wanted), (line, self.said)
                self.said = self.said[len(wanted) :]
            else:
                assert self.said == b""
                assert type(self.events.pop(0)).__name__ == rest, (line, self.events)
        if spoken:
            self._take(self.client.receive(spoken, 1.0))
        return self

    def begin(self, mail: Envelope) -> "Stage":
        self._take(self.client.begin(mail, 2.0))
        return self

    def pour(self, content: bytes = b"x\r\n") -> "Stage":
        wire = self.client.content(content)
        dot = self.client.end(3.0)
        assert dot is not None
        self.said += wire + dot
        return self

    def answers(self) -> dict[str, str]:
        assert self.said == b""
        done = self.events.pop(0)
        assert isinstance(done, TransactionDone)
        return {recipient: str(answer) for recipient, answer in done.answers.items()}

    def finding(self) -> str:
        failed = self.events.pop(0)
        assert isinstance(failed, Failed), failed
        assert self.client.phase == "closed"
        return failed.finding.code

    def _take(self, events: list[Event]) -> None:
        self.events += events
        self.said += self.client.outgoing()


def stage(**settings: object) -> Stage:
    return Stage(Client(ehlo="me.test", **settings))  # type: ignore[arg-type]


def test_a_pipelined_mail() -> None:
    on = stage().play(OPEN).begin(TWO)
    on.play("""
C: MAIL FROM:<a@me.test> SIZE=100
C: RCPT TO:<b@mx.test>
C: RCPT TO:<c@mx.test>
C: DATA
S: 250 2.1.0 Ok
S: 250 2.1.5 Ok
S: 250 2.1.5 Ok
S: 354 Go
! Pour""")
    on.pour(b".hidden\r\nend").play("""
C: ..hidden
C: end
C: .
S: 250 2.0.0 queued as 1""")
    assert on.answers() == {"b@mx.test": "250 2.0.0 queued as 1", "c@mx.test": "250 2.0.0 queued as 1"}
    assert on.client.phase == "idle"
    assert "hidden" not in str(on.client.transcript)
    assert "<12 octets of mail>" in str(on.client.transcript)


def test_step_by_step_where_there_is_no_pipelining() -> None:
    on = stage().play(PLAIN_OPEN).begin(TWO)
    on.play("""
C: MAIL FROM:<a@me.test>
S: 250 Ok
C: RCPT TO:<b@mx.test>
S: 550 5.1.1 no
C: RCPT TO:<c@mx.test>
S: 250 Ok
C: DATA
S: 354 Go
! Pour""")
    on.pour().play("C: x\nC: .\nS: 451 4.3.0 later")
    assert on.answers() == {"b@mx.test": "550 5.1.1 no", "c@mx.test": "451 4.3.0 later"}


REFUSALS = [
    ("S: 550 5.7.1 no\nS: 503 no\nS: 503 no\nS: 503 no", {"b": "550 5.7.1 no", "c": "550 5.7.1 no"}, "MAIL refused: for all"),
    ("S: 250 ok\nS: 550 5.1.1 b\nS: 452 4.2.2 c\nS: 554 none", {"b": "550 5.1.1 b", "c": "452 4.2.2 c"}, "each its own"),
    ("S: 250 ok\nS: 550 5.1.1 b\nS: 250 ok\nS: 451 4.3.0 d", {"b": "550 5.1.1 b", "c": "451 4.3.0 d"}, "DATA refused"),
    ("S: 250 ok\nS: 550 b\nS: 550 c\nS: 354 go\nC: .\nS: 554 none", {"b": "550 b", "c": "550 c"}, "a lone dot (RFC 2920 §3.1)"),
    (
        "S: 550 x\nS: 250 b\nS: 250 c\nS: 354 go\nC: .\nS: 250 ok",
        {"b": "550 x", "c": "550 x"},
        "MAIL refused, the rest let through",
    ),
]


@pytest.mark.parametrize("text, answers, because", REFUSALS)
def test_refusals_while_pipelined(text: str, answers: dict[str, str], because: str) -> None:
    on = stage().play(OPEN).begin(TWO)
    on.play("C: MAIL FROM:<a@me.test> SIZE=100\nC: RCPT TO:<b@mx.test>\nC: RCPT TO:<c@mx.test>\nC: DATA\n" + text)
    assert on.answers() == {f"{name}@mx.test": said for name, said in answers.items()}, because
    assert on.client.phase == "idle", because


def test_without_pipelining_nothing_follows_a_refused_mail_or_the_last_refused_recipient() -> None:
    on = stage().play(PLAIN_OPEN).begin(TWO).play("C: MAIL FROM:<a@me.test>\nS: 550 no")
    assert on.answers() == {"b@mx.test": "550 no", "c@mx.test": "550 no"}
    on.begin(ONE).play("C: MAIL FROM:<a@me.test>\nS: 250 ok\nC: RCPT TO:<b@mx.test>\nS: 550 no")
    assert on.answers() == {"b@mx.test": "550 no"}
    on.begin(ONE).play("C: RSET\nS: 250 ok\nC: MAIL FROM:<a@me.test>\nS: 250 ok\nC: RCPT TO:<b@mx.test>\nS: 250 ok\nC: DATA")


def test_an_open_envelope_is_reset_before_the_next_mail() -> None:
    on = stage().play(OPEN).begin(ONE)
    on.play("C: MAIL FROM:<a@me.test> SIZE=100\nC: RCPT TO:<b@mx.test>\nC: DATA\nS: 250 ok\nS: 550 no\nS: 554 none")
    on.answers()
    on.begin(ONE).play("C: RSET\nC: MAIL FROM:<a@me.test> SIZE=100\nC: RCPT TO:<b@mx.test>\nC: DATA\nS: 250 x\nS: 250 x")
    on.play("S: 250 x\nS: 354 x\n! Pour").pour().play("C: x\nC: .\nS: 250 ok")
    on.answers()
    on.begin(ONE).play("C: MAIL FROM:<a@me.test> SIZE=100\nC: RCPT TO:<b@mx.test>\nC: DATA")
    assert on.client.used == 3


LOCAL = [
    (Envelope("a@me.test", ["b@mx.test"], 1001), OPEN, "552 5.3.4", "larger than the server takes (RFC 1870 §6.1)"),
    (Envelope("a@me.test", ["b@mx.test"], 10, eightbit=True), PLAIN_OPEN, "554 5.6.3", "8-bit not offered (RFC 6152 §3)"),
    (Envelope("a@me.test", ["b@mx.test"], 10, smtputf8=True), PLAIN_OPEN, "553 5.6.7", "a UTF-8 header (RFC 6531 §3.5)"),
    (Envelope("ä@me.test", ["b@mx.test"], 10), PLAIN_OPEN, "553 5.6.7", "a UTF-8 sender"),
    (Envelope("a@me.test", ["ü@mx.test"], 10), PLAIN_OPEN, "553 5.6.7", "a UTF-8 recipient"),
]


@pytest.mark.parametrize("mail, opening, code, because", LOCAL)
def test_what_the_server_cannot_take_is_not_sent(mail: Envelope, opening: str, code: str, because: str) -> None:
    on = stage().play(opening).begin(mail)
    (answer,) = on.answers().values()
    assert answer.startswith(f"{code} Not sent:"), because
    assert on.client.phase == "idle"


def test_one_international_recipient_does_not_stop_the_others() -> None:
    on = stage().play(PLAIN_OPEN).begin(Envelope("a@me.test", ["ü@mx.test", "b@mx.test"], 10))
    on.play("C: MAIL FROM:<a@me.test>\nS: 250 ok\nC: RCPT TO:<b@mx.test>\nS: 250 ok\nC: DATA\nS: 354 go\n! Pour")
    on.pour().play("C: x\nC: .\nS: 250 ok")
    assert [answer[:9] for answer in on.answers().values()] == ["553 5.6.7", "250 ok"]


PARAMETERS = [
    (Envelope("a@me.test", ["b@mx.test"], 7, eightbit=True), "C: MAIL FROM:<a@me.test> SIZE=7 BODY=8BITMIME"),
    (Envelope("", ["b@mx.test"], 7), "C: MAIL FROM:<> SIZE=7"),
    (Envelope("a@me.test", ["b@mx.test"], 7, smtputf8=True), "C: MAIL FROM:<a@me.test> SIZE=7 SMTPUTF8"),
    (Envelope("ä@me.test", ["b@mx.test"], 7), "C: MAIL FROM:<ä@me.test> SIZE=7 SMTPUTF8"),
    (Envelope('"a b>c"@me.test', ["b@mx.test"], 7), 'C: MAIL FROM:<"a b>c"@me.test> SIZE=7'),
]


@pytest.mark.parametrize("mail, line", PARAMETERS)
def test_mail_parameters(mail: Envelope, line: str) -> None:
    stage().play(OPEN).begin(mail).play(f"{line}\nC: RCPT TO:<b@mx.test>\nC: DATA")


HOSTILE = [
    "b@mx.test>\r\nRCPT TO:<c@mx.test",
    "b\r\n@mx.test",
    "b@mx.test\n",
    "b\0@mx.test",
    "b@mx.test> NOTIFY=NEVER",
    "b c@mx.test",
]
HOSTILE += ['"a\r\nDATA"@mx.test', "<b@mx.test", "b\x1b@mx.test", "b\t@mx.test"]


@pytest.mark.parametrize("address", HOSTILE)
@pytest.mark.parametrize("opening", [OPEN, PLAIN_OPEN])
def test_no_address_adds_a_command_or_a_parameter(address: str, opening: str) -> None:
    on = stage().play(opening)
    for mail in (Envelope(address, ["b@mx.test"]), Envelope("a@me.test", ["b@mx.test", address])):
        with pytest.raises(Malformed):
            on.begin(mail)
        assert on.client.outgoing() == b""
        assert on.client.phase == "idle"


CLOSINGS = [
    ("S: 421 4.3.2 bye", {"b": "421 4.3.2 bye", "c": "421 4.3.2 bye"}, "at MAIL"),
    (
        "S: 250 ok\nS: 550 5.1.1 b\nS: 421 4.3.2 bye",
        {"b": "550 5.1.1 b", "c": "421 4.3.2 bye"},
        "at RCPT: what was refused stays refused",
    ),
    ("S: 250 ok\nS: 250 ok\nS: 250 ok\nS: 421 bye", {"b": "421 bye", "c": "421 bye"}, "at DATA"),
    ("S: 250 ok\nS: 250 ok\nS: 550 c\nS: 354 go\n! Pour\n.\nS: 421 bye", {"b": "421 bye", "c": "550 c"}, "at the final dot"),
    (
        "S: 250 ok\nS: 250 ok\nS: 250 ok\nS: 354 go\n! Pour\nS: 421 bye",
        {"b": "421 bye", "c": "421 bye"},
        "while the content is poured",
    ),
    (
        "S: 250 ok\nS: 250 ok\nS: 250 ok\nS: 354 go\n! Pour\nS: 552 5.3.4 big",
        {"b": "552 5.3.4 big", "c": "552 5.3.4 big"},
        "too big, said early",
    ),
]


@pytest.mark.parametrize("text, answers, because", CLOSINGS)
def test_a_421_ends_the_session_wherever_it_comes(text: str, answers: dict[str, str], because: str) -> None:
    on = stage().play(OPEN).begin(TWO)
    on.play("C: MAIL FROM:<a@me.test> SIZE=100\nC: RCPT TO:<b@mx.test>\nC: RCPT TO:<c@mx.test>\nC: DATA")
    before, dot, after = text.partition("\n.\n")
    on.play(before)
    if dot:
        on.pour().play("C: x\nC: .\n" + after)
    assert on.answers() == {f"{name}@mx.test": said for name, said in answers.items()}, because
    assert on.finding() in {"server-closing", "data-refused"}


@pytest.mark.parametrize("poured", [False, True])
def test_a_lost_connection_says_whether_the_mail_may_have_arrived(poured: bool) -> None:
    on = stage().play(OPEN).begin(TWO)
    on.play("C: MAIL FROM:<a@me.test> SIZE=100\nC: RCPT TO:<b@mx.test>\nC: RCPT TO:<c@mx.test>\nC: DATA")
    on.play("S: 250 ok\nS: 250 ok\nS: 550 c\nS: 354 go\n! Pour")
    if poured:
        on.pour()
    done, failed = on.client.lost("the server hung up", 9.0)
    assert isinstance(done, TransactionDone)
    assert isinstance(failed, Failed)
    assert done.answers == {"b@mx.test": Lost("the server hung up", after_dot=poured), "c@mx.test": Reply(550, "", ("c",))}
    assert on.client.lost("again", 9.0) == []


HELLO = "S: 220 a\nC: EHLO me.test\n"
TLS_OFFERED = HELLO + "S: 250-mx\nS: 250 STARTTLS\nC: STARTTLS\n"

OPENINGS = [
    (Starttls.TRY, "S: 554 5.7.1 go away\nC: QUIT", "greeting-refused", "a greeting of 554 (RFC 5321 §3.1)"),
    (Starttls.TRY, "S: 421 busy", "server-closing", "a greeting of 421"),
    (Starttls.TRY, "S: 220 a\nS: 250 b", "reply-unasked", "an answer before the question"),
    (Starttls.TRY, HELLO + "S: 450 later\nC: QUIT", "ehlo-refused", "EHLO refused for now"),
    (Starttls.TRY, HELLO + "S: 502 no\nC: HELO me.test\nS: 550 no\nC: QUIT", "helo-refused", "HELO refused"),
    (Starttls.MUST, HELLO + "S: 250 mx\nC: QUIT", "tls-not-offered", "required, not offered"),
    (Starttls.MUST, HELLO + "S: 500 ?\nC: HELO me.test\nS: 250 mx\nC: QUIT", "tls-not-offered", "required, HELO only"),
    (Starttls.MUST, TLS_OFFERED + "S: 454 4.7.0 no\nC: QUIT", "tls-refused", "required, offered, refused"),
    (Starttls.TRY, TLS_OFFERED + "S: 220 go\nS: 250 injected", "reply-unasked", "a reply injected before TLS (RFC 3207 §6)"),
    (Starttls.TRY, TLS_OFFERED + "S: 220 go\nS: 250-half", "plaintext-after-starttls", "a part of one"),
    (Starttls.TRY, "S: HTTP/1.1 400 Bad Request", "reply-malformed", "not a mail server"),
]


@pytest.mark.parametrize("policy, text, code, because", OPENINGS)
def test_sessions_that_do_not_come_about(policy: Starttls, text: str, code: str, because: str) -> None:
    on = stage(starttls=policy).play(text)
    assert on.finding() == code, because
    assert on.client.receive(b"250 more\r\n", 2.0) == []


def test_an_old_server_is_asked_again_by_helo() -> None:
    on = stage().play("S: 220 a\nC: EHLO me.test\nS: 502 5.5.1 unknown\nC: HELO me.test\nS: 250 mx\n! Ready")
    assert not on.client.offer.pipelining


def test_starttls_and_nothing_before_it_is_believed() -> None:
    on = stage().play("S: 220 a\nC: EHLO me.test\nS: 250-mx\nS: 250-SIZE 5\nS: 250 STARTTLS\nC: STARTTLS\nS: 220 go\n! NeedTls")
    on.client.tls_started("TLSv1.3", 1.0)
    on._take([])
    on.play("C: EHLO me.test\nS: 250-mx\nS: 250 STARTTLS\n! Ready")
    assert on.client.offer.size is None
    assert on.client.encrypted


def test_opportunistic_tls_that_is_refused_goes_on_in_clear_and_says_so() -> None:
    on = stage().play("S: 220 a\nC: EHLO me.test\nS: 250-mx\nS: 250 STARTTLS\nC: STARTTLS\nS: 454 4.7.0 not now\n! Ready")
    assert on.client.note == "STARTTLS was refused: 454 4.7.0 not now"


LOGIN = Login("user", "geheim")
PLAIN = "C: AUTH PLAIN AHVzZXIAZ2VoZWlt\n"
TWO_STEPS = "C: AUTH LOGIN\nS: 334 VXNlcg==\nC: dXNlcg==\nS: 334 UGFzcw==\nC: Z2VoZWlt\n"
LOGINS = [
    ("250 AUTH PLAIN LOGIN", PLAIN + "S: 235 2.7.0 ok\n! Ready", None, "PLAIN in one step (RFC 4954 §4)"),
    ("250 AUTH=LOGIN", TWO_STEPS + "S: 235 ok\n! Ready", None, "LOGIN, offered in the old spelling"),
    (
        "250 AUTH PLAIN",
        PLAIN + "S: 535 5.7.8 wrong: geheim AHVzZXIAZ2VoZWlt\nC: QUIT",
        "login-refused",
        "the server echoes secrets",
    ),
    ("250 AUTH PLAIN", PLAIN + "S: 334 more\nC: *\nS: 501 cancelled\nC: QUIT", "login-refused", "a question too many"),
    ("250 AUTH CRAM-MD5", "C: QUIT", "login-not-offered", "nothing in common"),
    ("250 HELP", "C: QUIT", "login-not-offered", "no AUTH at all"),
]


@pytest.mark.parametrize("offer, text, code, because", LOGINS)
def test_logging_in(offer: str, text: str, code: str | None, because: str) -> None:
    on = stage(login=LOGIN, encrypted=True).play(f"S: 220 a\nC: EHLO me.test\nS: 250-mx\nS: {offer}\n{text}")
    transcript = str(on.client.transcript)
    if code:
        failed = on.events[0]
        assert on.finding() == code, because
        transcript += repr(failed)
    for secret in ("geheim", "Z2VoZWlt", "AHVzZXIAZ2VoZWlt"):
        assert secret not in transcript, because
    assert "geheim" not in repr(LOGIN)


def test_a_password_is_not_sent_in_clear_unless_the_settings_say_so() -> None:
    opening = "S: 220 a\nC: EHLO me.test\nS: 250-mx\nS: 250 AUTH PLAIN\n"
    assert stage(login=LOGIN).play(opening + "C: QUIT").finding() == "login-in-clear"
    stage(login=LOGIN, login_in_clear=True).play(opening + "C: AUTH PLAIN AHVzZXIAZ2VoZWlt\nS: 235 ok\n! Ready")


def test_bytes_unasked_while_idle_end_the_session() -> None:
    assert stage().play(OPEN).play("S: 250 hello?").finding() == "reply-unasked"
    assert stage().play(OPEN).play("S: 421 4.4.2 idle too long").finding() == "server-closing"


def test_a_second_mail_waits_for_the_first() -> None:
    on = stage().play(OPEN).begin(ONE)
    with pytest.raises(Conflict):
        on.client.begin(ONE, 1.0)


@pytest.mark.parametrize("reply", ["354 go on", "250 ok"])
def test_a_reply_that_has_no_meaning_here_breaks_the_session(reply: str) -> None:
    on = stage().play(OPEN).begin(ONE).play("C: MAIL FROM:<a@me.test> SIZE=100\nC: RCPT TO:<b@mx.test>\nC: DATA")
    on.play("S: 354 go" if reply == "354 go on" else "S: 250 ok\nS: 250 ok\nS: 250 ok")
    assert "has no meaning at this point" in on.answers()["b@mx.test"]
    assert on.finding() == "reply-unexpected"


def test_a_transcript_is_bounded_and_keeps_both_ends() -> None:
    many = Envelope("a@me.test", [f"{'r' * 50}{n}@mx.test" for n in range(2000)], 10)
    on = stage().play(OPEN).begin(many)
    on._take(on.client.receive(b"250 ok\r\n" * 2001 + b"354 go\r\n", 1.0))
    on.pour()
    on._take(on.client.receive(b"250 the end\r\n", 1.0))
    assert len(str(on.client.transcript)) < 20_000


LINES = (
    "220 mx|250 ok|250-a|250-PIPELINING|250-STARTTLS|250-AUTH PLAIN LOGIN|354 go|334 |235 ok|421 bye|451 no|550 5.1.1 no|999 x|"
)
WORDS = st.sampled_from([line.encode() + b"\r\n" for line in LINES.split("|")])


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.one_of(WORDS, WORDS, WORDS, st.binary(max_size=20)), max_size=40),
    st.sampled_from(Starttls),
    st.booleans(),
    st.lists(st.integers(1, 9), min_size=1, max_size=5),
)
def test_no_server_makes_it_raise_or_leaves_a_recipient_without_an_answer(
    words: list[bytes], policy: Starttls, login: bool, steps: list[int]
) -> None:
    client = Client(ehlo="me.test", starttls=policy, login=LOGIN if login else None, login_in_clear=True)
    wire, at, begun, done = b"220 mx\r\n250 mx\r\n" * (steps[0] % 2) + b"".join(words), 0, 0, 0
    for n in range(len(wire) + 1):
        events = client.receive(wire[at : at + steps[n % len(steps)]], float(n))
        at += steps[n % len(steps)]
        client.outgoing()
        for event in events:
            if isinstance(event, NeedTls):
                client.tls_started("TLS", float(n))
                client.outgoing()
            elif isinstance(event, Pour):
                client.content(b".a\r\n")
                client.end(float(n))
            elif isinstance(event, TransactionDone):
                done += 1
                assert set(event.answers) == {"b@mx.test", "c@mx.test"}
        if client.phase == "idle":
            begun += 1
            assert not [event for event in client.begin(TWO, float(n)) if not isinstance(event, Ready)]
            client.outgoing()
    ending = client.lost("end", 1e9)
    assert begun == done + sum(isinstance(event, TransactionDone) for event in ending)
    assert client.phase == "closed"
    assert len(str(client.transcript)) < 20_000
