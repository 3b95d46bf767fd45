"""A synthetic head for the command line and for practice: the maker by its short name, errors with the mend."""

from __future__ import annotations

from models.phantom import Phantom, make_phantom
from service.errors import BadUsage
from service.practice.habits import vendor_named


def make_head(finding: str, seed: int, slices: int, thickness: float, vendor: str) -> Phantom:
    """Make a phantom; the same wish makes the same voxels."""
    maker = vendor_named(vendor)
    if maker is None:
        raise BadUsage(f"no maker {vendor!r}: ge, siemens, philips or canon")
    return make_phantom(finding, seed, slices, thickness, maker)
