"""The walk with each of the four systems: neighbours, sequence stage, another pack; small ones, random weights."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
from heads import Study
from wards import SETTINGS, Ward, ward_at

from service.domain.delivery import ObjectKind
from service.domain.reading import SliceKey, SliceReading
from service.ledger import conclusions, jobs, outbox, readings
from service.store.files import FileStore
from service.wiring.desk import build_desk
from service.worker.desk import WorkerDesk

SYSTEMS = ("effclass", "burduja", "wang", "saraswathi")


@pytest.fixture(scope="module")
def desk_of(small_packs: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Callable[..., WorkerDesk]:
    made: dict[tuple[str, bool], WorkerDesk] = {}

    def build(system: str, repair: bool = False) -> WorkerDesk:
        if (system, repair) not in made:
            model = SETTINGS.model.model_copy(
                update={"pack": str(small_packs[system]), "threads": 1, "repair_wrap": repair}
            )
            settings = SETTINGS.model_copy(update={"model": model})
            made[system, repair] = build_desk(settings, FileStore(tmp_path_factory.mktemp("desk")))
        return made[system, repair]

    return build


@pytest.fixture
def ward_of(desk_of: Callable[..., WorkerDesk], tmp_path: Path) -> Iterator[Callable[..., Ward]]:
    with ward_at(tmp_path, desk_of("wang")) as ward:

        def switch(system: str, repair: bool = False) -> Ward:
            desk = desk_of(system, repair)
            slices = type(desk.slices)(desk.slices._reader, ward.store, repair)
            ward.desk = replace(desk, store=ward.store, slices=slices)
            return ward

        yield switch


def kept(ward: Ward, study: Study) -> dict[SliceKey, SliceReading]:
    return readings.of_series(ward.ledger, study.series_uid, ward.desk.pack.pack_hash)


def places(study: Study, found: Sequence[SliceKey]) -> list[int]:
    """Where the slices of some readings lie in the stack, from below."""
    order = [str(pydicom.dcmread(path, stop_before_pixels=True).SOPInstanceUID) for path in ascending(study)]
    return sorted(order.index(uid) for uid, _, _ in found)


def ascending(study: Study) -> list[Path]:
    def height(path: Path) -> float:
        return float(pydicom.dcmread(path, stop_before_pixels=True).ImagePositionPatient[2])

    return sorted(study.paths, key=height)


def test_while_a_series_arrives_a_slice_waits_for_both_neighbours(
    ward_of: Callable[..., Ward], head: Callable[..., Study]
) -> None:
    ward, study = ward_of("wang"), head("epidural")
    paths = ascending(study)
    ward.arrive(paths[:5], "a")
    ward.walk()
    assert places(study, list(kept(ward, study))) == [1, 2, 3]
    ward.arrive(paths[5:], "b")
    ward.walk()
    assert places(study, list(kept(ward, study))) == list(range(1, 15))
    ward.complete()
    ward.walk()
    assert places(study, list(kept(ward, study))) == list(range(16))
    assert len(ward.conclusion(study).slices) == 16


def test_a_late_slice_renews_three_readings_and_no_more(
    ward_of: Callable[..., Ward], head: Callable[..., Study]
) -> None:
    ward, study = ward_of("wang"), head("epidural")
    paths = ascending(study)
    ward.arrive(paths[:7] + paths[8:], "a")
    ward.complete()
    ward.walk()
    before = kept(ward, study)
    assert len(before) == 15
    ward.arrive(paths[7:8], "late")
    ward.walk()
    ward.complete()
    ward.walk()
    after = kept(ward, study)
    assert places(study, list(after.keys() - before.keys())) == [6, 7, 8]
    assert before.items() <= after.items()
    score_of = {one.sop_uid: one.key for one in ward.conclusion(study).slices}
    assert len(score_of) == 16
    assert set(score_of.values()) <= set(after)


def test_a_late_slice_costs_one_reading_where_slices_are_read_alone(
    ward_of: Callable[..., Ward], head: Callable[..., Study]
) -> None:
    ward, study = ward_of("saraswathi"), head("none")
    paths = ascending(study)
    ward.arrive(paths[:7] + paths[8:], "a")
    ward.complete()
    ward.walk()
    before = kept(ward, study)
    ward.arrive(paths[7:8], "late")
    ward.walk()
    assert len(kept(ward, study)) == len(before) + 1 == 16


@pytest.mark.parametrize("system", ["burduja", "wang"])
def test_refined_probabilities_are_shown_and_raw_readings_stay(
    ward_of: Callable[..., Ward], head: Callable[..., Study], system: str
) -> None:
    ward, study = ward_of(system), head("epidural")
    ward.arrive(study.paths, "a")
    ward.complete()
    ward.walk()
    raw, scores = kept(ward, study), ward.conclusion(study).slices
    assert all(raw[one.key].probability("any") != one.probability for one in scores)
    reader, labels = ward.desk.slices._reader, ward.desk.pack.labels
    features = np.stack([np.frombuffer(raw[one.key].features, np.float16) for one in scores])
    table = np.array([[raw[one.key].probability(label) for label in labels] for one in scores])
    refined = reader.refine(features, table, [one.place_mm for one in scores])
    shown = np.array([[dict(one.findings)[label] for label in labels] for one in scores])
    np.testing.assert_allclose(shown, refined, atol=1e-6)
    assert [one.probability for one in scores] == list(shown[:, labels.index("any")])
    assert kept(ward, study) == raw


def test_an_unreadable_slice_is_left_out_of_the_sequence(
    ward_of: Callable[..., Ward], head: Callable[..., Study]
) -> None:
    ward, study = ward_of("wang"), head("epidural")
    paths = ascending(study)
    broken = pydicom.dcmread(paths[5])
    broken.PixelData = broken.PixelData[:100]
    broken.save_as(paths[5])
    ward.arrive(paths, "a")
    ward.complete()
    ward.walk()
    found = ward.conclusion(study)
    assert len(found.slices) == 15
    assert sum(bool(one.problem) for one in kept(ward, study).values()) == 1
    assert [one.name for one in found.suitability if not one.passed] == ["decoding"]


def test_another_pack_makes_other_objects_and_the_first_pack_the_same_again(
    ward_of: Callable[..., Ward], head: Callable[..., Study]
) -> None:
    ward, study = ward_of("burduja"), head("epidural")
    ward.arrive(study.paths, "a")
    ward.complete()
    ward.walk()
    made = [objects(ward)]
    for system in ("saraswathi", "burduja"):
        ward = ward_of(system)
        jobs.replay(ward.ledger, study.uid, time.time())
        ward.walk()
        made.append(objects(ward) - set().union(*made))
    assert made[0] and made[1] and not made[2]
    assert {kind for _, kind in made[1]} == {ObjectKind.SC, ObjectKind.SR}


def test_while_a_switch_is_under_way_the_report_names_the_pack_that_read_the_leading_series(
    ward_of: Callable[..., Ward], head: Callable[..., Study]
) -> None:
    ward, first = ward_of("saraswathi"), head("epidural")
    second = head("epidural", StudyInstanceUID=first.uid)
    ward.arrive([*first.paths, *second.paths], "a")
    ward.complete()
    ward.walk()
    ward.walk()
    jobs.replay(ward.ledger, first.uid, time.time())
    ward = ward_of("wang")
    for _ in range(2):
        before = reports(ward)
        ward.walk()
        ((_, maker),) = reports(ward).items() - before.items()
        lead = max(conclusions.view(ward.ledger, first.uid).conclusions.values(), key=lambda one: one.probability)
        assert maker == f"Ichor {lead.pack_name}"
    assert maker == "Ichor small-wang"


def reports(ward: Ward) -> dict[str, str]:
    """The reports in the outbox, and what each names as its maker."""
    due = [one.obj for one in outbox.due(ward.ledger, time.time(), 0, 100) if one.obj.kind is ObjectKind.SR]
    return {one.sop_uid: pydicom.dcmread(ward.store.path(one.content_hash)).ManufacturerModelName for one in due}


def objects(ward: Ward) -> set[tuple[str, ObjectKind]]:
    return {(str(one.obj.sop_uid), one.obj.kind) for one in outbox.due(ward.ledger, time.time(), 0, 100)}


def test_the_wrap_is_undone_where_the_site_says_so_and_the_case_tells(
    ward_of: Callable[..., Ward], head: Callable[..., Study]
) -> None:
    ward, study = ward_of("saraswathi", True), head("epidural")
    hounsfield = {path: wrap(path) for path in study.paths}
    ward.arrive(study.paths, "a")
    ward.complete()
    ward.walk()
    mended = ward.conclusion(study)
    assert mended.suitability[-1].found == "the 12-bit wrap was undone in 16 of 16 images before they were read"
    assert "the 12-bit wrap was undone in 16 of 16 images" in mended.evidence.sentence
    instance = ward.instances(study)[0]
    at = next(path for path in study.paths if pydicom.dcmread(path).SOPInstanceUID == instance.sop_uid)
    np.testing.assert_array_equal(ward.desk.slices.hounsfield(instance, 0).hu, hounsfield[at])
    ward = ward_of("saraswathi", False)
    jobs.replay(ward.ledger, study.uid, time.time())
    ward.walk()
    damaged = ward.conclusion(study)
    assert len(kept(ward, study)) == 32
    assert "pixel wrap" not in [one.name for one in damaged.suitability]
    assert "wrap" not in damaged.evidence.sentence
    assert [one.probability for one in damaged.slices] != [one.probability for one in mended.slices]


def wrap(path: Path) -> np.ndarray:
    """Damage a file as the 12-bit wrap does; return the HU it held."""
    ds = pydicom.dcmread(path)
    hu = np.clip(ds.pixel_array * float(ds.RescaleSlope) + float(ds.RescaleIntercept), -1000, 3000).astype(np.int32)
    # stored as HU in 12 unsigned bits, the negative ones wrapped to the top
    stored = np.where(hu < 0, hu + 4096, hu)
    ds.PixelData = stored.astype("<u2").tobytes()
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 12, 11, 0
    ds.RescaleSlope, ds.RescaleIntercept = 1, 0
    ds.pop("PixelPaddingValue", None)
    ds.save_as(path)
    return hu.astype(np.float32)
