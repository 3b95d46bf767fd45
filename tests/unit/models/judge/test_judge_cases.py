"""From read series to units, groups, spots and files."""

import json
import math

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="scikit-learn is not installed: install the 'train' extra")

from readings import card, crowd, reading

from models.datasets import Case, LoadedCase
from models.judge.groups import by_group, by_kind, ranged
from models.judge.judgement import hits, judge
from models.judge.levels import levels, patient_units, series_units, slice_units
from models.judge.nouns import KINDS, LABELS
from models.judge.plain import outcome, plain, write_cases
from models.judge.read import truth_of, volumes
from models.judge.rule import Stack, gap_after, longest_run, positive, required_count
from models.judge.shelf import keep, take
from models.judge.spots import hottest, spot
from models.judge.store import Store
from models.judge.sweep import sweep
from models.reading import SliceInput, SliceParts
from models.sections import Rule


def test_units_of_each_level():
    cases = [
        reading([0.9, 0.9, 0.2], [1, 1, 0], patient="a", series="1"),
        reading([0.1, 0.7, 0.1], [0, 0, 0], patient="a", series="2"),
        reading([0.1, 0.2, 0.1], [0, math.nan, 0], patient="b", series="3"),
    ]
    found = levels(cases, card())
    assert (len(found["slice"].truth), found["slice"].unknown, found["slice"].positives) == (8, 1, 2)
    assert found["series"].called.tolist() == [True, False, False]
    assert found["patient"].truth.tolist() == [True, False] and found["patient"].called.tolist() == [True, False]
    assert found["patient"].score[0] == pytest.approx(cases[0].score("any"))


def test_a_patient_takes_the_highest_of_its_series():
    first, second = reading([0.3] * 3, [0] * 3, patient="a"), reading([0.8] * 3, [1] * 3, patient="a", series="2")
    assert patient_units(series_units([first, second], card())).score == pytest.approx([0.8])


def test_the_same_patient_number_in_two_sources_is_two_patients():
    cases = [reading([0.3], [0], source="rsna"), reading([0.3], [0], source="cq500")]
    assert slice_units(cases, 0.5).patient.tolist() == [0, 1]


def test_a_label_the_reader_lacks_leaves_no_units():
    two = reading([0.9, 0.1], [1, 0])
    mute = reading([0.9, 0.1], [1, 0], labels=("any",), probabilities=two.probabilities[:, :1],
                   series_probabilities=two.series_probabilities[:1])  # fmt: skip
    assert len(slice_units([mute], 0.5, "subdural").truth) == 0
    kind = by_kind([mute], card(labels=("any",)), 20)[5]
    assert kind.series_areas.roc.text() == "not defined: the reader has no output for subdural"
    assert kind.called is not None, "the rule for any bleed still has an answer"


def test_kinds_count_sizeable_bleeds_apart():
    kinds = {kind.label: kind for kind in by_kind(crowd(), card(), 50)}
    assert (kinds["any"].called.hits, kinds["any"].called.of) == (5, 6)
    assert kinds["any"].called_sizeable.of == 5, "0.5 ml is not sizeable"
    assert sum(kinds[kind].called.of for kind in KINDS if kinds[kind].called) == 6


def test_groups_part_the_data():
    found = by_group(crowd(), card(), 20)
    for by in ("vendor", "slice thickness"):
        assert sum(group.series for group in found if group.by == by) == 12
    volumes_found = [group for group in found if group.by == "volume of blood"]
    assert sum(group.tpr.of for group in volumes_found[:-1]) == 6 and volumes_found[-1].name == "all from 1 ml"


@pytest.mark.parametrize(
    ("value", "words"),
    [(0.5, "below 1 ml"), (1.0, "1 to below 5 ml"), (20.0, "20 ml and more"), (math.nan, "not stated")],
)
def test_brackets_in_words(value, words):
    assert ranged(value, (1.0, 5.0, 20.0), "ml") == words


