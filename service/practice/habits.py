"""How each maker's scanners fill a CT header; synthetic series copy these habits so that the door meets them all."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Habits:
    """One maker's way with CT Image Storage (PS3.3 A.3); pixel values in stored units."""

    manufacturer: str
    model: str
    software: str
    #: what follows ORIGINAL, PRIMARY, AXIAL in Image Type (0008,0008)
    image_type_tail: tuple[str, ...]
    intercept: int
    bits_stored: int
    signed: bool
    #: written outside the reconstruction circle; None where the maker fills it with air
    padding: int | None
    protocol: str
    series_description: str
    filter_type: str
    scan_options: str
    #: Images in Acquisition (0020,1002) announces the count; not every maker writes it
    announces: bool


HABITS = {
    one.manufacturer: one
    for one in (
        Habits(
            manufacturer="GE MEDICAL SYSTEMS", model="LightSpeed VCT", software="gmp_vct.42", image_type_tail=(),
            intercept=-1024, bits_stored=16, signed=True, padding=-2000,
            protocol="1.1 HEAD ROUTINE", series_description="HEAD WO", filter_type="HEAD FILTER",
            scan_options="AXIAL MODE", announces=True,
        ),
        Habits(
            manufacturer="SIEMENS", model="SOMATOM Definition AS", software="syngo CT 2014A",
            image_type_tail=("CT_SOM5 SEQ",),
            intercept=-1024, bits_stored=12, signed=False, padding=None,
            protocol="HeadSeq", series_description="Head 5.0 H31s", filter_type="0",
            scan_options="", announces=False,
        ),
        Habits(
            manufacturer="Philips", model="Brilliance 64", software="3.6", image_type_tail=("HELIX",),
            intercept=-1024, bits_stored=12, signed=False, padding=None,
            protocol="Head Helix", series_description="Head, Brain", filter_type="UB",
            scan_options="HELIX", announces=False,
        ),
        Habits(
            manufacturer="TOSHIBA", model="Aquilion ONE", software="V6.02", image_type_tail=(),
            intercept=0, bits_stored=16, signed=True, padding=-2048,
            protocol="Head routine", series_description="Head 5.0", filter_type="LARGE",
            scan_options="SCAN_CT", announces=True,
        ),
    )
}  # fmt: skip

#: what people type on the command line
SHORT_NAMES = {
    "ge": "GE MEDICAL SYSTEMS",
    "siemens": "SIEMENS",
    "philips": "Philips",
    "toshiba": "TOSHIBA",
    "canon": "TOSHIBA",
}


def vendor_named(text: str) -> str | None:
    """Return the maker's name as the phantom knows it, None for an unknown one."""
    return text if text in HABITS else SHORT_NAMES.get(text.lower())
