"""Phantoms beside a real scan: `python -m models.phantom.compare --real FOLDER --out DIR`.

Writes side-by-side pictures into DIR (they show the real scan: keep them to yourself) and prints the figures of both.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from models.phantom.grid import Array
from models.phantom.make import make_phantom
from models.phantom.measure import FREQUENCIES, Figures, Scan, measure

WINDOWS = {"brain": (40, 80), "stroke": (35, 40), "bone": (400, 2000)}
SHOWN, TILE = 12, 320
ROWS = (
    ("noise (HU)", "noise"), ("mean noise frequency (1/mm)", "mean_frequency"), ("fluid (HU)", "fluid"),
    ("white matter (HU)", "white"), ("grey matter (HU)", "grey"), ("spread of smoothed brain (HU)", "brain_spread"),
    ("brain to skull, 10-90 % (mm)", "skull_edge"), ("skin to air, 10-90 % (mm)", "skin_edge"),
)  # fmt: skip


def read_folder(folder: Path) -> Scan:
    """All CT slices of a folder, from base to vertex."""
    import pydicom

    found = []
    for path in sorted(folder.rglob("*")):
        if path.is_file() and pydicom.misc.is_dicom(path):
            data = pydicom.dcmread(path)
            if "PixelData" in data and "ImagePositionPatient" in data:
                hu = data.pixel_array * float(data.RescaleSlope) + float(data.RescaleIntercept)
                found.append((float(data.ImagePositionPatient[2]), np.asarray(hu, np.float32), data))
    if not found:
        raise SystemExit(f"no CT slice in {folder}: name a folder of DICOM files")
    found.sort(key=lambda one: one[0])
    return Scan(folder.name, [hu for _, hu, _ in found], float(found[0][2].PixelSpacing[0]))


def phantom_scan(seed: int, variety: float, slices: int, thickness: float) -> Scan:
    """A bleed-free phantom of the same kind of scan."""
    phantom = make_phantom("none", seed, slices, thickness, variety=variety)
    return Scan(f"phantom {seed}", [hu.astype(np.float32) for hu in phantom.hu], phantom.row_mm)


def windowed(hu: Array, window: tuple[int, int]) -> Image.Image:
    """A grey tile."""
    centre, width = window
    grey = np.clip((hu - centre + width / 2) / width * 255, 0, 255).astype(np.uint8)
    return Image.fromarray(grey).resize((TILE, TILE), Image.Resampling.BILINEAR)


def sheet(scans: list[Scan], window: tuple[int, int]) -> Image.Image:
    """One row a scan, slices at the same share of the way up."""
    page = Image.new("L", (TILE * SHOWN, TILE * len(scans)))
    for row, scan in enumerate(scans):
        for col, place in enumerate(np.linspace(0.04, 0.9, SHOWN)):
            hu = scan.slices[round(float(place) * (len(scan.slices) - 1))]
            page.paste(windowed(hu, window), (col * TILE, row * TILE))
    return page


def table(rows: list[tuple[str, Figures]]) -> str:
    """The figures of each scan in Markdown."""
    lines = ["| figure | " + " | ".join(name for name, _ in rows) + " |", "|---|" + "---:|" * len(rows)]
    for title, field in ROWS:
        lines.append(f"| {title} | " + " | ".join(f"{getattr(one, field):.2f}" for _, one in rows) + " |")
    for place, frequency in enumerate(FREQUENCIES):
        shares = " | ".join(f"{100 * one.spectrum[place]:.0f}" for _, one in rows)
        lines.append(f"| noise power near {frequency:.2f}/mm (%) | {shares} |")
    return "\n".join(lines)


def main(arguments: list[str]) -> None:
    """Compare and write."""
    parser = argparse.ArgumentParser(prog="python -m models.phantom.compare", description=__doc__)
    parser.add_argument("--real", type=Path, required=True, help="folder of a real head CT")
    parser.add_argument("--out", type=Path, required=True, help="where the pictures go")
    parser.add_argument("--seeds", type=int, default=3, help="how many phantoms")
    parser.add_argument("--variety", type=float, default=0.0)
    wish = parser.parse_args(arguments)
    real = read_folder(wish.real)
    phantoms = [phantom_scan(seed, wish.variety, 32, 5.0) for seed in range(wish.seeds)]
    wish.out.mkdir(parents=True, exist_ok=True)
    for name, window in WINDOWS.items():
        sheet([real, *phantoms], window).save(wish.out / f"{name}.png")
    print(table([(scan.name, measure(scan)) for scan in (real, *phantoms)]))


if __name__ == "__main__":
    main(sys.argv[1:])
