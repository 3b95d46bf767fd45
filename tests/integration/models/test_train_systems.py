"""`ichor train` from a data set to a run that reads: resumed after a kill to the same curve, exported, refused."""

import csv
import json
import pickle
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: install the 'train' extra")

from torch.utils.data import DataLoader  # noqa: E402

from models import load  # noqa: E402
from models.datasets import load_case, open_dataset  # noqa: E402
from models.datasets.kept import kept_cases  # noqa: E402
from models.errors import ModelError, RunUnusable  # noqa: E402
from models.export.command import ExportOptions, export_run  # noqa: E402
from models.reading import SliceInput  # noqa: E402
from models.train.systems.command import TrainOptions, train  # noqa: E402
from models.train.systems.presets import preset  # noqa: E402
from models.train.systems.room import furnish  # noqa: E402
from models.train.systems.run import open_nets, read_run  # noqa: E402
from models.train.systems.shelf import Shelf, table_of  # noqa: E402
from models.train.systems.slices import Inputs, Lesson  # noqa: E402

QUICK = """
preset = "small"
shares = [0.5, 0.5]
report = 1
keep = 4
[slice]
epochs = 5
batch = 2
draw = "all"
"""
NETS = {
    "burduja": "size = 32\nsequence = {features = 4, hidden = 8, layers = 2}\n[scan]\nepochs = 12\nbatch = 1\n",
    "saraswathi": "size = 32\n",
}
PLAIN = '[[net.backbones]]\nname = "resnet18"\noptions = {layers = [1, 1, 1, 1], channels = [8, 8, 16, 16]}\n'


def recipe(folder, system):
    path = folder / f"{system}.toml"
    path.write_text(f"{QUICK}[net]\n{NETS[system]}\n{PLAIN}")
    return path


def command(tree, out, recipe_file):
    words = ["train", "burduja", "--data", tree, "--out", out, "--recipe", recipe_file, "--scratch", "--threads", "1"]
    return [sys.executable, "-P", "-m", "service", *map(str, words)]


def lines(out):
    path = out / "curve.csv"
    return list(csv.DictReader(path.read_text().splitlines())) if path.exists() else []


def stage(name, seen):
    return [one for one in seen if one["stage"] == name]


def kill_when(out, run, enough):
    """Start a run and kill it (-9) once the curve satisfies `enough`."""
    process = subprocess.Popen(run, cwd=out.parent, stderr=subprocess.PIPE)
    while process.poll() is None and not enough(lines(out)):
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    said = process.communicate()[1]
    assert process.returncode == -signal.SIGKILL, said


def test_a_run_killed_twice_ends_like_one_that_was_not(trees, tmp_path):
    tree, file = trees("rsna"), recipe(tmp_path, "burduja")
    broken, whole = tmp_path / "broken", tmp_path / "whole"
    run = command(tree, broken, file)
    kill_when(broken, run, lambda seen: len(stage("member-0", seen)) >= 14)
    assert 14 <= int(lines(broken)[-1]["step"]) < 50 and not stage("scan", lines(broken))
    kill_when(broken, run, lambda seen: len(stage("scan", seen)) >= 3)
    assert 3 <= len(stage("scan", lines(broken))) < 12
    done = subprocess.run(run, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    torch.set_num_threads(1)
    wish = {"system": "burduja", "data": tree, "recipe": str(file), "pretrained": False, "threads": 1}
    train(TrainOptions(out=whole, **wish), lambda line: None)
    assert (broken / "curve.csv").read_text() == (whole / "curve.csv").read_text()
    for name in ("member-0", "scan"):
        one, other = (torch.load(out / "weights" / f"{name}.pt", weights_only=True) for out in (broken, whole))
        assert one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)
    assert json.loads((broken / "run.json").read_text()) == json.loads((whole / "run.json").read_text())
    steps = [int(one["step"]) for one in stage("member-0", lines(whole))]
    assert steps == list(range(1, len(steps) + 1)) and len(steps) >= 50
    assert sum(bool(one["validation_loss"]) for one in lines(whole)) == 5 + 12


