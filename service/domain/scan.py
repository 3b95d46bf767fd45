"""What arrived: an instance with the header facts the node lives on. No tag numbers, no pixels."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from service.domain.ids import AssociationId, ContentHash, SeriesUid, SopUid, StudyUid

Vector = tuple[float, float, float]


@dataclass(frozen=True, kw_only=True)
class Patient:
    """Copied into results unchanged; never logged."""

    patient_id: str = ""
    name: str = ""
    birth_date: str = ""
    sex: str = ""
    age_years: float | None = None


@dataclass(frozen=True, kw_only=True)
class StudyHeader:
    """The study level of PS3.3 C.7.2."""

    study_uid: StudyUid
    accession_number: str = ""
    study_id: str = ""
    study_date: str = ""
    study_time: str = ""
    description: str = ""
    referring_physician: str = ""


@dataclass(frozen=True, kw_only=True)
class SlicePlace:
    """Where one frame lies: position in mm (patient coordinates), direction cosines, thickness in mm."""

    frame: int
    position: Vector | None
    row_cosine: Vector | None
    column_cosine: Vector | None
    thickness: float | None


@dataclass(frozen=True, kw_only=True)
class InstanceHeader:
    """The series and image facts that suitability and geometry ask for; None where the header is silent."""

    modality: str
    sop_class: str
    image_type: tuple[str, ...] = ()
    body_part: str = ""
    series_description: str = ""
    study_description: str = ""
    protocol: str = ""
    manufacturer: str = ""
    model: str = ""
    kernel: str = ""
    series_number: int | None = None
    instance_number: int | None = None
    acquisition_number: int | None = None
    #: distinguishes the time points of a 4D series; empty where there is one
    time_point: str = ""
    kvp: float | None = None
    tilt_degrees: float | None = None
    contrast_agent: str = ""
    row_mm: float | None = None
    column_mm: float | None = None
    rows: int | None = None
    columns: int | None = None
    images_in_acquisition: int | None = None
    series_related_instances: int | None = None
    frame_of_reference: str = ""
    #: Pixel Padding Value (0028,0120) in stored units
    padding_value: int | None = None
    #: Bits Stored, Pixel Representation and Rescale Intercept, as the first frame has them
    bits_stored: int | None = None
    signed: bool | None = None
    intercept: float | None = None
    #: Lossy Image Compression (0028,2110) says that the values are not the scanner's any more
    lossy: bool = False
    has_pixels: bool = False
    slices: tuple[SlicePlace, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ReceivedInstance:
    """One object that came through the door and lies in the store."""

    sop_uid: SopUid
    series_uid: SeriesUid
    content_hash: ContentHash
    transfer_syntax: str
    size: int
    association: AssociationId
    received_at: float
    patient: Patient
    study: StudyHeader
    header: InstanceHeader


@dataclass(frozen=True, kw_only=True)
class Association:
    """One visit of a sender; what it brought is trusted as whole only when it was released properly."""

    association: AssociationId
    calling_ae: str
    called_ae: str
    address: str
    opened_at: float


class AssociationEnd(StrEnum):
    """How a visit ended."""

    OPEN = "open"
    RELEASED = "released"
    ABORTED = "aborted"
    LOST = "lost"


class Arrival(StrEnum):
    """What the ledger makes of an instance."""

    NEW = "new"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"


@dataclass(frozen=True, kw_only=True)
class StoredInstance:
    """An instance as the ledger hands it back to the rooms further in."""

    sop_uid: SopUid
    series_uid: SeriesUid
    content_hash: ContentHash
    transfer_syntax: str
    header: InstanceHeader
