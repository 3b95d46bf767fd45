"""Labelled head CT to train on and to be judged by: published layouts, a hospital's folder, phantoms drawn anew.

`open_dataset(path)` finds the layout and the cases, `load_case(case)` gives one as HU slices in ascending order with
what is known about them, `split(cases, shares, seed)` keeps all exams of a patient on one side. Nothing is shipped or
fetched. Importing this costs numpy; pydicom and nibabel load with the first file that needs them.
"""

from models.datasets.layouts import LAYOUTS, load_case, load_slice, open_dataset
from models.datasets.nouns import LABELS, Case, LoadedCase, Wish
from models.datasets.parts import folds, split
from models.datasets.phantoms import open_phantoms

__all__ = [
    "LABELS",
    "LAYOUTS",
    "Case",
    "LoadedCase",
    "Wish",
    "folds",
    "load_case",
    "load_slice",
    "open_dataset",
    "open_phantoms",
    "split",
]