def test_the_sweep_holds_the_cards_own_point():
    points = sweep(crowd(), card())
    own = [point for point in points if point.bundled]
    assert len(own) == 1 and own[0].threshold == 0.5
    assert own[0].series["TPR"].hits == 5 and own[0].series["TNR"].hits == 5
    sensitivity = [point.slices["TPR"].value for point in points]
    assert sensitivity == sorted(sensitivity, reverse=True)


def test_runs_and_shares_by_hand():
    stack = Stack((0.0, 5.0, 10.0, 15.0, 35.0, 40.0), 5.0)
    assert gap_after(stack) == {3}
    assert longest_run(stack, [False, True, True, False, True, True]) == 10
    assert longest_run(stack, [False, False, False, True, True, False]) == 5, "a gap breaks a run"
    assert longest_run(stack, [False] * 6) == 0
    run, half = Rule("run", {"run_mm": 10.0}), Rule("share", {"share_percent": 10.0})
    ceil = Rule("share", {"share_percent": 10.0}, "ceil")
    assert positive(stack, [True, True, *[False] * 4], run) and not positive(stack, [True, *[False] * 5], run)
    assert [required_count(n, 10.0, half.rounding) for n in (24, 25, 32, 45)] == [2, 2, 3, 4]
    assert [required_count(n, 10.0, ceil.rounding) for n in (24, 25, 32, 45)] == [3, 3, 4, 5]
    assert positive(stack, [True, *[False] * 5], half)


def test_a_run_of_no_length_still_needs_a_slice():
    assert not positive(Stack((0.0, 5.0), 5.0), [False, False], Rule("run", {"run_mm": 0.0}))


def parts(cam, region=(0.0, 0.0, 64.0, 64.0)):
    return SliceParts(np.zeros(1, np.float32), np.zeros(1, np.float16), cam, region, None)


def test_the_hottest_point_in_source_pixels_and_its_distance():
    cam = np.zeros((1, 16, 16), np.float16)
    cam[0, 4, 8] = 2
    point = hottest(parts(cam), 0)
    assert point == (17.5, 33.5)
    truth = np.zeros((3, 64, 64), np.uint8)
    truth[1, 20, 33] = truth[2, 17, 33] = 1
    source, positions = SliceInput(np.zeros((64, 64), np.float32), 2.0, 1.0), np.array([0.0, 4.0, 8.0])
    found = spot(1, point, source, truth, positions)
    assert found.plane_mm == pytest.approx(math.hypot(2.5 * 2, 0.5))
    assert found.volume_mm == pytest.approx(math.sqrt(1 + 0.25 + 16))
    assert spot(0, point, source, truth, positions).plane_mm == math.inf
    assert math.isnan(spot(0, point, source, None, positions).plane_mm)


def test_a_flat_map_points_nowhere():
    assert hottest(parts(np.zeros((1, 4, 4), np.float16)), 0) is None
    source = SliceInput(np.zeros((4, 4), np.float32), 1.0, 1.0)
    assert spot(0, None, source, np.ones((1, 4, 4), np.uint8), np.zeros(1)).plane_mm == math.inf


def test_only_true_positives_with_voxel_truth_are_asked_for_their_spot():
    found = hits(crowd(), card())
    assert (found.plane.hits, found.plane.of) == (5, 5)
    assert hits([reading([0.9] * 3, [1] * 3)], card()).plane is None


def loaded(truth, source="phantom"):
    names = tuple(f"s{at}" for at in range(len(truth)))
    case = Case("p", "1", "2", (), names, None, {"any": 1}, "GE", 5.0, source)
    hu = np.random.default_rng(0).integers(-1024, 3072, (len(truth), 20, 20))
    hu[0, 0, :4] = -32768, 32767, -2000, 0
    slices = tuple(SliceInput(each.astype(np.float32), 2.0, 2.0) for each in hu)
    labels = np.zeros((len(truth), 6), np.float32)
    return LoadedCase(case, slices, np.arange(len(truth)) * 5.0, labels, labels.max(axis=0), names, truth)


