"""What a result is made from and what it becomes: plain values, so that the worker fills them and sees no builder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from service.domain.delivery import HOUSE_FORMS, Form, ObjectKind
from service.domain.ids import SeriesUid, SopUid, StudyUid
from service.domain.pack import PackFacts
from service.domain.reading import ActivationMap
from service.domain.verdict import SliceScore


@dataclass(frozen=True, kw_only=True)
class Reference:
    """One instance by class and UID, as a Referenced SOP item names it (PS3.3 10.8)."""

    sop_class: str
    sop_uid: SopUid


@dataclass(frozen=True, kw_only=True)
class SourceSeries:
    """A series that was read, with every instance of it that the verdict rests on."""

    series_uid: SeriesUid
    instances: tuple[Reference, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class KeySlice:
    """One picture's worth: HU [H, W], pixel size in mm and the header of the file the slice came from."""

    score: SliceScore
    hu: NDArray[np.float32]
    row_mm: float
    column_mm: float
    activation: ActivationMap | None
    #: read with stop_before_pixels; never written to
    header: Dataset


@dataclass(frozen=True, kw_only=True, eq=False)
class ResultSource:
    """The study as it lies in the store; ``header``, any file of the leading series, speaks for patient and study."""

    header: Dataset
    #: in the order of ``SeriesConclusion.key_slices``
    key_slices: tuple[KeySlice, ...]
    referenced: tuple[SourceSeries, ...]
    pack: PackFacts


@dataclass(frozen=True, kw_only=True)
class Predecessor:
    """The report that this one supersedes (Predecessor Documents Sequence, PS3.3 C.17.2)."""

    study_uid: StudyUid
    series_uid: SeriesUid
    sop_class: str
    sop_uid: SopUid


@dataclass(frozen=True, kw_only=True)
class Order:
    """What is to be made, and for the reports among it which earlier one each supersedes."""

    forms: tuple[Form, ...] = HOUSE_FORMS
    predecessors: Mapping[Form, Predecessor] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class RenderedObject:
    """A finished object: ``payload`` is a complete Part-10 file; ``number`` counts from 1 within its form."""

    sop_uid: SopUid
    sop_class: str
    series_uid: SeriesUid
    form: Form
    number: int
    payload: bytes

    @property
    def kind(self) -> ObjectKind:
        """Return what sort of object it is."""
        return self.form.kind
