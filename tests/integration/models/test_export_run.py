"""A finished run becomes a pack: whole, in half precision and in 8 bits, with what each of them loses."""

import shutil
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: install the 'train' extra")
pytest.importorskip("onnx", reason="onnx is not installed: install the 'train' extra")

from packs import SMALL, beside, scan, small_nets  # noqa: E402
from trees import ANY_KINDS, write_ct, write_table  # noqa: E402

from models import load, verify  # noqa: E402
from models.datasets import open_dataset  # noqa: E402
from models.datasets.kept import keep_cases  # noqa: E402
from models.errors import PackGraphMismatch, ReaderMisused, RunUnusable  # noqa: E402
from models.export import ExportOptions, command, export_run  # noqa: E402
from models.preprocess import prepare_all  # noqa: E402
from models.seeds.cards import card_table, preprocess_of  # noqa: E402
from models.seeds.registry import Config  # noqa: E402
from models.train.systems.run import RunRecord  # noqa: E402


def finished(folder, system):
    """What a training leaves."""
    nets = small_nets(system)
    (folder / "weights").mkdir(parents=True)
    for name, module in nets.modules().items():
        torch.save(module.state_dict(), folder / "weights" / f"{name}.pt")
    from models.seeds.cards import Told

    RunRecord(
        system=system, name=f"trained-{system}", config=Config.read(SMALL[system]).as_dict(),
        preprocess=card_table(nets.system, nets.size, Told("x"))["preprocess"], recipe={}, data={},
        training_data="Eight synthetic heads.", synthetic=True, seed=3, temperature=1.25, slice_threshold=0.375,
        calibration={}, metrics={"slice_auc": 0.5},
    ).write(folder)  # fmt: skip
    return nets


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    return folder, finished(folder, "burduja")


@pytest.fixture(scope="module")
def images(run):
    spec = preprocess_of(run[1].system, run[1].size)
    return np.concatenate([[one.image for one in prepare_all(scan(12), spec)] for _ in range(2)])


def test_a_run_becomes_a_pack(run, tmp_path):
    folder, nets = run
    said = []
    card = export_run(ExportOptions(run=folder, out=tmp_path / "pack"), said.append)
    verify(card)
    assert (card.name, card.temperature, card.slice_threshold) == ("trained-burduja", 1.25, 0.375)
    assert card.training_data == "Eight synthetic heads." and card.metrics == {"slice_auc": 0.5}
    assert card.intended_use == "Research use only, not for diagnosis; trained on synthetic data."
    assert "reader.onnx" in said[0] and "sequence.onnx" in said[1] and "trained-burduja 0.1.0" in said[-1]
    slices = scan()
    parts = load(card, "cpu", 1).read(slices)
    given = torch.from_numpy(np.stack([one.image for one in prepare_all(slices, card.preprocess)]))
    with torch.inference_mode():
        expected = torch.sigmoid(nets.members[0](given)[0] / 1.25).numpy()
    assert np.abs(np.stack([one.probabilities for one in parts]) - expected).max() <= 1e-4


@pytest.mark.parametrize(("precision", "share", "worst"), [("fp16", 0.65, 0.02), ("int8", 0.5, 0.35)])
def test_a_smaller_graph_says_what_it_loses(run, images, tmp_path, precision, share, worst):
    full = export_run(ExportOptions(run=run[0], out=tmp_path / "full"), str)
    small = export_run(ExportOptions(run=run[0], out=tmp_path / "small", precision=precision, calibrate_on=images), str)
    verify(small)
    assert small.version == f"0.1.0-{precision}" and small.pack_hash != full.pack_hash
    assert small.weights_path.stat().st_size < share * full.weights_path.stat().st_size
    told = small.metrics
    assert told[f"{precision}_slices"] == 6 and 0 < told[f"{precision}_max_difference"] <= worst
    assert 0 <= told[f"{precision}_mean_difference"] <= told[f"{precision}_max_difference"]
    assert 0 <= told[f"{precision}_flips"] <= 6
    one, other = (load(card, "cpu", 1).read(scan(), beside(scan())) for card in (full, small))
    apart = [np.abs(a.probabilities - b.probabilities).max() for a, b in zip(one, other, strict=True)]
    assert 0 < max(apart) <= worst
    content = small.weights_path.read_bytes()
    assert str(tmp_path).encode() not in content and b"/tmp" not in content


