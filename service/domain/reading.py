"""What the model said about one slice: a fact that is made once and kept."""

from __future__ import annotations

from dataclasses import dataclass

from service.domain.ids import PackHash, PixelsHash, SopUid

#: slice, frame and what the reader was shown: with the pack, the key of a reading
SliceKey = tuple[SopUid, int, PixelsHash]


@dataclass(frozen=True, kw_only=True)
class HeadLook:
    """What the pixels of one slice look like: areas in cm2, shares between 0 and 1."""

    body_cm2: float
    skull_ring: float
    brain: float
    enclosed_cm2: float


@dataclass(frozen=True, kw_only=True)
class ActivationMap:
    """A small map per label over ``region`` = (top, left, bottom, right) in source pixels; float16 bytes, row-major."""

    labels: int
    rows: int
    columns: int
    region: tuple[float, float, float, float]
    data: bytes


@dataclass(frozen=True, kw_only=True)
class SliceReading:
    """Probabilities by label, keyed by slice, pixels and pack; ``problem`` set when the pixels could not be decoded."""

    sop_uid: SopUid
    frame: int
    pixels_hash: PixelsHash
    pack_hash: PackHash
    probabilities: tuple[tuple[str, float], ...]
    features: bytes = b""
    activation: ActivationMap | None = None
    look: HeadLook | None = None
    problem: str = ""

    @property
    def key(self) -> SliceKey:
        """Return what this reading is kept under, beside its pack."""
        return self.sop_uid, self.frame, self.pixels_hash

    def probability(self, label: str) -> float:
        """Return the probability of one label, 0 when the slice could not be read."""
        return dict(self.probabilities).get(label, 0.0)
