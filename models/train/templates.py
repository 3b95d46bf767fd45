"""The average real head, as layers on one grid: what `bend` makes heads of.

Training, calibration and evaluation only: nothing of the template reaches a pack but through the weights.
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from models.datasets.nifti import read_array

FILES = {"skull": "scct_cormack_withskull.nii", "stripped": "scct_stripped_hu.nii.gz", "perfusion": "ctp_ct_hu0-80.nii"}
SKULL_OFFSET, PERFUSION_OFFSET = 22.0, 8.0  #: HU that soft tissue lies above the stripped template's
VOXEL_MM = 2.0


def cormack_to_hu(cormack: NDArray[np.float32]) -> NDArray[np.floating[Any]]:
    """The inverse of the Cormack stretch, which widens -100..100 HU elevenfold."""
    soft = (cormack + 9000) / 11 - 1000
    return np.where(cormack <= 900, cormack - 1000, np.where(cormack <= 3100, soft, cormack - 3000))


def read_average(folder: Path) -> Tensor:
    """[1, 5, z, y, x]: HU with skull, two views of the brain in HU, share of brain, mm into the cavity."""
    hu = cormack_to_hu(read_array(folder / FILES["skull"]))
    hu = hu - SKULL_OFFSET * np.clip((hu + 30) / 40, 0, 1) * np.clip((140 - hu) / 60, 0, 1)
    stripped = read_array(folder / FILES["stripped"])
    other = read_array(folder / FILES["perfusion"]) - PERFUSION_OFFSET
    layers = torch.from_numpy(np.stack([hu, stripped, other]).astype(np.float32)).permute(0, 3, 2, 1)[None]
    brain = (layers[:, 1:2] > 3).float()
    cavity = F.max_pool3d(-F.max_pool3d(-F.max_pool3d(brain, 7, 1, 3), 3, 1, 1), 3, 1, 1)
    depth = torch.zeros_like(cavity)
    inner = cavity
    for _ in range(14):
        depth, inner = depth + VOXEL_MM * inner, -F.max_pool3d(-inner, 3, 1, 1)
    smooth = F.avg_pool3d(depth, 3, 1, 1) * cavity
    return torch.cat([layers, F.avg_pool3d(brain, 3, 1, 1), smooth], 1)
