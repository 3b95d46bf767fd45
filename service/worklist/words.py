"""Ledger values in plain words: ages, clock times, names, states and findings."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Final

from service.domain.delivery import DeliveryState, Dialect, ObjectKind
from service.domain.verdict import StudyState, Verdict

DISCLAIMER: Final = "research use only, not for diagnosis; trained on synthetic data"

STATES: Final = {
    StudyState.RECEIVING: "Receiving",
    StudyState.WAITING: "Waiting",
    StudyState.READING: "Reading",
    StudyState.DELIVERING: "Delivering",
    StudyState.DONE: "Done",
    StudyState.NOT_ANALYSED: "Not analysed",
    StudyState.FAILED: "Failed",
}
HEADLINES: Final = {
    Verdict.POSITIVE: "Suspected haemorrhage",
    Verdict.NEGATIVE: "No haemorrhage flagged",
    Verdict.NOT_ANALYSED: "Not analysed",
}
UNREAD_WHY: Final = {
    StudyState.RECEIVING: "Images are still arriving.",
    StudyState.WAITING: "All images are here; waiting for the reader.",
    StudyState.READING: "The reader is at work.",
    StudyState.FAILED: "Reading failed; a person must look.",
}
DELIVERY_WORDS: Final = {
    DeliveryState.QUEUED: "Queued",
    DeliveryState.SENT: "Sent",
    DeliveryState.COMMITTED: "Committed",
    DeliveryState.RETRYING: "Retrying",
    DeliveryState.DEAD: "Given up",
}

REPORTS: Final = {
    Dialect.TID1500: "Structured report",
    Dialect.ENHANCED: "Enhanced SR report",
    Dialect.BASIC: "Text report",
}


def thing_words(kind: ObjectKind, dialect: Dialect | None, number: int) -> str:
    """Return what a result object is, as a person would call it."""
    things = {
        ObjectKind.SC: f"Picture {number}",
        ObjectKind.SR: REPORTS[dialect or Dialect.TID1500],
        ObjectKind.KO: "Key object selection",
        ObjectKind.GSPS: "Presentation state",
    }
    return things[kind]


def iso(at: float | None) -> str | None:
    """Return ISO 8601 in UTC with milliseconds, None for a time that has not come."""
    return None if at is None else datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")


def clock(at: float | None, now: float) -> str:
    """Return the node's local wall clock, with the date when it was another day."""
    if at is None:
        return "-"
    there, here = time.localtime(at), time.localtime(now)
    return time.strftime("%H:%M:%S" if there[:3] == here[:3] else "%d %b %Y %H:%M", there)


def span(seconds: float) -> str:
    """Return a length of time as a person says it; coarse, so that an idle page stays as it is."""
    seconds = max(0.0, seconds)
    if seconds < 60:
        return f"{int(seconds // 10) * 10} s" if seconds >= 10 else "a moment"
    if seconds < 3600:
        return f"{int(seconds // 60)} min"
    if seconds < 48 * 3600:
        return f"{int(seconds // 3600)} h {int(seconds % 3600 // 60)} min"
    return f"{int(seconds // 86400)} days"


def lapse(seconds: float) -> str:
    """Return a measured length of time, with tenths while they matter."""
    return f"{seconds:.1f} s" if seconds < 60 else span(seconds)


def sentence(text: str) -> str:
    """Return the text with a capital in front."""
    return text[:1].upper() + text[1:]


def counted(number: int, one: str, many: str) -> str:
    """Return the number with its noun."""
    return f"{number} {one if number == 1 else many}"


def person_name(name: str) -> str:
    """Return a DICOM person name (PS3.5 6.2.1) as 'Family, Given', other scripts in brackets."""
    groups = [_name_group(group) for group in name.split("=")]
    first, *others = [group for group in groups if group] or [""]
    return f"{first} ({others[0].replace(', ', ' ')})" if others else first


def _name_group(group: str) -> str:
    family, _, rest = group.partition("^")
    given = " ".join(part.strip() for part in rest.split("^")[:2] if part.strip())
    return ", ".join(part for part in (family.strip(), given) if part)


def day(text: str) -> str:
    """Return a DICOM date (YYYYMMDD) with hyphens, anything else as it is."""
    return f"{text[:4]}-{text[4:6]}-{text[6:]}" if len(text) == 8 and text.isdigit() else text


def percent(probability: float | None) -> str:
    """Return a probability in percent that never rounds to certainty."""
    if probability is None:
        return ""
    if probability > 0.99:
        return "> 99 %"
    return "< 1 %" if probability < 0.01 else f"{probability * 100:.0f} %"


def finding_name(label: str) -> str:
    """Return a finding's label as a word."""
    return "Any haemorrhage" if label == "any" else label.replace("_", " ").capitalize()
