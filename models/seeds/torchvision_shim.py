"""Makes `import torchvision` work beside a CPU-only torch, where the wheel's compiled operators cannot be loaded.

PyPI's Linux wheel of torchvision is the CUDA build; its Python half registers shapes for operators that the compiled
half should have declared, and stops at the first one missing. Declaring those names is enough: nothing here calls them.
"""

import importlib
import re
import sys
import warnings
from types import ModuleType

import torch

from models.errors import ExtraMissing

MISSING = re.compile(r"operator torchvision::(\w+) does not exist")
MOST_MENDS = 8
#: a declaration lives as long as the object that made it
_declared: list[torch.library.Library] = []


def import_torchvision() -> ModuleType:
    """Import torchvision, declaring absent operators one by one; on a correct install this is a plain import."""
    for _ in range(MOST_MENDS):
        try:
            return _import("torchvision")
        except RuntimeError as refused:
            absent = MISSING.search(str(refused))
            if absent is None:
                raise
        _forget("torchvision")
        _declare(absent.group(1))
    raise RuntimeError(f"torchvision lacks more than {MOST_MENDS} operators; install the one that fits this torch")


def import_timm() -> ModuleType:
    """Import timm, which imports torchvision unconditionally."""
    import_torchvision()
    return _import("timm")


def import_effdet() -> ModuleType:
    """Import effdet, which imports timm."""
    import_torchvision()
    return _import("effdet")


def _import(package: str) -> ModuleType:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what these packages say about each other's age is nobody's concern here
        try:
            return importlib.import_module(package)
        except ModuleNotFoundError as missing:
            raise ExtraMissing(missing.name or package) from missing


def _forget(package: str) -> None:
    for name in [name for name in sys.modules if name == package or name.startswith(f"{package}.")]:
        del sys.modules[name]


def _declare(operator: str) -> None:
    fragment = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]
    shape = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
    fragment.define(f"{operator}{shape}")  # type: ignore[no-untyped-call]
    _declared.append(fragment)
