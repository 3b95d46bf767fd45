"""Builders of ``ichor read``, ``phantom`` and ``practice``."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from service.domain.verdict import ANY, SeriesConclusion, StudyVerdict
from service.errors import BadUsage
from service.inference.pack import facts_of, load_reader
from service.inference.read_slices import SliceReader
from service.peers import Destination
from service.settings import ModelSettings, Settings
from service.worker.desk import Desk
from service.worker.offline import FolderFiles, conclude_folder, look_into


@dataclass(frozen=True, kw_only=True)
class PhantomWish:
    """Which synthetic head is wanted."""

    finding: str
    seed: int
    slices: int = 32
    thickness: float = 5.0
    vendor: str = "ge"
    variety: float = 0.0


def read_folder(settings: Settings, path: Path, pack: str | None) -> dict[str, Any]:
    """Conclude what lies in a folder; the most urgent study is the answer, others stand beside it."""
    files = FolderFiles()
    folder = look_into(path, files)
    chosen = settings.model.model_copy(update={"pack": pack}) if pack else settings.model
    desk = build_offline_desk(settings, chosen, files)
    first, *others = conclude_folder(desk, folder, progress("slices read"))
    return _answer(first, desk) | {
        "other_studies": [_answer(one, desk) for one in others],
        "unreadable": dict(folder.unreadable),
    }


def build_offline_desk(settings: Settings, chosen: ModelSettings, files: FolderFiles) -> Desk:
    """Load the pack for a folder."""
    reader = load_reader(chosen)
    return Desk(
        slices=SliceReader(reader, files, chosen.repair_wrap),
        pack=facts_of(reader.card),
        device=reader.device,
        suitability=settings.suitability,
        policy=settings.policy,
    )


def _answer(verdict: StudyVerdict, desk: Desk) -> dict[str, Any]:
    shown = {one.series_uid: one for one in verdict.conclusions}
    telling = shown.get(verdict.leading_series) if verdict.leading_series else _most_telling(verdict)
    return {
        "study_instance_uid": verdict.study_uid,
        "verdict": verdict.verdict.value,
        "priority": verdict.priority.value,
        "probability": verdict.probability,
        "why": verdict.why,
        "pack": {"name": desk.pack.name, "version": desk.pack.version, "hash": desk.pack.pack_hash},
        "device": desk.device,
        **_series(telling),
        "series": [{"series_instance_uid": one.series_uid, **_series(one)} for one in verdict.conclusions],
    }


def _most_telling(verdict: StudyVerdict) -> SeriesConclusion | None:
    return next((one for one in verdict.conclusions if one.why == verdict.why), None)


def _series(one: SeriesConclusion | None) -> dict[str, Any]:
    if one is None:
        return {"suitability": [], "findings": {}, "slices": []}
    return {
        "series_verdict": one.verdict.value,
        "series_why": one.why,
        "suitability": [
            {
                "name": line.name,
                "passed": line.passed,
                "found": line.found,
                "wanted": line.wanted,
                "reason": line.reason,
            }
            for line in one.suitability
        ],
        "findings": {name: value for name, value in one.findings if name != ANY},
        "slices": [
            {"sop_instance_uid": at.sop_uid, "frame": at.frame, "place_mm": at.place_mm, "probability": at.probability}
            for at in one.slices
        ],
    }


def write_phantom(wish: PhantomWish, out: Path) -> list[Path]:
    """Write a synthetic series."""
    from service.practice.make_head import make_head
    from service.practice.write_series import write_series

    phantom = make_head(wish.finding, wish.seed, wish.slices, wish.thickness, wish.vendor, variety=wish.variety)
    return write_series(phantom, out, progress=progress("slices written"))


def send_practice(settings: Settings, wish: PhantomWish, to: tuple[str, int, str]) -> str:
    """Make a head, send it, and return its study UID."""
    from service.practice.send import send_series

    host, port, title = to
    peer = Destination(name=f"{host}:{port}", ae_title=title, host=host, port=port, commit=False)
    with tempfile.TemporaryDirectory(prefix="ichor-practice-") as folder:
        paths = write_phantom(wish, Path(folder))
        if not paths:
            raise BadUsage("the wish made no slice")
        send_series(paths, peer, "PRACTICECT", progress("slices sent"))
        return _study_uid(paths[0])


def _study_uid(path: Path) -> str:
    from service.dicom.headers import parse
    from service.dicom.part10 import read_file

    return str(parse(read_file(path, pixels=False)).study.study_uid)


def progress(step: str) -> Callable[[int, int], None]:
    """A bar on a terminal, elsewhere one plain line when the step is through; standard output stays the answer's."""
    on_terminal = sys.stderr.isatty()

    def show(done: int, total: int) -> None:
        end = "\n" if done == total else ""
        if on_terminal:
            filled = "#" * (30 * done // total)
            sys.stderr.write(f"\r[{filled:<30}] {done}/{total} {step}{end}")
            sys.stderr.flush()
        elif end:
            sys.stderr.write(f"{done}/{total} {step}{end}")

    return show
