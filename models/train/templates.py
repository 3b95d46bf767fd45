"""Slices of a real average head as further anatomy, bleed-free or with a phantom's blood set into them.

python -m models.train.templates --template scct_cormack_withskull.nii --slices runs/first/slices.npz --count 1500
Training only: nothing of the template reaches a pack but through the weights.
"""

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.anatomy import find_ring, reduce_slice
from models.phantom.grid import Array
from models.phantom.scanner import enlarge
from models.preprocess import crop, head_region
from models.reading import SliceInput
from models.train.data import MAP, SPEC, SliceSet, joined, read, save

NIFTI_TYPES = {2: "u1", 4: "<i2", 8: "<i4", 16: "<f4", 64: "<f8", 512: "<u2"}
THICKNESS_MM = 5.0


def read_nifti(path: Path) -> tuple[NDArray[np.float32], float, float, float]:
    """Plain NIfTI-1, little endian: voxels [x, y, z] and their size in mm."""
    raw = path.read_bytes()
    dims = np.frombuffer(raw, "<i2", 4, 40)[1:]
    kind = int(np.frombuffer(raw, "<i2", 1, 70)[0])
    sizes = np.frombuffer(raw, "<f4", 4, 76)[1:]
    start, slope, intercept = (float(each) for each in np.frombuffer(raw, "<f4", 3, 108))
    voxels = np.frombuffer(raw, NIFTI_TYPES[kind], int(dims.prod()), int(start)).reshape(dims, order="F")
    values = voxels.astype(np.float32) * (slope or 1.0) + intercept
    return np.asarray(values, np.float32), float(sizes[0]), float(sizes[1]), float(sizes[2])


def cormack_to_hu(cormack: Array) -> Array:
    """The inverse of the Cormack stretch, which widens -100..100 HU elevenfold."""
    soft = (cormack + 9000) / 11 - 1000
    return np.where(cormack <= 900, cormack - 1000, np.where(cormack <= 3100, soft, cormack - 3000))


def template_slices(path: Path, rng: np.random.Generator, count: int) -> NDArray[np.int16]:
    """Random 5 mm slices, cropped as in serving."""
    voxels, wide, tall, high = read_nifti(path)
    thick = max(1, round(THICKNESS_MM / high))
    out = []
    for start in rng.integers(0, voxels.shape[2] - thick, count):
        sheet = cormack_to_hu(voxels[:, :, start : start + thick]).mean(axis=2).T[::-1]
        source = SliceInput(np.ascontiguousarray(sheet, np.float32), tall, wide)
        small = reduce_slice(source.hu, tall, wide)
        region = head_region(source, small, find_ring(small), SPEC)
        out.append(np.rint(np.clip(crop(source.hu, region, SPEC.size), -1024, 3071)).astype(np.int16))
    return np.stack(out)


def with_blood(data: SliceSet, heads: NDArray[np.int16], rng: np.random.Generator) -> SliceSet:
    """Every other head gets the blood of a phantom's slice, where it has brain to hold it."""
    bloody = np.flatnonzero(data.labels[:, 0] > 0)
    labels = np.zeros((len(heads), data.labels.shape[1]), np.float32)
    where = np.zeros((len(heads), MAP, MAP), np.uint8)
    darker = rng.uniform(4, 16, (len(heads), 1, 1))  # the template's brain lies at 40..50 HU, a patient's at 25..40
    heads = np.rint(heads - darker * ((heads > 15) & (heads < 90))).astype(np.int16)
    hu = heads.copy()
    for place in range(0, len(heads), 2):
        donor = int(rng.choice(bloody))
        brain = (heads[place] > 0) & (heads[place] < 70)
        share = np.clip(enlarge(data.blood[donor] / np.float32(255), SPEC.size), 0, 1) * brain
        if share.sum() * SPEC.mm_per_pixel**2 < 60:
            continue
        hu[place] = np.rint(heads[place] + share * (rng.uniform(50, 76) - heads[place]))
        labels[place] = data.labels[donor]
        where[place] = np.rint(255 * share.reshape(MAP, -1, MAP, SPEC.size // MAP).mean(axis=(1, 3)))
    return SliceSet(hu, labels, np.ones(len(heads), np.float32), np.full(len(heads), -1, np.int32), where)


def main() -> None:
    """Command line: adds to a set of slices in place."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--template", type=Path, required=True)
    parser.add_argument("--slices", type=Path, required=True)
    parser.add_argument("--count", type=int, default=1500)
    asked = parser.parse_args()
    rng = np.random.default_rng(0)
    data = read(asked.slices)
    heads = template_slices(asked.template, rng, asked.count)
    save(joined([data, with_blood(data, heads, rng)]), asked.slices)


if __name__ == "__main__":
    main()
