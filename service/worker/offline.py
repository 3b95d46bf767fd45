"""The same walk for a folder of files: no network, no ledger, nothing kept."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pydicom.dataset import Dataset

from service.dicom.headers import Parsed, parse
from service.dicom.part10 import read_file
from service.domain.ids import ContentHash, SeriesUid, SopUid, StudyUid
from service.domain.reading import SliceKey, SliceReading
from service.domain.scan import StoredInstance
from service.domain.series import Evidence
from service.domain.verdict import StudyVerdict
from service.errors import BadUsage, Undecodable
from service.outputs.source import ResultSource
from service.worker.conclude import conclude_one, conclude_whole, hopeless
from service.worker.desk import Desk
from service.worker.gather import Material, gather


class FolderFiles:
    """Remembers where each file lies under a made-up hash of its path."""

    def __init__(self) -> None:
        self._paths: dict[str, Path] = {}

    def remember(self, path: Path) -> ContentHash:
        """Give the file a name; the bytes need not be hashed, since nothing is kept."""
        name = ContentHash(hashlib.sha256(str(path.resolve()).encode()).hexdigest())
        self._paths[name] = path
        return name

    def path(self, content_hash: str) -> Path:
        """Return where the file lies."""
        return self._paths[content_hash]


@dataclass(frozen=True, kw_only=True)
class Folder:
    """What lies in a folder: instances by study and series, and the files that are no DICOM."""

    studies: Mapping[StudyUid, Mapping[SeriesUid, Sequence[StoredInstance]]]
    unreadable: Mapping[str, str]
    files: FolderFiles


def look_into(path: Path, files: FolderFiles) -> Folder:
    """Read the headers of a file or of every file below a folder."""
    if not path.exists():
        raise BadUsage(f"no such file or folder: {path}")
    studies: dict[StudyUid, dict[SeriesUid, list[StoredInstance]]] = defaultdict(lambda: defaultdict(list))
    unreadable: dict[str, str] = {}
    for one in sorted(path.rglob("*")) if path.is_dir() else [path]:
        if not one.is_file():
            continue
        try:
            study_uid, instance = _instance(one, files)
        except Undecodable as problem:
            unreadable[one.name] = str(problem)
            continue
        studies[study_uid][instance.series_uid].append(instance)
    if not studies:
        raise BadUsage(f"no readable DICOM file in {path}{_first(unreadable)}")
    return Folder(studies=studies, unreadable=unreadable, files=files)


def _first(unreadable: Mapping[str, str]) -> str:
    return f": {next(iter(unreadable.values()))}" if unreadable else ""


def _instance(path: Path, files: FolderFiles) -> tuple[StudyUid, StoredInstance]:
    ds = read_file(path, pixels=False)
    parsed = parse(ds, has_pixels=True)
    sop_uid, sop_class = _identity(ds, parsed)
    if not sop_uid:
        raise Undecodable(f"{path.name} is no instance: it has no SOP Instance UID")
    instance = StoredInstance(
        sop_uid=sop_uid,
        series_uid=parsed.series_uid,
        content_hash=files.remember(path),
        transfer_syntax=str(ds.file_meta.get("TransferSyntaxUID", "")),
        header=replace(parsed.header, sop_class=sop_class),
    )
    return parsed.study.study_uid, instance


def _identity(ds: Dataset, parsed: Parsed) -> tuple[SopUid, str]:
    """Take the file meta's word where the data set is silent, as the door takes the command's."""
    meta = ds.file_meta
    sop_uid = parsed.sop_uid or SopUid(str(meta.get("MediaStorageSOPInstanceUID", "")))
    return sop_uid, parsed.header.sop_class or str(meta.get("MediaStorageSOPClassUID", ""))


def conclude_folder(
    desk: Desk, folder: Folder, progress: Callable[[int, int], None] | None = None
) -> list[StudyVerdict]:
    """Conclude every study of the folder, the most urgent first."""
    count = _count(folder, progress)
    verdicts = [_conclude_study(desk, study_uid, series, count).verdict for study_uid, series in folder.studies.items()]
    order = {"HIGH": 0, "MEDIUM": 1, "LOW": 2}
    return sorted(verdicts, key=lambda one: (order[one.priority], -(one.probability or 0.0)))


def read_study(
    desk: Desk, folder: Folder, evidence: Evidence, progress: Callable[[int, int], None] | None = None
) -> tuple[StudyVerdict, ResultSource | None]:
    """Conclude the one study of a folder, with what result objects are made from; None when it was not analysed."""
    ((study_uid, series),) = folder.studies.items()
    material = _conclude_study(desk, study_uid, series, _count(folder, progress), evidence)
    analysed = material.verdict.leading_series is not None
    return material.verdict, gather(desk, folder.files, material) if analysed else None


@dataclass
class _Count:
    """How many files are through, told to whoever watches."""

    total: int
    tell: Callable[[int, int], None] | None
    done: int = 0

    def add(self, files: int) -> None:
        self.done += files
        if self.tell and files:
            self.tell(self.done, self.total)


def _count(folder: Folder, progress: Callable[[int, int], None] | None) -> _Count:
    return _Count(sum(len(one) for series in folder.studies.values() for one in series.values()), progress)


def _conclude_study(
    desk: Desk,
    study_uid: StudyUid,
    series: Mapping[SeriesUid, Sequence[StoredInstance]],
    count: _Count,
    evidence: Evidence | None = None,
) -> Material:
    unique = {uid: tuple({one.sop_uid: one for one in series[uid]}.values()) for uid in sorted(series)}
    readings: dict[SliceKey, SliceReading] = {}
    conclusions = []
    for uid, instances in unique.items():
        found = _read(desk, instances, count)
        count.add(len(series[uid]) - len(instances))
        conclusions.append(conclude_one(desk, instances, found, evidence, uid))
        readings |= found
    return Material(verdict=conclude_whole(desk, study_uid, conclusions), instances=unique, readings=readings)


def _read(desk: Desk, instances: Sequence[StoredInstance], count: _Count) -> dict[SliceKey, SliceReading]:
    readings: dict[SliceKey, SliceReading] = {}
    left = len(instances)
    if not hopeless(desk, instances):
        for batch in desk.slices.read(desk.slices.sights(instances), ()):
            before = len({key[0] for key in readings})
            readings |= {one.key: one for one in batch}
            seen = len({key[0] for key in readings})
            count.add(seen - before)
            left -= seen - before
    count.add(left)
    return readings
