"""A Reader: prepares slices, runs them in small batches, hands back plain parts."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from models.anatomy import ring_facts
from models.card import Card, verify
from models.preprocess import Prepared, prepare
from models.reading import SliceInput, SliceParts

if TYPE_CHECKING:
    from models.backends import Outputs, Session

CPU_BATCH, CUDA_BATCH = 4, 32  #: larger batches do not help a CPU and cost memory


class Reader:
    """One loaded pack; safe to call from one thread at a time."""

    def __init__(self, card: Card, session: "Session") -> None:
        self.card = card
        self._session = session
        self._batch = CPU_BATCH if session.device == "cpu" else CUDA_BATCH

    @property
    def device(self) -> str:
        """'cpu' or 'cuda': what the session really uses."""
        return self._session.device

    @property
    def device_note(self) -> str:
        """One sentence when the device is not the one asked for, else empty."""
        return self._session.device_note

    def read(self, slices: Sequence[SliceInput]) -> list[SliceParts]:
        """The parts of each slice, in the order given."""
        parts: list[SliceParts] = []
        for start in range(0, len(slices), self._batch):
            parts += self._read_batch(slices[start : start + self._batch])
        return parts

    def _read_batch(self, slices: Sequence[SliceInput]) -> list[SliceParts]:
        prepared = [prepare(each, self.card.preprocess) for each in slices]
        outputs = self._session.run(np.stack([each.image for each in prepared]))
        return [_parts(each, outputs, place) for place, each in enumerate(prepared)]


def _parts(prepared: Prepared, outputs: "Outputs", place: int) -> SliceParts:
    probabilities, features, cam = outputs
    return SliceParts(
        probabilities=np.asarray(probabilities[place], np.float32),
        features=np.asarray(features[place], np.float16),
        cam=np.asarray(cam[place].clip(0, 6e4), np.float16),
        region=prepared.region,
        head=ring_facts(prepared.small, prepared.ring),
    )


def load(card: Card, device: str = "auto", threads: int | None = None) -> Reader:
    """Open a pack after proving its weights; device is auto, cpu or cuda."""
    from models.backends.onnx_ import OnnxSession

    verify(card)
    return Reader(card, OnnxSession(card, device, threads))
