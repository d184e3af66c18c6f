"""What is there: the record tree of a domain, and what else stands at its name."""

from dataclasses import dataclass

from mailwright.auth import SpfSurvey, survey_spf
from mailwright.auth.spf.parse import is_spf
from mailwright.dns import Answer, Asking, Failed, Found, Question, Txt, ask, together
from mailwright.dns.records import quoted
from mailwright.domains.spf.repair import meant_as_spf
from mailwright.domains.spf.strings import READ
from mailwright.values import Domain


@dataclass(frozen=True, slots=True)
class SpfFacts:
    """`alias` and `outdated` are the answers for CNAME and for the old record type SPF (99) at the domain."""

    survey: SpfSurvey
    alias: Answer
    outdated: Answer

    @property
    def domain(self) -> str:
        """The domain, canonical."""
        return self.survey.tree.domain

    @property
    def answer(self) -> Answer:
        """What the DNS said of the TXT records."""
        return self.survey.answer(Question(self.domain, "TXT"))

    @property
    def is_known(self) -> bool:
        """Whether the DNS told what stands at the domain; what it did not tell is never replaced."""
        return not isinstance(self.answer, Failed)

    @property
    def owner(self) -> str:
        """The name at which a record must be published: the end of the aliases, where the domain is one."""
        chain = self.answer.chain if not isinstance(self.answer, Failed) else ()
        return chain[-1] if chain else self.domain

    @property
    def texts(self) -> tuple[Txt, ...]:
        """All TXT records, whatever they are for."""
        records = self.answer.records if isinstance(self.answer, Found) else ()
        return tuple([record for record in records if isinstance(record, Txt)])

    @property
    def records(self) -> tuple[Txt, ...]:
        """The SPF records, also those that only their author takes for one."""
        return tuple([record for record in self.texts if is_spf(record.text) or meant_as_spf(record.text)])

    @property
    def is_huge(self) -> bool:
        """Whether the records are too long to be looked at term by term, and to be merged."""
        return sum([len(record.text) for record in self.records]) > READ

    @property
    def evidence(self) -> tuple[str, ...]:
        """The SPF records, one a line."""
        return tuple([f"{self.domain} TXT: {shown(record.text)}" for record in self.records])


def look_at(domain: Domain) -> Asking[SpfFacts]:
    """Ask for everything at once."""
    survey, alias, outdated = yield from together(
        survey_spf(domain.name), ask(Question(domain, "CNAME")), ask(Question(domain, "SPF"))
    )
    return SpfFacts(survey, alias, outdated)


def shown(text: str) -> str:
    """A record for people, at most 500 characters of it, with nothing in it that could do harm on a screen."""
    more = " ..." if len(text) > 500 else ""
    return quoted(text[:500].encode("utf-8", "surrogateescape")) + more
