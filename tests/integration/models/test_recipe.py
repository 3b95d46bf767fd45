"""The whole recipe, two steps long: draws, trains, exports, calibrates; then again from where it stopped."""

from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: install the 'train' extra")
pytest.importorskip("onnxscript", reason="onnxscript is not installed: install the 'train' extra")

from models import find_pack  # noqa: E402
from models.card import verify  # noqa: E402
from models.train.compose import Mix  # noqa: E402
from models.train.data import SPEC  # noqa: E402
from models.train.recipe import Bench, Recipe, Stage, cook, draw, train  # noqa: E402
from models.train.transfer import Means, compare, table  # noqa: E402

TEMPLATES = Path(__file__).parents[4] / "shared" / "data" / "ct-templates"
SHORT = Recipe(
    stages=(Stage("first", 1, 1e-3, Mix()), Stage("long", 1, 1e-3, Mix(0.4375), hard=True)),
    phantoms=range(100_000, 100_002), bent=range(600_000, 600_002), calibrated_on=(2, 2),
)  # fmt: skip


@pytest.mark.filterwarnings("ignore:.*LeafSpec.*:FutureWarning")  # torch's exporter warns of torch
def test_a_short_recipe_makes_a_pack_and_goes_on_where_it_stopped(tmp_path, monkeypatch):
    if not TEMPLATES.is_dir():
        pytest.skip("no average head: the CT templates are not beside the checkout, see docs/model-card.md")
    monkeypatch.setattr("models.judge.shelf.THICKNESSES", (8.0,))
    monkeypatch.setattr("models.train.bent_cases.THICKNESSES", (8.0,))
    bench = Bench(tmp_path, TEMPLATES, workers=1, threads=2)
    card = cook(SHORT, bench)
    verify(find_pack(tmp_path / "pack"))
    assert card.preprocess == SPEC and card.temperature != 1 and 0 < card.slice_threshold < 1
    made = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.suffix in (".npy", ".pt")}
    assert len(made) == 2 * 2 * 4 + 2 + 2  # lots and wholes, odds, checkpoints
    assert train(SHORT, bench, draw(SHORT, bench)) == tmp_path / "long" / "checkpoint.pt"
    assert all(path.stat().st_mtime_ns == when for path, when in made.items())
    means = Means(tmp_path, TEMPLATES, tmp_path / "transfer", steps=1, cases=2, only=(1,))
    (outcome,) = compare(means)
    assert outcome.trial == "phantoms" and len(outcome.phantoms) == len(outcome.bent) == 2
    assert table([outcome]).splitlines()[-1].startswith(f"| phantoms | {outcome.phantoms[0]} | ")
    assert (tmp_path / "transfer/trial-1/outcome.json").exists() and compare(means) == [outcome]