@pytest.fixture(scope="module", params=["burduja", "saraswathi"])
def trained(request, trees, tmp_path_factory):
    """A short run of a system with a scan stage, and of one without."""
    folder = tmp_path_factory.mktemp("run")
    out, said = folder / "run", []
    torch.set_num_threads(1)
    wish = TrainOptions(
        system=request.param, out=out, data=trees("rsna"), recipe=str(recipe(folder, request.param)), steps=12,
        device="cpu", pretrained=False,
    )  # fmt: skip
    train(wish, said.append)
    return wish, said


def test_a_run_tells_what_it_learnt_from(trained):
    wish, said = trained
    record = read_run(wish.out)
    assert said[0].startswith("rsna: 4 series of 3 patients") and "ichor export" in said[-1]
    assert record.system == wish.system and not record.synthetic
    parts = record.data["parts"]
    assert parts["training"]["series"] + parts["validation"]["series"] == 4
    assert parts["training"]["patients"] + parts["validation"]["patients"] == 3
    assert record.preprocess["size"] == 32 and 0 < record.slice_threshold < 1
    assert record.metrics["validation_series"] == parts["validation"]["series"]
    assert "of rsna" in record.training_data


def test_a_run_becomes_a_pack_that_reads_as_the_run_does(trained, tmp_path):
    wish, _ = trained
    card = export_run(ExportOptions(run=wish.out, out=tmp_path / "pack"), lambda line: None)
    reader, record = load(card, "cpu", 1), read_run(wish.out)
    assert card.slice_threshold == pytest.approx(record.slice_threshold)
    assert (card.sequence is not None) == (wish.system == "burduja")
    case = load_case(open_dataset(wish.data)[0])
    parts = reader.read(case.slices)
    probabilities, features = (
        np.stack([getattr(one, name) for one in parts]) for name in ("probabilities", "features")
    )
    if card.sequence:
        probabilities = reader.refine(features, probabilities, case.positions_mm)
    ours = by_torch(wish, record, case.slices, features)
    assert np.abs(probabilities - ours).max() < 1e-3


def by_torch(wish, record, slices, features):
    from models.preprocess import prepare
    from models.sections import Preprocess

    nets, spec = (
        open_nets(wish.out, record),
        Preprocess(**{**record.preprocess, "windows": record.preprocess["windows"]}),
    )
    images = torch.from_numpy(np.stack([prepare(one, spec).image for one in slices]))
    with torch.no_grad():
        made = nets.bench(record.temperature)(images)[0]
        if nets.scan is not None:
            made = nets.scan(torch.from_numpy(features.astype(np.float32))[None], made[None])[0]
    return made.numpy()


def test_a_finished_run_can_be_started_from(trained, tmp_path):
    wish, _ = trained
    other = TrainOptions(**{**vars(wish), "out": tmp_path / "next", "start_from": wish.out, "steps": 1, "seed": 5})
    train(other, lambda line: None)
    first = torch.load(tmp_path / "next" / "start" / "member-0.pt", weights_only=True)
    taken = torch.load(wish.out / "weights" / "member-0.pt", weights_only=True)
    assert all(torch.equal(first[key], taken[key]) for key in taken)


def test_another_wish_in_the_same_folder_is_refused(trained):
    wish, _ = trained
    with pytest.raises(RunUnusable, match=r"plan\.json tells of another wish; give the same options, or another --out"):
        train(TrainOptions(**{**vars(wish), "seed": 99}), lambda line: None)
    train(wish, lambda line: None)


def test_the_cases_of_a_run_are_kept_word_for_word(trained):
    wish, _ = trained
    kept = [case for part in kept_cases(wish.out) for case in part]
    assert sorted(kept, key=lambda case: case.series) == sorted(open_dataset(wish.data), key=lambda case: case.series)


