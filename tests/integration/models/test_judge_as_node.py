"""The judge reads a series as `ichor read` does: the same slices, the same series, the same verdict."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

pytest.importorskip("scipy", reason="scipy is not installed: install the 'train' extra")

from models import find_pack, load
from models.datasets import load_case, open_dataset
from models.judge.read import read_case
from models.judge.rule import calls
from models.phantom import make_phantom
from service.cli import scans  # noqa: F401
from service.cli.program import ichor
from service.practice.write_series import write_series


def said_by_node(folder, pack):
    done = CliRunner().invoke(ichor, ["read", str(folder), "--pack", pack, "--json"])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


@pytest.mark.parametrize("system", ["default", "wang", "burduja"])
@pytest.mark.parametrize("finding", ["epidural", "none"])
def test_judge_and_node_agree(made_heads, small_packs, system, finding):
    pack = "default" if system == "default" else str(small_packs[system])
    folder = made_heads(finding)[0].parent
    (case,) = open_dataset(folder)
    reader = load(find_pack(pack), "cpu", 1)
    agree(reader, case, folder, pack)


@pytest.mark.parametrize("thickness", [1.0, 1.6, 2.4])
def test_they_agree_on_thin_slices_too(tmp_path, thickness):
    phantom = make_phantom("subdural", 5, 14, thickness)
    write_series(phantom, tmp_path)
    (case,) = open_dataset(tmp_path)
    reader = load(find_pack("default"), "cpu", 1)
    assert reader.card.preprocess.slab_mm == 5
    probabilities = agree(reader, case, tmp_path, "default")
    loaded = load_case(case)
    alone = np.stack([part.probabilities for part in reader.read(loaded.slices)])
    assert (np.abs(alone - probabilities).max() > 0.001) == (thickness < 2), "thin slices are averaged, others are not"


def agree(reader, case, folder, pack):
    """Slices, series and verdict; returns what was said of the slices."""
    ours, theirs = read_case(reader, load_case(case)), said_by_node(folder, pack)
    told = {one["sop_instance_uid"]: one["probability"] for one in theirs["slices"]}
    assert ours.column("any").tolist() == pytest.approx([told[uid] for uid in case.sop_uids], abs=2e-6)
    assert ours.score("any") == pytest.approx(theirs["probability"], abs=2e-6)
    assert theirs["verdict"] == ("positive" if calls(ours, reader.card) else "negative"), theirs["why"]
    assert np.isfinite(ours.probabilities).all()
    return ours.probabilities
