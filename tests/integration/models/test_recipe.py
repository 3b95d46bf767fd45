"""The whole recipe, two steps long: draws, trains, exports, calibrates, measures; then again from where it stopped."""

from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: install the 'train' extra")
pytest.importorskip("onnxscript", reason="onnxscript is not installed: install the 'train' extra")

from models import find_pack  # noqa: E402
from models.card import verify  # noqa: E402
from models.train.recipe import Bench, Recipe, Stage, cook, draw, train  # noqa: E402

TEMPLATES = Path(__file__).parents[4] / "shared" / "data" / "ct-templates"
SHORT = Recipe(
    stages=(Stage("shapes", 1, 1e-3, 0.0), Stage("anatomy", 1, 1e-3, 0.5)),
    phantoms=range(100_000, 100_003), bent=range(600_000, 600_002), calibrated_on=(2, 1), measured_on=(2, 1),
)  # fmt: skip


@pytest.mark.filterwarnings("ignore:.*LeafSpec.*:FutureWarning")  # torch's exporter warns of torch
def test_a_short_recipe_makes_a_pack_and_goes_on_where_it_stopped(tmp_path):
    if not TEMPLATES.is_dir():
        pytest.skip("no average head: the CT templates are not beside the checkout, see docs/model-card.md")
    bench = Bench(tmp_path, TEMPLATES, workers=1, threads=2)
    figures = cook(SHORT, bench)
    card = find_pack(tmp_path / "pack")
    verify(card)
    assert card.temperature != 1 and set(figures) == set(card.metrics) and figures["phantom_patients"] == 2
    made = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.suffix in (".npz", ".pt")}
    assert len(made) == 4
    assert train(SHORT, bench, draw(SHORT, bench)) == tmp_path / "anatomy" / "checkpoint.pt"
    assert all(path.stat().st_mtime_ns == when for path, when in made.items())