def test_inputs_are_those_of_serving(trees, tmp_path):
    from models.preprocess import prepare_all
    from models.sections import Preprocess
    from models.seeds.cards import Told, card_table
    from models.seeds.systems import SYSTEMS

    cases = tuple(open_dataset(trees("ct-ich")))
    shelf = Shelf(cases, tmp_path)
    shelf.unpack(lambda line: None)
    for system in SYSTEMS.values():
        spec = Preprocess.read(card_table(system, system.size, Told("x"))["preprocess"])
        served = prepare_all(load_case(cases[0]).slices, spec)
        for at in (0, 4, 9):
            assert np.array_equal(shelf.image(0, at, spec), served[at].image)
        assert np.array_equal(shelf.images(0, spec), np.stack([one.image for one in served]))
    assert np.array_equal(shelf.labels(0), load_case(cases[0]).slice_labels)
    assert isinstance(shelf.slice(0, 0), SliceInput)


@pytest.mark.filterwarnings("ignore:This process.*is multi-threaded:DeprecationWarning")
def test_other_processes_prepare_the_same_batches(trees, tmp_path):
    wish = TrainOptions(
        system="wang-slices", out=tmp_path, data=trees("ct-ich"), recipe=str(recipe(tmp_path, "burduja")), device="cpu"
    )
    made = furnish(wish, replace(preset("wang-slices", "published"), shares=(0.5, 0.5)), lambda line: None)
    lesson = Lesson(made.system, made.spec, made.recipe, made.shelf, (0, 1), (0,), 1, "cpu")
    inputs = Inputs(lesson, table_of(made.shelf, (0, 1)), "member-0")
    here, there = (list(DataLoader(inputs, None, sampler=range(3), num_workers=count)) for count in (0, 2))
    for (images, labels), (others, told) in zip(here, there, strict=True):
        assert images.shape[1:] == (3, 256, 256)
        assert torch.equal(images, others) and torch.equal(labels, told)
    again = pickle.loads(pickle.dumps(inputs))
    assert torch.equal(again[1][0], inputs[1][0]) and not torch.equal(inputs[0][0], inputs[1][0])


def test_what_cannot_be_learnt_from_is_told(trees, tmp_path):
    clear = shutil.copytree(trees("rsna"), tmp_path / "clear")
    table = clear / "stage_2_train.csv"
    table.write_text(table.read_text().replace(",1", ",0"))
    few = "training or validation part is empty; give more patients"
    for data, told in (
        (clear, r"0 of \d+ labelled training slices have a bleed; slice networks need"),
        (trees("phantoms"), few),
    ):
        wish = TrainOptions(
            system="saraswathi", out=tmp_path / data.name, data=data, recipe=str(recipe(tmp_path, "saraswathi")),
            device="cpu", pretrained=False,
        )  # fmt: skip
        with pytest.raises(ModelError, match=told):
            train(wish, lambda line: None)


@pytest.mark.parametrize(
    ("system", "net", "told"),
    [
        ("burduja", "[net]\nsizes = 3\n", "sizes"),
        ("burduja", "[net.sequence]\nwidth = 3\n", "width"),
        ("saraswathi", '[[net.backbones]]\nname = "resnet99"\n', "resnet99"),
        ("effclass", "[net]\nsize = 256\n", "effclass reads 512 pixels alone; leave net.size out"),
    ],
)
def test_networks_that_cannot_be_are_told(trees, tmp_path, system, net, told):
    path = tmp_path / "recipe.toml"
    path.write_text(f'preset = "small"\nshares = [0.5, 0.5]\n{net}')
    wish = TrainOptions(
        system=system, out=tmp_path / "run", data=trees("rsna"), recipe=str(path), device="cpu", pretrained=False
    )
    with pytest.raises(RunUnusable, match=told):
        train(wish, lambda line: None)


def test_a_device_that_is_not_there_is_told(trees, tmp_path):
    if torch.cuda.is_available():
        pytest.skip("there is a GPU here; asking for one is no mistake")
    wish = TrainOptions(system="burduja", out=tmp_path / "run", data=trees("rsna"), device="cuda")
    with pytest.raises(ModelError, match="cuda"):
        train(wish, lambda line: None)
