"""What the node concludes, for a series and for its study, and what decided it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from service.domain.ids import ContentHash, PackHash, PixelsHash, SeriesUid, SopUid, StudyUid
from service.domain.reading import SliceKey
from service.domain.series import Check, Evidence

ANY = "any"


class Verdict(StrEnum):
    """The three answers."""

    POSITIVE = "positive"
    NEGATIVE = "negative"
    NOT_ANALYSED = "not_analysed"


class Priority(StrEnum):
    """The words of DICOM UPS (0074,1200)."""

    HIGH = "HIGH"
    MEDIUM = "MEDIUM"
    LOW = "LOW"


class StudyState(StrEnum):
    """Where a study stands, as users see it."""

    RECEIVING = "receiving"
    WAITING = "waiting"
    READING = "reading"
    DELIVERING = "delivering"
    DONE = "done"
    NOT_ANALYSED = "not_analysed"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True)
class SliceScore:
    """One slice in anatomical order: where it lies (mm along the normal) and its probability of any bleed."""

    sop_uid: SopUid
    frame: int
    content_hash: ContentHash
    instance_number: int | None
    place_mm: float
    probability: float
    positive: bool
    findings: tuple[tuple[str, float], ...] = ()
    #: what the reader was shown; None in conclusions of an earlier version, where it was the content alone
    pixels_hash: PixelsHash | None = None

    @property
    def shown(self) -> PixelsHash:
        """Return what the reader was shown."""
        return self.pixels_hash or PixelsHash(self.content_hash)

    @property
    def key(self) -> SliceKey:
        """Return what the reading behind this score is kept under."""
        return self.sop_uid, self.frame, self.shown


@dataclass(frozen=True, kw_only=True)
class Decision:
    """The rule that decided, with its numbers, in one sentence."""

    rule: str
    positive: bool
    sentence: str
    threshold: float
    positive_slices: int
    read_slices: int


@dataclass(frozen=True, kw_only=True)
class SeriesConclusion:
    """The answer for one series; everything the result objects need about it."""

    series_uid: SeriesUid
    verdict: Verdict
    probability: float | None
    why: str
    pack_name: str
    pack_version: str
    pack_hash: PackHash
    evidence: Evidence | None
    suitability: tuple[Check, ...]
    decision: Decision | None = None
    #: series-level probability by finding, any first
    findings: tuple[tuple[str, float], ...] = ()
    slices: tuple[SliceScore, ...] = ()
    #: indexes into ``slices``, most telling first
    key_slices: tuple[int, ...] = ()
    modality: str = ""
    description: str = ""


@dataclass(frozen=True, kw_only=True)
class StudyVerdict:
    """The answer for the study; ``fingerprint`` names its inputs, ``answer`` what a reader would notice changing."""

    study_uid: StudyUid
    verdict: Verdict
    priority: Priority
    probability: float | None
    why: str
    policy: str
    leading_series: SeriesUid | None
    conclusions: tuple[SeriesConclusion, ...]
    fingerprint: str
    answer: str
