"""The pack that ships, in the runtime that serves it."""

import hashlib
import shutil

import numpy as np
import pytest

pytest.importorskip("onnxruntime", reason="onnxruntime is not installed: install the 'cpu' or 'gpu' extra")

from models import SliceInput, find_pack, load, series_scores
from models.card import verify
from models.errors import DeviceUnknown, PackGraphMismatch, PackHashMismatch
from models.phantom import FINDINGS, make_phantom


@pytest.fixture(scope="module")
def reader():
    return load(find_pack("default"), device="cpu", threads=2)


@pytest.fixture(scope="module")
def phantoms():
    """Few thick slices each: drawing them is what takes the time."""
    free = {("none", seed): make_phantom("none", seed, 6, 18.0) for seed in (901, 902)}
    return free | {(kind, seed): make_phantom(kind, seed, 6, 18.0) for seed, kind in enumerate(FINDINGS[1:], 911)}


def read(reader, phantom):
    return reader.read([SliceInput(hu.astype(np.float32), phantom.row_mm, phantom.col_mm) for hu in phantom.hu])


def score(reader, phantom):
    probabilities = np.stack([part.probabilities for part in read(reader, phantom)])
    return series_scores(probabilities, phantom.positions).series_probabilities[reader.card.label_index("any")]


def test_weights_are_small_and_belong_to_the_card():
    card = find_pack("default")
    verify(card)
    assert card.weights_path.stat().st_size <= 25_000_000
    assert b"/work/" not in card.weights_path.read_bytes() and b"/home/" not in card.weights_path.read_bytes()


def test_parts_fit_the_card(reader):
    part = reader.read([SliceInput(np.full((512, 512), -1000, np.float32), 0.45, 0.45)])[0]
    labels = len(reader.card.labels)
    assert part.probabilities.shape == (labels,) and (part.probabilities >= 0).all() and (part.probabilities <= 1).all()
    assert part.cam.shape[0] == labels and part.cam.ndim == 3 and part.features.ndim == 1


def test_air_is_not_blood(reader):
    part = reader.read([SliceInput(np.full((512, 512), -1000, np.float32), 0.45, 0.45)])[0]
    assert part.probabilities[reader.card.label_index("any")] < reader.card.slice_threshold


def test_a_slice_reads_the_same_alone_and_in_company(reader, phantoms):
    phantom = phantoms["epidural", 911]
    together = read(reader, phantom)
    for place, hu in enumerate(phantom.hu):
        alone = reader.read([SliceInput(hu.astype(np.float32), phantom.row_mm, phantom.col_mm)])[0]
        assert np.allclose(alone.probabilities, together[place].probabilities, atol=1e-4)


def test_bleeding_phantoms_score_above_bleed_free_ones(reader, phantoms):
    free = max(score(reader, phantom) for (kind, _), phantom in phantoms.items() if kind == "none")
    bleeding = {kind: score(reader, phantom) for (kind, _), phantom in phantoms.items() if kind != "none"}
    assert min(bleeding.values()) > free, bleeding
    assert min(bleeding.values()) > reader.card.slice_threshold


def test_the_map_points_at_the_blood(reader, phantoms):
    phantom = phantoms["epidural", 911]
    parts = read(reader, phantom)
    index = int((phantom.truth > 0).sum(axis=(1, 2)).argmax())
    cam = parts[index].cam[reader.card.label_index("any")].astype(np.float32)
    top, left, bottom, right = parts[index].region
    row, col = np.unravel_index(cam.argmax(), cam.shape)
    at = (top + (row + 0.5) / cam.shape[0] * (bottom - top), left + (col + 0.5) / cam.shape[1] * (right - left))
    rows, cols = np.nonzero(phantom.truth[index])
    nearest = np.hypot(rows - at[0], cols - at[1]).min() * phantom.row_mm
    assert nearest < 30


def test_a_device_that_is_not_there_is_told(reader):
    assert reader.device == "cpu" and reader.device_note == ""
    asked = load(find_pack("default"), device="cuda")
    assert asked.device == "cuda" or "CPU" in asked.device_note
    with pytest.raises(DeviceUnknown, match="auto, cpu or cuda"):
        load(find_pack("default"), device="tpu")


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ('cam = "cam"', 'cam = "heat"', "no output 'heat'"),
        ('"subdural"]', '"subdural", "chronic"]', "6 columns for 7 labels"),
        ("size = 224", "size = 512", "the card prepares"),
    ],
)
def test_card_and_graph_must_agree(tmp_path, old, new, why):
    folder = tmp_path / "pack"
    shutil.copytree(find_pack("default").folder, folder)
    text = (folder / "card.toml").read_text()
    assert old in text
    (folder / "card.toml").write_text(text.replace(old, new))
    with pytest.raises(PackGraphMismatch, match=why):
        load(find_pack(folder), device="cpu")


def test_damaged_weights_are_refused_before_they_are_opened(tmp_path):
    folder = tmp_path / "pack"
    shutil.copytree(find_pack("default").folder, folder)
    card = find_pack(folder)
    card.weights_path.write_bytes(b"no graph")
    with pytest.raises(PackHashMismatch):
        load(card, device="cpu")
    text = (folder / "card.toml").read_text().replace(card.sha256, hashlib.sha256(b"no graph").hexdigest())
    (folder / "card.toml").write_text(text)
    with pytest.raises(PackGraphMismatch, match="not a usable ONNX graph"):
        load(find_pack(folder), device="cpu")
