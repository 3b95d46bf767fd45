import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from models.card import find_pack
from models.reader import CPU_BATCH, Reader
from models.reading import SliceInput


class FakeSession:
    device, device_note = "cpu", ""

    def __init__(self):
        self.batches = []

    def run(self, images):
        self.batches.append(len(images))
        mean = images.mean(axis=(1, 2, 3))
        probabilities = np.repeat(mean[:, None], 6, axis=1)
        return probabilities, np.repeat(mean[:, None], 9, axis=1), np.repeat(mean[:, None], 6, 1)[..., None, None] * 1e6


@pytest.fixture
def slices():
    return [SliceInput(np.full((64, 64), level, np.float32), 1, 1) for level in range(0, 70, 10)]


def test_slices_come_back_in_order_from_small_batches(slices):
    session = FakeSession()
    card = find_pack("default")
    parts = Reader(card, session).read(slices)
    assert session.batches == [CPU_BATCH, len(slices) - CPU_BATCH]
    levels = [float(each.probabilities[0]) for each in parts]
    assert levels == sorted(levels) and len(set(levels)) == len(slices)


def test_parts_have_the_promised_types(slices):
    part = Reader(find_pack("default"), FakeSession()).read(slices[:1])[0]
    assert part.probabilities.dtype == np.float32 and part.probabilities.shape == (6,)
    assert part.features.dtype == np.float16 and part.cam.dtype == np.float16
    assert np.isfinite(part.cam).all() and (part.cam >= 0).all()
    assert part.head.skull_closure == 0
    assert part.region[2] - part.region[0] == pytest.approx(224)


def test_no_slices_no_parts():
    assert Reader(find_pack("default"), FakeSession()).read([]) == []


def test_what_the_session_says_is_passed_on():
    session = FakeSession()
    session.device, session.device_note = "cuda", "a note"
    reader = Reader(replace(find_pack("default"), name="other"), session)
    assert (reader.device, reader.device_note, reader.card.name) == ("cuda", "a note", "other")


def test_importing_models_costs_numpy_only():
    probe = (
        "import sys, models, models.phantom, models.train.data\n"
        "heavy = {'torch', 'onnxruntime', 'onnx', 'scipy', 'pydicom', 'sqlalchemy', 'timm', 'PIL', 'service'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_public_names_are_sorted_and_real():
    import models

    assert models.__all__ == sorted(models.__all__)
    assert all(hasattr(models, name) for name in models.__all__)
