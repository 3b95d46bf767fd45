"""What a list line says about a study, for people; each with the notice that goes with every answer."""

from __future__ import annotations

from typing import Final

from service.domain.verdict import Verdict
from service.ledger.listing import ListedStudy

NOTICE: Final = "research use only, not for diagnosis; trained on synthetic data"
HEADLINES: Final = {
    Verdict.POSITIVE: "suspected haemorrhage",
    Verdict.NEGATIVE: "no haemorrhage flagged",
    Verdict.NOT_ANALYSED: "not analysed",
    None: "not read yet",
}


def label_of(study: ListedStudy) -> str:
    """Return the finding as a label of at most 64 characters."""
    return f"Ichor: {HEADLINES[study.verdict]} (research use only)"


def comment_of(study: ListedStudy) -> str:
    """Return the finding with its reason."""
    reason = f" - {study.why}" if study.why else ""
    return f"Ichor: {HEADLINES[study.verdict]}{reason} ({NOTICE})"