def test_a_trace_of_blood_is_nobodys_label():
    truth = np.zeros((4, 20, 20), np.uint8)
    truth[1, 0, 0], truth[2, 0, :4], truth[3, 0, :10] = 5, 5, 2  # 4, 16 and 40 mm2
    slices, series = truth_of(loaded(truth))
    assert slices[:, 0].tolist()[:2] == [0, 0] and math.isnan(slices[2, 0]) and slices[3, 0] == 1
    assert slices[3, LABELS.index("intraparenchymal")] == 1 and math.isnan(slices[2, LABELS.index("subdural")])
    assert series[0] == 1
    assert volumes(loaded(truth)) == pytest.approx([0, 0.2, 0, 0, 0.1])
    assert np.isnan(volumes(loaded(np.full((2, 20, 20), 255, np.uint8), "ct-ich"))).all()


def test_a_kept_phantom_comes_back_to_the_last_unit(tmp_path):
    drawn = loaded(np.random.default_rng(1).integers(0, 6, (3, 20, 20)).astype(np.uint8))
    keep(drawn, tmp_path / "one.npz")
    again = take(drawn.case, tmp_path / "one.npz")
    for before, after in zip(drawn.slices, again.slices, strict=True):
        assert np.array_equal(before.hu, after.hu) and (before.row_mm, before.col_mm) == (after.row_mm, after.col_mm)
    assert np.array_equal(again.truth, drawn.truth) and np.array_equal(again.positions_mm, drawn.positions_mm)
    assert [path.name for path in tmp_path.iterdir()] == ["one.npz"]


def test_two_runs_may_keep_the_same_phantom_at_the_same_time(tmp_path, monkeypatch):
    drawn, path, write = loaded(np.zeros((3, 20, 20), np.uint8)), tmp_path / "one.npz", np.savez_compressed

    def write_while_another_run_keeps_it_too(*given, **parts):
        write(*given, **parts)
        monkeypatch.setattr(np, "savez_compressed", write)
        with monkeypatch.context() as other:
            other.setattr("os.getpid", lambda: -1)
            keep(drawn, path)

    monkeypatch.setattr(np, "savez_compressed", write_while_another_run_keeps_it_too)
    keep(drawn, path)
    assert [one.name for one in tmp_path.iterdir()] == ["one.npz"] and take(drawn.case, path).slices


def test_a_kept_reading_comes_back_whole(tmp_path):
    store, own = Store.of(tmp_path, card()), crowd()[3]
    assert store.get("key") is None
    store.put("key", own)
    again = store.get("key")
    assert plain(again.spot) == plain(own.spot) and again.labels == own.labels
    for name in ("probabilities", "slice_truth", "series_truth", "volumes_ml", "positions"):
        assert np.array_equal(getattr(again, name), getattr(own, name), equal_nan=True)
    store.put("none", reading([0.1], [0], thickness_mm=None))
    assert store.get("none").thickness_mm is None


def test_a_judgement_is_plain_json_with_every_level():
    found = json.loads(json.dumps(plain(judge(crowd(), card(), 50)), allow_nan=False))
    assert found["levels"]["patient"]["rates"]["confusion"] == {"tp": 5, "fn": 1, "fp": 1, "tn": 5}
    assert found["levels"]["patient"]["rates"]["exact"]["TPR"]["value"] == pytest.approx(5 / 6)
    assert found["loss"]["weights"]["any"] == 2


def test_the_table_of_cases_names_every_outcome(tmp_path):
    write_cases(tmp_path / "cases.csv", crowd(), card())
    lines = (tmp_path / "cases.csv").read_text("utf-8").splitlines()
    assert len(lines) == 13 and lines[0].startswith("patient,study,series")
    assert [outcome(case, card()) for case in crowd()[:4]] == ["TP", "TN", "FN", "FP"]
    assert {line.split(",")[7] for line in lines[1:]} == {"TP", "TN", "FN", "FP"}
