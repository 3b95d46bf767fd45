"""What every kind of notice says, in words; pure."""

from __future__ import annotations

from datetime import UTC, datetime

from service.domain.notice import News
from service.domain.verdict import ANY, Verdict

NOTICE = "research use only, not for diagnosis; trained on synthetic data"
HEADLINES = {
    Verdict.POSITIVE: "Suspected intracranial haemorrhage",
    Verdict.NEGATIVE: "No haemorrhage flagged",
    Verdict.NOT_ANALYSED: "Not analysed",
}


def kinds_of(news: News) -> list[tuple[str, float]]:
    """Return the kinds of bleed with their probabilities, most probable first."""
    return sorted(((label, value) for label, value in news.findings if label != ANY), key=lambda one: -one[1])


def rounded(probability: float) -> str:
    """Write a probability with two digits, never as certainty."""
    return f"{min(max(probability, 0.01), 0.99):.2f}"


def moment(at: float) -> str:
    """Write a time as ISO 8601 in UTC."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")


def dicom_moment(at: float) -> str:
    """Write a time as DICOM DT and HL7 DTM do, in UTC."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y%m%d%H%M%S+0000")


def pack_words(news: News) -> str:
    """Name the pack that read it."""
    return f"{news.pack[0]} {news.pack[1]} {news.pack[2][:12]}" if news.pack else ""
