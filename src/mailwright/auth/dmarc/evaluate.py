"""The evaluation of a mail by DMARC (RFC 9989 §5.3): find the record, compare what passed with the author, apply the policy."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from mailwright.auth.dmarc import words
from mailwright.auth.dmarc.record import DmarcRecord
from mailwright.auth.dmarc.verdict import DmarcResult, DmarcVerdict
from mailwright.auth.dmarc.walk import Walk, dmarc_records, steps, walk
from mailwright.dns import Answer, Asking, Failed, Found, Question, askable, canonical
from mailwright.message.author import author_domain
from mailwright.message.headers import Field
from mailwright.values import Domain, Finding, Malformed
from mailwright.values.finding import error

MAX_NAME_TEXT = 1000  # characters of what may be a name: 253 octets as A-labels (RFC 1035 §3.1) are fewer in any spelling
MAX_IDENTIFIERS = 20  # looked at in one mail; nobody needs more, and each may cost 8 questions

Known: TypeAlias = dict[Question, Answer]
Identifiers: TypeAlias = dict[str, str]  # "dkim=example.com" -> example.com


def evaluate_dmarc(*, author: str, spf_domain: str | None = None, dkim_domains: Iterable[str] = ()) -> Asking[DmarcVerdict]:
    """The verdict for a From value or a bare domain, and the identifiers that passed.

    `spf_domain` is the domain for which SPF gave pass by the MAIL FROM identity, which for the null sender is that of
    postmaster@HELO (RFC 7208 §2.4, RFC 9989 §4.4.2). The caller answers for that: what passed for HELO alone must never be
    given here. `dkim_domains` are the d= of the signatures that passed and cover the whole body. Neither is trusted to be a
    domain: what is no host name aligns with nothing. Never raises; a question without answer that mattered is temperror.
    """
    return judge_dmarc(_author(author), spf_domain=spf_domain, dkim_domains=dkim_domains)


def judge_dmarc(
    author: Domain | Finding,
    *,
    spf_domain: str | None = None,
    dkim_domains: Iterable[str] = (),
    undecided: Iterable[str] = (),
    known: Mapping[Question, Answer] | None = None,
) -> Asking[DmarcVerdict]:
    """The same for an author who was read already (message.author_domain); `known` are answers at hand, not asked for again.

    `undecided` are identifiers such as "dkim=example.com" whose check ended in temperror: where one of them would align and
    nothing else does, the verdict is temperror, for the mail can be considered neither pass nor fail (RFC 9989 §5.3.6).
    """
    if isinstance(author, Finding):
        return DmarcVerdict(DmarcResult.PERMERROR, trouble=words.no_author(author))
    name = author.name
    passed = _identifiers([("spf", spf_domain)] if spf_domain else [], [("dkim", one) for one in dkim_domains])
    doubtful = _identifiers([(method, one) for method, _, one in map(_parted, undecided)])
    others = {one for one in (*passed.values(), *doubtful.values()) if one != name}
    known = dict(known or {})
    yield from _learn(known, _walks([name, *[one for one in others if _related(one, name)]]))
    home = walk(name, known)
    policy = home.policy
    if policy is None:
        return _without_policy(home, known)
    where, record = policy
    existence = _existence(name) if where != name and record.depends_on_existence else ()
    yield from _learn(known, (*_walks([one for one in others if _within(one, home.organizational)]), *existence))
    exists = _exists([known[question] for question in existence]) if existence else True
    return _judged(_Case(home, where, record, exists, known), passed, doubtful)


@dataclass(frozen=True, slots=True)
class _Case:
    """All that was found out about the author: his walk, the record that applies and its name, whether his domain exists."""

    home: Walk
    where: str
    record: DmarcRecord
    exists: bool | None  # None: nobody answered
    known: Known

    def aligns(self, label: str, name: str) -> bool | None:
        """Whether an identifier is the author domain, or by relaxed alignment of the same organization (RFC 9989 §4.4, §4.10.2).

        None where it could not be found out: a question on the way has no answer.
        """
        if name == self.home.start:
            return True
        if (self.record.adkim if label.startswith("dkim") else self.record.aspf) == "s":
            return False
        if self.home.unanswered is not None:
            return self._may_align(name)
        if not _within(name, self.home.organizational):
            return False
        other = walk(name, self.known)
        return None if other.unanswered is not None else other.organizational == self.home.organizational

    def _may_align(self, name: str) -> bool | None:
        """The same where the organizational domain of the author is not known.

        Two walks that came by the same record and stopped at the same silence would end alike, whatever the answer were.
        """
        start = self.home.start
        if not _related(name, start):
            return None if name.rpartition(".")[2] == start.rpartition(".")[2] else False
        other = walk(name, self.known)
        met = other.unanswered == self.home.unanswered and other.records[-1:] == self.home.records[-1:] != ()
        return True if met else None

    def unanswered(self, names: Iterable[str]) -> Question:
        """The first question without answer that stood in the way of these identifiers."""
        walks = [self.home, *[walk(name, self.known) for name in names if self.home.unanswered is None]]
        questions = [one.unanswered for one in walks if one.unanswered is not None]
        return questions[0] if questions else _existence(self.home.start)[0]


def _author(text: str) -> Domain | Finding:
    """A From value has an @; what has none is a domain, or nothing."""
    if "@" in text:
        return author_domain((Field(b"from", b"From:" + text.encode("utf-8", "surrogatepass") + b"\r\n"),))
    try:
        return Domain.parse(text.strip()[:MAX_NAME_TEXT])
    except Malformed as fault:
        return error("from-malformed", f"From has no domain: {fault}", do="Write it as From: Name <name@example.com>.")


def _parted(identifier: str) -> tuple[str, str, str]:
    return identifier.partition("=")


def _identifiers(*methods: Sequence[tuple[str, str]]) -> Identifiers:
    """Identifiers that can align, by method and name, each once."""
    found: Identifiers = {}
    for method, text in [pair for pairs in methods for pair in pairs if len(pair[1]) <= MAX_NAME_TEXT]:
        if len(found) < MAX_IDENTIFIERS and (name := _host_name(text) or (method == "spf" and _name(text))):
            found[f"{method}={name}"] = name
    return found


def _host_name(text: str) -> str:
    """The A-labels of a host name, "" where it is none: a d= such as _x.example.com names no host (RFC 6376 §3.5 d=)."""
    try:
        return Domain.parse(text).name
    except Malformed:
        return ""


def _name(text: str) -> str:
    """A MAIL FROM domain that exists in the DNS though no host could have it, such as a_b.example.com."""
    name = canonical(text)
    return name if name and name.isascii() and name.isprintable() and " " not in name and askable(name) else ""


def _related(one: str, other: str) -> bool:
    """Whether two names share their last two labels: then they are asked for in one round, for they may well align."""
    return one.rsplit(".", 2)[-2:] == other.rsplit(".", 2)[-2:]


def _within(name: str, parent: str) -> bool:
    """Only what lies in the organizational domain can have it too: all else need not be walked (RFC 9989 §4.10.2)."""
    return name == parent or name.endswith("." + parent)


def _walks(names: Iterable[str]) -> Iterable[Question]:
    return [question for name in names for question in steps(name)]


def _existence(name: str) -> tuple[Question, ...]:
    """What is asked to learn whether a name exists; what other questions have found of it counts as well (RFC 9989 A.4)."""
    return Question(name, "A"), Question(name, "AAAA"), Question(name, "MX")


def _learn(known: Known, wanted: Iterable[Question]) -> Asking[None]:
    """Ask what is not known yet, each question once, all in one round."""
    questions = tuple(dict.fromkeys([question for question in wanted if question not in known]))
    if questions:
        known.update(zip(questions, (yield questions), strict=True))


def _exists(answers: Collection[Answer]) -> bool | None:
    """Whether a name exists: NXDOMAIN says that it does not (RFC 9989 §3.2.13, RFC 8020 §2); None where nobody answered.

    A name without address and MX exists. So does an alias that leads nowhere: the NXDOMAIN is its target's (RFC 6604 §3).
    """
    told = [answer for answer in answers if not isinstance(answer, Failed)]
    if any(isinstance(answer, Found) or answer.name_exists or answer.chain for answer in told):
        return True
    return False if told else None


def _without_policy(home: Walk, known: Known) -> DmarcVerdict:
    """No record applies, or nobody knows which does."""
    author = home.start
    if home.unanswered is not None:
        trouble = words.no_answer(author, str(home.unanswered))
        return DmarcVerdict(DmarcResult.TEMPERROR, author=author, trouble=trouble)
    trouble = _spoilt(author, known) or words.no_record(author)
    return DmarcVerdict(DmarcResult.NONE, author=author, organizational=home.organizational, trouble=trouble)


def _spoilt(author: str, known: Known) -> Finding | None:
    """Why there is no record where somebody did publish one."""
    for question in steps(author):
        answer = known[question]
        records = dmarc_records(answer) if isinstance(answer, Found) else []
        domain = question.name.partition(".")[2]
        if len(records) > 1:
            return words.several_records(domain, [record.text for record in records])
        if records and not records[0].usable:
            return next(fault for fault in records[0].faults if fault.code == "dmarc-policy-unreadable")
    return None


def _judged(case: _Case, passed: Identifiers, doubtful: Identifiers) -> DmarcVerdict:
    """Pass where anything that passed aligns (RFC 9989 §5.3.5), whatever else is open; temperror or fail where nothing does."""
    home, record = case.home, case.record
    verdicts = {label: case.aligns(label, name) for label, name in passed.items()}
    aligned = tuple([label for label, verdict in verdicts.items() if verdict])
    trouble = None
    if not aligned:
        trouble = _open_question(case, [passed[label] for label, verdict in verdicts.items() if verdict is None], doubtful)
    result = DmarcResult.PASS if aligned else DmarcResult.FAIL if trouble is None else DmarcResult.TEMPERROR
    policy = record.policy(subdomain=case.where != home.start, exists=case.exists is not False)
    return DmarcVerdict(
        result,
        policy="" if trouble is not None else policy,
        domain=case.where,
        author=home.start,
        organizational=home.organizational,
        record=record.text,
        aligned=aligned,
        testing=record.testing,
        passed=tuple(passed),
        trouble=trouble,
    )


def _open_question(case: _Case, unsure: Sequence[str], doubtful: Identifiers) -> Finding | None:
    """What keeps a mail without aligned identifier from being a plain fail (RFC 9989 §5.3.6)."""
    author = case.home.start
    if waiting := [label for label, name in doubtful.items() if case.aligns(label, name) is not False]:
        return words.undecided(author, waiting)
    if unsure or case.exists is None:
        return words.no_answer(author, str(case.unanswered(unsure)))
    return None
