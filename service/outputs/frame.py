"""What every result object shares: its UIDs, its times, its maker, and the way it becomes bytes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from io import BytesIO

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.uid import ExplicitVRLittleEndian

from service.dicom.uids import CT_IMAGE, IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME, derived_uid
from service.domain.delivery import Form, ObjectKind
from service.domain.ids import SeriesUid, SopUid
from service.domain.verdict import SeriesConclusion, StudyVerdict
from service.outputs.identity import lay_identity
from service.outputs.placement import frame_of_reference
from service.outputs.rules import plain
from service.outputs.source import KeySlice, RenderedObject, ResultSource

MANUFACTURER = "Ichor"
#: scanners count from 1, reformats of some go to the hundreds; PACS sort these last
SERIES_NUMBERS = {ObjectKind.SC: 9701, ObjectKind.SR: 9702, ObjectKind.KO: 9703, ObjectKind.GSPS: 9704}
_OFFSET = re.compile(r"([+-])(\d{2})(\d{2})")


@dataclass(frozen=True, eq=False)
class Task:
    """One study to be rendered at one moment."""

    verdict: StudyVerdict
    conclusion: SeriesConclusion
    source: ResultSource
    made_at: float

    def series_uid(self, form: Form) -> str:
        """Return the UID of the series that holds this form, the same for the same study and inputs."""
        return derived_uid(self.verdict.study_uid, self.verdict.fingerprint, form.name, "series")

    def sop_uid(self, form: Form, number: int) -> SopUid:
        """Return the UID of one object, the same for the same study and inputs."""
        return SopUid(derived_uid(self.verdict.study_uid, self.verdict.fingerprint, form.name, str(number)))

    def sop_class(self, key: KeySlice) -> str:
        """Return the SOP class of a key slice as the store knows it; headers of some exports leave it empty."""
        known = {one.sop_uid: one.sop_class for series in self.source.referenced for one in series.instances}
        return known.get(key.score.sop_uid) or str(key.header.get("SOPClassUID") or CT_IMAGE)

    @property
    def offset(self) -> str:
        """Return the source's Timezone Offset From UTC (PS3.3 C.12.1.1.8), empty when it names none."""
        text = str(self.source.header.get("TimezoneOffsetFromUTC") or "")
        return text if _OFFSET.fullmatch(text) else ""

    @property
    def moment(self) -> datetime:
        """Return ``made_at`` in the source's time zone, or else, like a scanner, in the node's own."""
        if not self.offset:
            return datetime.fromtimestamp(self.made_at, UTC).astimezone()
        sign, hours, minutes = self.offset[0], int(self.offset[1:3]), int(self.offset[3:])
        ahead = timedelta(hours=hours, minutes=minutes)
        return datetime.fromtimestamp(self.made_at, timezone(ahead if sign == "+" else -ahead))


@cache
def ichor_version() -> str:
    """Return the version of this node."""
    try:
        return version("ichor-triage")
    except PackageNotFoundError:
        return "unknown"


def lay_frame_of_reference(target: Dataset, task: Task) -> None:
    """Say which space an object speaks of, where the source names one."""
    reference = frame_of_reference(task.source.header)
    if reference:
        target.FrameOfReferenceUID = reference
        target.PositionReferenceIndicator = task.source.header.get("PositionReferenceIndicator")


def finish(target: Dataset, task: Task, form: Form, number: int) -> RenderedObject:
    """Give an object its patient, times and maker, and write it as a Part-10 file (PS3.10 7.1)."""
    lay_identity(target, task.source.header, task.verdict.study_uid)
    _lay_times(target, task, form)
    _lay_maker(target, task)
    return RenderedObject(
        sop_uid=SopUid(str(target.SOPInstanceUID)),
        sop_class=str(target.SOPClassUID),
        series_uid=SeriesUid(str(target.SeriesInstanceUID)),
        form=form,
        number=number,
        payload=_encoded(target),
    )


def _lay_times(target: Dataset, task: Task, form: Form) -> None:
    date, time = task.moment.strftime("%Y%m%d"), task.moment.strftime("%H%M%S.%f")
    # a presentation state has its own word for when its content was made (PS3.3 C.11.10)
    content = "PresentationCreation" if form.kind is ObjectKind.GSPS else "Content"
    for name in ("InstanceCreation", content, "Series"):
        setattr(target, f"{name}Date", date)
        setattr(target, f"{name}Time", time)
    for equipment in target.get("ContributingEquipmentSequence", []):
        # highdicom names itself here, with the clock of the moment
        equipment.ContributionDateTime = task.moment.strftime("%Y%m%d%H%M%S.%f")
    if task.offset:
        target.TimezoneOffsetFromUTC = task.offset


def _lay_maker(target: Dataset, task: Task) -> None:
    target.Manufacturer = MANUFACTURER
    target.ManufacturerModelName = plain(f"Ichor {task.source.pack.name}", 64)
    target.DeviceSerialNumber = task.source.pack.pack_hash[:64] or "0"
    target.SoftwareVersions = [plain(one, 64) for one in (ichor_version(), task.source.pack.version)]


def _encoded(target: Dataset) -> bytes:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = target.SOPClassUID
    meta.MediaStorageSOPInstanceUID = target.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = IMPLEMENTATION_CLASS_UID  # type: ignore[assignment]
    meta.ImplementationVersionName = IMPLEMENTATION_VERSION_NAME
    target.file_meta = meta
    target.preamble = bytes(128)
    buffer = BytesIO()
    dcmwrite(buffer, target, enforce_file_format=True)
    return buffer.getvalue()
