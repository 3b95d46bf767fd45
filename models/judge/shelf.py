"""Phantoms drawn once by worker processes and kept on disk, so that a kill loses nothing and other packs read the same.

HU are kept without loss (JPEG-LS). A file belongs to one state of the generator, whose digest names its folder.
"""

import hashlib
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import models.phantom
from models.datasets import Case, LoadedCase, load_case, open_phantoms
from models.reading import SliceInput

#: mm; the usual ones more often, 1 mm because thin scans are a world of their own
THICKNESSES = (1.0, 1.5, 2.5, 2.5, 3.0, 3.0, 4.0, 4.0, 5.0, 5.0, 5.0, 5.0, 5.0, 6.0, 6.0, 7.0, 8.0)
OFFSET = 1 << 15  #: int16 HU to the unsigned samples of JPEG-LS


def mixture(count: int, first_seed: int) -> list[Case]:
    """Half without a bleed, the five kinds in turn, vendors and thickness 1 to 8 mm drawn, the whole head covered."""
    return open_phantoms(count, first_seed, THICKNESSES)


def generator_digest() -> str:
    """Names the state of the generator's code."""
    folder = Path(models.phantom.__file__).parent
    sources = sorted(folder.glob("*.py"))
    return hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()[:12]


@dataclass(frozen=True)
class Shelf:
    """Where drawn phantoms lie."""

    folder: Path
    workers: int = 2

    def drawn(self, cases: Sequence[Case]) -> Iterator[tuple[Case, Path]]:
        """Each case with its file, in order; what is missing is drawn while the caller reads."""
        place = self.folder / generator_digest()
        place.mkdir(parents=True, exist_ok=True)
        paths = [place / f"{case.series}.npz" for case in cases]
        missing = [(case, path) for case, path in zip(cases, paths, strict=True) if not path.exists()]
        if not missing:
            yield from zip(cases, paths, strict=True)
            return
        # spawned, so that no thread of ONNX Runtime is forked
        with ProcessPoolExecutor(self.workers, get_context("spawn"), initializer=one_thread) as pool:
            waiting = {path: pool.submit(draw_to, case, path) for case, path in missing}
            try:
                yield from _as_drawn(cases, paths, waiting)
            finally:
                pool.shutdown(cancel_futures=True)


def _as_drawn(
    cases: Sequence[Case], paths: Sequence[Path], waiting: dict[Path, Future[None]]
) -> Iterator[tuple[Case, Path]]:
    for case, path in zip(cases, paths, strict=True):
        if path in waiting:
            waiting[path].result()
        yield case, path


def one_thread() -> None:
    """A worker is one core; its linear algebra starts no threads of its own."""
    from threadpoolctl import threadpool_limits

    threadpool_limits(1)


def draw_to(case: Case, path: Path) -> None:
    """Draw and keep; whole or not at all."""
    keep(load_case(case), path)


def keep(loaded: LoadedCase, path: Path) -> None:
    """Write one case."""
    import jpeg_ls

    assert loaded.truth is not None
    first = loaded.slices[0]
    samples = [np.rint(each.hu).astype(np.int32) + OFFSET for each in loaded.slices]
    streams = [bytes(jpeg_ls.encode_array(np.ascontiguousarray(each, np.uint16))) for each in samples]
    fresh = path.with_name(f"new-{os.getpid()}-{path.name}")  # another run may draw the same case
    np.savez_compressed(
        fresh, hu=np.frombuffer(b"".join(streams), np.uint8), lengths=[len(each) for each in streams],
        pixel_mm=(first.row_mm, first.col_mm), positions=loaded.positions_mm, truth=loaded.truth,
        slice_labels=loaded.slice_labels, series_labels=loaded.series_labels,
    )  # fmt: skip
    fresh.replace(path)


def take(case: Case, path: Path) -> LoadedCase:
    """The inverse of `keep`."""
    with np.load(path) as kept:
        row_mm, col_mm = (float(each) for each in kept["pixel_mm"])
        hu = _decoded(kept["hu"], kept["lengths"])
        return LoadedCase(
            case=case, slices=tuple(SliceInput(each, row_mm, col_mm) for each in hu), positions_mm=kept["positions"],
            slice_labels=kept["slice_labels"], series_labels=kept["series_labels"], sop_uids=case.sop_uids,
            truth=kept["truth"],
        )  # fmt: skip


def _decoded(streams: NDArray[np.uint8], lengths: NDArray[np.int64]) -> Iterator[NDArray[np.float32]]:
    import jpeg_ls

    for stream in np.split(streams, np.cumsum(lengths)[:-1]):
        yield (jpeg_ls.decode(stream).astype(np.int32) - OFFSET).astype(np.float32)