def test_a_finished_pack_gets_smaller_too(run, images, tmp_path):
    pack = export_run(ExportOptions(run=run[0], out=tmp_path / "full"), print)
    small = ExportOptions(run=tmp_path / "full", out=tmp_path / "small", precision="int8", calibrate_on=images)
    card = export_run(small, print)
    verify(pack)
    verify(card)
    assert card.version == f"{pack.version}-int8" and card.metrics["int8_slices"] == len(images) / 4
    assert card.weights_path.stat().st_size < 0.5 * pack.weights_path.stat().st_size
    assert len(load(card, "cpu", 1).read(scan(2))) == 2
    for wrong, why in (
        (replace(small, precision="fp32"), "is a pack already"),
        (replace(small, out=small.run), "name another folder"),
        (replace(small, run=small.out), "start from the full one"),
    ):
        with pytest.raises(ReaderMisused, match=why):
            export_run(wrong, print)


def test_too_few_slices_calibrate_nothing(run, images, tmp_path):
    options = ExportOptions(run=run[0], out=tmp_path, precision="int8", calibrate_on=images[:5])
    with pytest.raises(PackGraphMismatch, match="5 slices cannot calibrate"):
        export_run(options, str)


def test_a_smoothed_map_needs_one_finding(run, tmp_path):
    with pytest.raises(ReaderMisused, match="several findings"):
        export_run(ExportOptions(run=run[0], out=tmp_path / "pack", smoothed=True), str)
    assert not (tmp_path / "pack").exists()


def test_an_unfinished_run_is_told(tmp_path):
    with pytest.raises(RunUnusable, match=r"no run\.json"):
        export_run(ExportOptions(run=tmp_path, out=tmp_path / "pack"), str)


def test_a_real_data_run_does_not_call_itself_synthetic():
    from models.seeds.cards import Told
    from models.seeds.systems import SYSTEMS

    told = Told("x", synthetic=False, training_data="A hospital's own scans.")
    assert card_table(SYSTEMS["burduja"], 256, told)["intended_use"] == "Research use only, not for diagnosis."


@pytest.fixture
def own_cases(tmp_path):
    """Two series on disk, as a run would have kept them."""
    for number in range(2):
        for at, one in enumerate(scan(8)):
            path = tmp_path / "scans" / f"{number}" / f"{at}.dcm"
            uids = {"StudyInstanceUID": f"1.2.{number}", "SeriesInstanceUID": f"1.2.{number}.1"}
            write_ct(path, one.hu, at, SOPInstanceUID=f"1.2.{number}.1.{at}", PatientID=f"P{number}", **uids)
    head = ["patient_id", "series_instance_uid", "sop_instance_uid", *ANY_KINDS]
    write_table(tmp_path / "scans/truth.csv", [head, *(["P0", "", "", 0] + [""] * 5, ["P1", "", "", 0] + [""] * 5)])
    return open_dataset(tmp_path / "scans", "folder", str)


def test_a_runs_own_scans_calibrate_it(run, tmp_path, own_cases, monkeypatch):
    folder, said = tmp_path / "run", []
    shutil.copytree(run[0], folder)
    keep_cases([[], own_cases], folder)
    small = export_run(ExportOptions(run=folder, out=tmp_path / "pack", precision="int8"), said.append)
    assert "calibrated and measured on 16 slices of scans that the run was validated on" in said
    assert small.metrics["int8_slices"] == 4
    shutil.rmtree(tmp_path / "scans")
    monkeypatch.setattr(command, "SLICES", 4)
    options = ExportOptions(run=folder, out=tmp_path, precision="int8")
    monkeypatch.setattr(command, "phantom_images", partial(command.phantom_images, seeds=[880_000, 880_001]))
    assert command.calibration_images(options, small, said.append).shape == (8, 3, 64, 64)
    assert "cannot be read" in said[-2] and said[-1] == "calibrated and measured on 8 slices of synthetic heads"


def test_what_is_taken_is_spread_evenly():
    assert command.spread(range(100), 3) == [0, 50, 99] and command.spread(range(2), 8) == [0, 1]
    assert command.spread([], 4) == []
