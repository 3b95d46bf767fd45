"""The four published systems as packs, opened and run as the node does it: without torch."""

import numpy as np
import pytest

from models import SliceInput, find_pack, load, verify

KINDS = ("epidural", "intraparenchymal", "intraventricular", "subarachnoid", "subdural")
LABELS = {
    "effclass": ("any",),
    "burduja": (*KINDS, "any"),
    "wang": ("any", *KINDS),
    "saraswathi": ("any",),
}


def scan(count: int = 5) -> list[SliceInput]:
    rng = np.random.default_rng(4)
    return [SliceInput(rng.normal(30, 25, (96, 96)).astype(np.float32), 2.0, 2.0) for _ in range(count)]


def beside(slices):
    return [(slices[at + 1] if at + 1 < len(slices) else None, slices[at - 1] if at else None)
            for at in range(len(slices))]  # fmt: skip


@pytest.fixture(params=LABELS)
def key(request):
    return request.param


def test_a_small_pack_opens_and_reads(small_packs, key):
    card = find_pack(small_packs[key])
    verify(card)
    reader, slices = load(card, "cpu", 1), scan()
    parts = reader.read(slices, beside(slices))
    table = np.stack([one.probabilities for one in parts])
    assert card.labels == LABELS[key] and table.shape == (5, len(card.labels))
    assert np.isfinite(table).all() and table.min() > 0 and table.max() < 1 and np.ptp(table, axis=0).max() > 1e-4
    assert all(one.cam.shape[0] == len(card.labels) for one in parts) and any(one.cam.any() for one in parts)
    if card.sequence:
        features = np.stack([one.features for one in parts])
        refined = reader.refine(features, table, [0, 5, 10, 12.5, 15])
        assert refined.shape == table.shape and refined.dtype == np.float32 and not np.allclose(refined, table)
