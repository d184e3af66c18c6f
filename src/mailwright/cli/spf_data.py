"""What `mailwright spf --json` prints: names and shapes that stay."""

from typing import Any

from mailwright.cli.auth_data import finding_data, survey_data
from mailwright.domains.spf.advise import SpfAdvice
from mailwright.domains.spf.networks import Networks
from mailwright.domains.spf.preview import SpfPreview
from mailwright.domains.spf.wish import ALL_WORDS

Data = dict[str, Any]


def advice_data(advice: SpfAdvice) -> Data:
    """What is there, what is wrong, what to publish, who would pass then."""
    facts, record = advice.review.facts, advice.replacement
    return {
        "domain": facts.domain,
        "sound": advice.review.is_sound,
        "known": advice.review.is_known,
        "records": [one.text for one in facts.records],
        "survey": survey_data(facts.survey),
        "findings": [finding_data(one) for one in advice.review.findings],
        "replacement": None
        if record is None
        else {
            "name": facts.owner,
            "type": "TXT",
            "text": record.text,
            "strings": [piece.decode("utf-8", "surrogateescape") for piece in record.pieces],
            "changed": advice.is_changed,
        },
        "changes": [
            {"done": one.done, "term": one.term, "into": one.into} for one in (advice.merge.changes if advice.merge else ())
        ],
        "stops": [finding_data(one) for one in advice.stops],
        "after": [finding_data(one) for one in advice.after],
        "costs": [
            {"term": one.term.text, "lookups": one.lookups, "void_lookups": one.voids, "networks": list(one.networks)}
            for one in advice.costs
        ],
        "preview": _preview_data(advice.preview) if advice.preview else None,
        "ends": ALL_WORDS,
    }


def _preview_data(preview: SpfPreview) -> Data:
    return {
        "lookups": {"old": preview.old.lookups, "new": preview.new.lookups},
        "void_lookups": {
            "old": {"ipv4": preview.old.voids4, "ipv6": preview.old.voids6},
            "new": {"ipv4": preview.new.voids4, "ipv6": preview.new.voids6},
        },
        "gains": _texts(preview.gains),
        "losses": _texts(preview.losses),
        "shifts": [{"old": one.old.value, "new": one.new.value, "networks": list(one.networks.texts)} for one in preview.shifts],
        "unknown": list(preview.unknown),
    }


def _texts(both: tuple[Networks, Networks]) -> list[str]:
    return [text for networks in both for text in networks.texts]
