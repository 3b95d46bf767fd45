"""A Reader: prepares slices, runs them in small batches, hands back plain parts; refines a scan where the pack can."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.anatomy import ring_facts
from models.card import Card, verify
from models.errors import ReaderMisused
from models.explain import smoothed
from models.preprocess import Prepared, prepare
from models.reading import Beside, SliceInput, SliceParts
from models.sequence import scan_feeds

if TYPE_CHECKING:
    from models.backends import Outputs, SequenceSession, Session

CPU_BATCH, CUDA_BATCH = 4, 32  #: larger batches do not help a CPU and cost memory


class Reader:
    """One loaded pack; safe to call from one thread at a time."""

    def __init__(self, card: Card, session: "Session", sequence: "SequenceSession | None" = None) -> None:
        self.card = card
        self._session = session
        self._sequence = sequence
        self._batch = CPU_BATCH if session.device == "cpu" else CUDA_BATCH

    @property
    def device(self) -> str:
        """'cpu' or 'cuda': what the session really uses."""
        return self._session.device

    @property
    def device_note(self) -> str:
        """One sentence when the device is not the one asked for, else empty."""
        return self._session.device_note

    def read(self, slices: Sequence[SliceInput], beside: Sequence[Beside] | None = None) -> list[SliceParts]:
        """The parts of each slice, in the order given; `beside` = (above, below) of each, for packs with neighbours."""
        pairs = self._beside(slices, beside)
        parts: list[SliceParts] = []
        for start in range(0, len(slices), self._batch):
            parts += self._read_batch(pairs[start : start + self._batch])
        return parts

    def refine(self, features: ArrayLike, probabilities: ArrayLike, positions_mm: ArrayLike) -> NDArray[np.float32]:
        """Slice probabilities [T, K] as the sequence stage corrects them; slices in ascending position."""
        if self._sequence is None:
            raise ReaderMisused(self.card.name, "has no sequence stage: refine only where card.sequence is set")
        return self._sequence.run(scan_feeds(features, probabilities, positions_mm))

    def _beside(self, slices: Sequence[SliceInput], beside: Sequence[Beside] | None) -> list[tuple[SliceInput, Beside]]:
        if not self.card.preprocess.neighbours:
            return [(one, (None, None)) for one in slices]
        if beside is None or len(beside) != len(slices):
            raise ReaderMisused(self.card.name, "reads slices beside their neighbours: give (above, below) of each")
        return list(zip(slices, beside, strict=True))

    def _read_batch(self, pairs: Sequence[tuple[SliceInput, Beside]]) -> list[SliceParts]:
        prepared = [prepare(one, self.card.preprocess, beside) for one, beside in pairs]
        images = np.stack([each.image for each in prepared])
        probabilities, features, cam = self._session.run(images)
        if self.card.heatmap.kind == "smoothed":
            cam = smoothed(self._session.weighted, images, self.card.heatmap.eigen)[:, None]
        return [_parts(each, (probabilities, features, cam), place) for place, each in enumerate(prepared)]


def _parts(prepared: Prepared, outputs: "Outputs", place: int) -> SliceParts:
    probabilities, features, cam = outputs
    return SliceParts(
        probabilities=np.asarray(probabilities[place], np.float32),
        features=np.asarray(features[place].clip(-6e4, 6e4), np.float16),
        cam=np.asarray(cam[place].clip(0, 6e4), np.float16),
        region=prepared.region,
        head=ring_facts(prepared.small, prepared.ring),
    )


def load(card: Card, device: str = "auto", threads: int | None = None) -> Reader:
    """Open a pack after proving its weights; device is auto, cpu or cuda. A sequence stage always runs on the CPU."""
    from models.backends.onnx_ import OnnxSequence, OnnxSession

    verify(card)
    session = OnnxSession(card, device, threads)
    return Reader(card, session, OnnxSequence(card, session.features, threads) if card.sequence else None)
