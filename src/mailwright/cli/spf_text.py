"""The SPF doctor's advice on a screen: the tree, what is wrong, the record to publish, who gains and who loses."""

from collections.abc import Sequence

from rich.text import Text

from mailwright.auth.spf.state import MAX_LOOKUPS
from mailwright.cli.auth_text import show_facts, show_findings, show_indented
from mailwright.cli.auth_tree import show_survey
from mailwright.cli.screen import out, plain
from mailwright.domains.spf.advise import SpfAdvice
from mailwright.domains.spf.merge import Change, Merge
from mailwright.domains.spf.networks import Networks
from mailwright.domains.spf.preview import SpfPreview
from mailwright.domains.spf.wish import ALL_WORDS

SHOWN = 12  # networks in a row; --json has all
_DONE = {
    "added": "{term} is added",
    "moved": "{term} is taken from behind all, where it did nothing",
    "joined": "{term} is said by {into} already",
    "softened": "{term} gives way to {into}, the milder of the two",
    "dropped": "{term} is dropped, as you said",
    "turned": "{term} becomes {into}, for beside all it would do nothing",
    "repaired": "{term} was meant as {into}",
    "ended": "{term} becomes {into}",
}


def show_advice(advice: SpfAdvice, *, is_asked: bool) -> None:
    """All of it; `is_asked`: the person wished for something, so there is a record to show also where nothing is wrong."""
    show_survey(advice.review.facts.survey)
    show_findings(advice.review.findings, notes=True)
    if advice.merge is None:
        return
    if advice.stops:
        _show_refusal(advice, advice.merge)
    elif advice.is_changed or is_asked:
        _show_record(advice, advice.merge)
    else:
        _head("The record can stay as it is.")


def _show_record(advice: SpfAdvice, merge: Merge) -> None:
    facts, record = advice.review.facts, advice.replacement
    if not advice.is_changed:
        _head("The record has all of this already, and can stay as it is.")
        return
    several = len(facts.records) > 1
    _head(f"Publish this one record in place of the {len(facts.records)}:" if several else "Publish this record:")
    show_indented(f"{facts.owner} TXT {record}")
    for change in merge.changes:
        show_indented(f"- {_told(change)}", "dim")
    end = next((word for word in reversed(merge.text.lower().split()) if word in ALL_WORDS), "")
    if end:
        show_indented(f"{end}: {ALL_WORDS[end]}", "dim")
    if advice.preview:
        _show_preview(advice.preview)
    known = {finding.code for finding in advice.review.findings}
    show_findings([finding for finding in advice.after if finding.code not in known], notes=True)
    left = [finding.code for finding in advice.after if finding.code in known]
    if left:
        out.print()
        show_indented(f"As it was before: {', '.join(dict.fromkeys(left))}.", "dim")


def _show_refusal(advice: SpfAdvice, merge: Merge) -> None:
    """Why there is no record; what was told above is not told again."""
    _head("There is no record to publish yet. It would be:")
    show_indented(plain(merge.text), "dim")
    for change in merge.changes:
        show_indented(f"- {_told(change)}", "dim")
    said = {(finding.code, finding.what) for finding in advice.review.findings}
    show_findings([stop for stop in advice.stops if (stop.code, stop.what) not in said], notes=True)
    again = [stop.code for stop in advice.stops if (stop.code, stop.what) in said]
    if again:
        out.print()
        show_indented(f"First mend what is told above: {', '.join(dict.fromkeys(again))}. A term goes by --drop TERM.")


def _show_preview(preview: SpfPreview) -> None:
    """Who passes then and does not now, and the other way."""
    old, new = preview.old, preview.new
    rows = [
        ("gain", _named(preview.gains) or "nobody"),
        ("lose", _named(preview.losses) or "nobody"),
        ("lookups", f"{old.lookups} now, {new.lookups} then, {MAX_LOOKUPS} are allowed"),
    ]
    if old.voids4 or old.voids6 or new.voids4 or new.voids6:
        rows.append(("find nothing", f"{max(old.voids4, old.voids6)} now, {max(new.voids4, new.voids6)} then, 2 may"))
    rows += [("not known", f"{one}: it depends on the mail whom it lets pass") for one in preview.unknown]
    others = [shift for shift in preview.shifts if "pass" not in (shift.old, shift.new)]
    for old_result, new_result in dict.fromkeys([(shift.old, shift.new) for shift in others]):
        rows.append(("all others", f"{old_result} now, {new_result} then"))
    _head("Who would pass (mail servers and addresses as they are today):")
    show_facts(rows)


def _named(both: Sequence[Networks]) -> str:
    texts = [text for networks in both for text in networks.texts]
    more = f" and {len(texts) - SHOWN} more (--json)" if len(texts) > SHOWN else ""
    return ", ".join(texts[:SHOWN]) + more


def _told(change: Change) -> str:
    """One change in words."""
    if change.done == "ended" and not change.term:
        return f"it ends in {change.into}"
    if change.done == "joined" and change.term == change.into:
        return f"{change.term} stood there twice"
    if change.done == "repaired" and not change.into:
        return f"{change.term} is taken out"
    return _DONE[change.done].format(term=change.term, into=change.into)


def _head(sentence: str) -> None:
    out.print()
    out.print(Text(sentence, "bold"), soft_wrap=False)
