"""What replies mean: every block of knowledge by its own sample, and an outside suite as a floor."""

import json
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailwright.explain.replies import Basis, Block, Party, explain, read_knowledge, reply_in
from mailwright.values import Level, Malformed, Reply

ROOT = Path(__file__).parents[2]
SUITE = ROOT.parent / "shared" / "suites" / "replies" / "smtp_replies.jsonl"
DATA = tomllib.loads((ROOT / "src" / "mailwright" / "explain" / "replies.toml").read_text(encoding="utf-8"))
KNOWLEDGE = read_knowledge(DATA)
FLOOR = 0.90  # of the decidable rows; the best tool known to us has 0.59


@pytest.mark.parametrize("block", KNOWLEDGE.blocks, ids=lambda block: f"{block.reason}: {block.sample[:40]}")
def test_the_sample_of_each_block_is_its_test(block: Block) -> None:
    explanation = explain(reply_in(block.sample), KNOWLEDGE)
    assert block.sample
    assert (explanation.reason, explanation.basis) in ((block.reason, Basis.WORDS), (block.reason, Basis.ENHANCED))
    assert explanation.finding.evidence == (str(reply_in(block.sample)),)


def test_each_reason_says_what_who_and_how() -> None:
    assert len(KNOWLEDGE.reasons) == 22
    assert {block.reason for block in KNOWLEDGE.blocks} | {"unknown"} == set(KNOWLEDGE.reasons)
    for reason in KNOWLEDGE.reasons.values():
        assert all(text.endswith(".") and len(text) < 200 for text in (reason.what, reason.why, reason.do)), reason.code
        assert not reason.suppress or reason.code in ("recipient-unknown", "mailbox-disabled", "domain-unknown")


# reply, reason, hard, suppress, because
MEANT = [
    ("550 5.1.1 <jane@b.example>: user unknown", "recipient-unknown", True, True, "words and code agree"),
    ("550 5.1.1 <jane@b.example>", "recipient-unknown", True, True, "the code alone is exact"),
    ("450 4.1.1 <jane@b.example>: user unknown", "recipient-unknown", False, False, "not for good yet"),
    ("550 it could not be found", "recipient-unknown", True, False, "wide words do not give an address up"),
    ("550 5.1.1 it could not be found", "recipient-unknown", True, True, "unless the code agrees"),
    ("550 5.1.0 it could not be found", "recipient-unknown", True, False, "X.1.0 is any trouble with any address, RFC 3463 §3.2"),
    ("552 5.2.2 mailbox full", "mailbox-full", False, False, "a full mailbox is emptied again"),
    ("550 5.7.1 user unknown, client host [192.0.2.7] blocked using dnsbl", "ip-blocked", True, False, "reputation is ours"),
    ("550 5.7.26 user unknown to DMARC", "authentication", True, False, "never the recipient's"),
    ("550 5.1.8 user unknown", "sender-refused", True, False, "a code about the sender stands above words, RFC 3463 §3.2"),
    ("556 5.1.10 no mail here", "domain-unknown", True, True, "null MX, RFC 7505 §4.2"),
    ("550 5.7.1 no", "unknown", False, False, "5.7.1 is used for everything: we do not know"),
    ("550 no", "unknown", False, False, "and 550 alone says nothing"),
    ("550 <spam.virus@full.example> no", "unknown", False, False, "what an address is called does not count"),
    ("421 closing", "temporary-network", False, False, "the code alone, RFC 5321 §4.2.3"),
    ("The connection timed out.", "temporary-network", False, False, "no server spoke"),
    ("550 5.1.2 the domain b.example does not exist", "domain-unknown", True, True, "our own words, after a look into the DNS"),
    ("No connection to mx.b.example: 192.0.2.1 port 465 refused it.", "temporary-network", False, False, "a port is no code"),
    ("host mx.spam.example said: 550 5.1.1 no such user (in reply to DATA)", "recipient-unknown", True, True, "a relay"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "reason", "hard", "suppress", "because"), MEANT)
def test_what_replies_mean(text: str, reason: str, hard: bool, suppress: bool, because: str) -> None:
    found = explain(reply_in(text), KNOWLEDGE)
    assert (found.reason, found.hard, found.suppress) == (reason, hard, suppress), because


def test_who_must_act_is_said() -> None:
    assert explain(Reply(550, "5.7.25", ("no PTR",)), KNOWLEDGE).who is Party.OPERATOR
    assert explain(Reply(550, "5.1.1", ("user unknown",)), KNOWLEDGE).who is Party.SENDER
    assert explain(Reply(451, "4.7.1", ("greylisted",)), KNOWLEDGE).finding.level is Level.WARNING


@pytest.mark.parametrize(
    ("text", "code", "enhanced"),
    [
        ("550 5.1.1 x", 550, "5.1.1"),
        ("smtp; 550-5.7.26 x", 550, "5.7.26"),
        ("sorry (#5.1.1)", 0, "5.1.1"),
        ("192.0.2.550 is 999", 0, ""),
        ("", 0, ""),
        ("451 1.2.3.4 4.7.0", 451, "4.7.0"),
    ],
)
def test_replies_are_found_in_free_text(text: str, code: int, enhanced: str) -> None:
    reply = reply_in(text)
    assert (reply.code, reply.enhanced) == (code, enhanced)


@pytest.mark.parametrize(
    "change",
    [
        {"reply": [{"reason": "nobody-knows", "seen": ["x"]}]},
        {"reply": [{"reason": "policy", "seen": ["Upper"]}]},
        {"reply": [{"reason": "policy", "seen": ["x"], "colour": "red"}]},
        {"codes": {"550": "nobody-knows"}},
        {"reasons": {}},
        {"reasons": {"unknown": {"who": "someone"}}},
    ],
)
def test_broken_knowledge_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(Malformed):
        read_knowledge({**DATA, **change})


@given(st.text(), st.integers(0, 999), st.sampled_from(["", "5.1.1", "4.7.1", "x", "9.9.9"]))
def test_nothing_raises_and_only_permanent_replies_suppress(text: str, code: int, enhanced: str) -> None:
    found = explain(Reply(code, enhanced, (text,)), KNOWLEDGE)
    assert not found.suppress or 500 <= code < 600
    explain(reply_in(text), KNOWLEDGE)


@pytest.mark.skipif(not SUITE.exists(), reason="the outside suite of replies is not here (../shared/suites/replies)")
def test_the_outside_suite_keeps_its_floor() -> None:
    rows = [json.loads(line) for line in SUITE.read_text(encoding="utf-8").splitlines()]
    decidable = [row for row in rows if row["decidable"]]
    found = [(row, explain(reply_in(row["text"]), KNOWLEDGE)) for row in decidable]
    right = sum(explanation.reason in row["accept"] for row, explanation in found)
    assert right / len(decidable) >= FLOOR
    theirs = {"recipient-unknown", "mailbox-disabled", "domain-unknown", "recipient-refused"}
    wrong = [row["text"] for row, explanation in found if explanation.suppress and not theirs & set(row["accept"])]
    assert len(wrong) <= 1, "a reason that is not the recipient's must not suppress the recipient"


def test_the_page_of_replies_names_each_reason() -> None:
    page = (ROOT / "docs" / "findings" / "replies.md").read_text(encoding="utf-8")
    assert [code for code in KNOWLEDGE.reasons if f"| reply-{code} |" not in page] == []
