"""A series and the evidence that it is whole."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class SeriesState(StrEnum):
    """Still arriving, or complete by some evidence."""

    OPEN = "open"
    COMPLETE = "complete"


class EvidenceKind(StrEnum):
    """What said that a series is whole, strongest first."""

    ANNOUNCED = "announced"
    QUERIED = "queried"
    CONTIGUOUS = "contiguous"
    QUIET = "quiet"


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Why a series counts as complete, in a sentence a technologist understands; gaps are named there too."""

    kind: EvidenceKind
    received: int
    expected: int | None
    sentence: str
    gaps: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Check:
    """One line of the suitability card."""

    name: str
    passed: bool
    found: str
    wanted: str
    #: plain words for the worklist; empty when passed
    reason: str = ""
