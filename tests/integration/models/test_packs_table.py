"""Packs side by side on the same phantoms."""

import json
from dataclasses import replace

import pytest

pytest.importorskip("sklearn", reason="scikit-learn is not installed: install the 'train' extra")
onnx = pytest.importorskip("onnx", reason="onnx is not installed: install the 'train' extra")

from models.card import find_pack  # noqa: E402
from models.datasets.nouns import Wish  # noqa: E402
from models.datasets.phantoms import case_of  # noqa: E402
from models.judge import gather  # noqa: E402
from models.judge.options import EvaluateOptions  # noqa: E402
from models.judge.packs_table import markdown, measure, weights_of, write  # noqa: E402


def test_packs_are_measured_on_the_same_series(small_packs, tmp_path, monkeypatch):
    wishes = [Wish("subdural", 7, 6, 24.0, "SIEMENS"), Wish("none", 8, 6, 24.0, "Philips")]
    monkeypatch.setattr(gather, "mixture", lambda count, seed: [case_of(wish) for wish in wishes[:count]])
    options = EvaluateOptions(out=tmp_path, phantoms=2, device="cpu", threads=1, resamples=20)
    rows = measure(["default", str(small_packs["burduja"])], options, lambda line: None)
    write(rows, "2 phantoms", tmp_path)
    text, kept = (tmp_path / "packs.md").read_text("utf-8"), json.loads((tmp_path / "packs.json").read_text("utf-8"))
    assert text.startswith("**Research use only, not for diagnosis") and "None of these packs is a smaller" in text
    assert [pack["name"] for pack in kept["packs"]] == [row.name for row in rows]
    assert all(row.precision == "fp32" and row.timing.slice_ms > 0 for row in rows)
    burduja = find_pack(small_packs["burduja"])
    files = sum((burduja.folder / name).stat().st_size for name in (burduja.weights, burduja.sequence.weights))
    assert rows[1].megabytes == pytest.approx(files / 1e6), "both stages count"
    small = replace(rows[0], precision="int8", megabytes=rows[0].megabytes / 4)
    assert f"{rows[0].megabytes:.1f} → {small.megabytes:.1f}" in "\n".join(markdown([rows[0], small], "x"))


def test_parameters_are_the_numbers_in_the_graph():
    card = find_pack("default")
    count, precision = weights_of(card)
    tensors = onnx.load(card.weights_path).graph.initializer
    sizes = [len(onnx.numpy_helper.to_array(each).ravel()) for each in tensors if each.data_type == 1]
    assert precision == "fp32" and count == sum(size for size in sizes if size > 1)
    assert 0.9 < 4 * count / card.weights_path.stat().st_size <= 1
