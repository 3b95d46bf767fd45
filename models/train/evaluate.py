"""Measure a pack: fresh phantoms through the serving path, and bleed-free slices from any folder of real heads.

python -m models.train.evaluate --pack default --patients 60 --first-seed 740000
python -m models.train.evaluate --pack default --templates ../shared/data/ct-templates --heads 24 --first-seed 720000
python -m models.train.evaluate --pack default --dicom ../shared/data/ge-tilt-head
"""

import argparse
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models import Reader, SliceInput, find_pack, load, series_scores, to_hu
from models.phantom import FINDINGS, VENDORS, Phantom, make_phantom
from models.phantom.scanner import expose, make_detector, random_scanner
from models.train.data import SEEN_MM2, UNSEEN_MM2

SLICES, THICKNESS = 16, 7.0  #: of each phantom measured, mm


@dataclass(frozen=True, eq=False)
class Case:
    """One series read: what was in it and what came out."""

    finding: str
    volume_ml: float
    positions: NDArray[np.floating]
    probabilities: NDArray[np.float32]  # [T, K]
    blood_mm2: NDArray[np.float64]  # [T]


def read_phantom(reader: Reader, phantom: Phantom) -> Case:
    """Through the same door as a patient's slices."""
    slices = [SliceInput(hu.astype(np.float32), phantom.row_mm, phantom.col_mm) for hu in phantom.hu]
    probabilities = np.stack([parts.probabilities for parts in reader.read(slices)])
    area = (phantom.truth > 0).sum(axis=(1, 2)) * phantom.row_mm * phantom.col_mm
    return Case(phantom.finding, phantom.volume_ml, phantom.positions, probabilities, area)


def read_phantoms(reader: Reader, patients: int, first_seed: int) -> list[Case]:
    """Half without a finding, half over the five kinds, vendors in turn."""
    vendors, cases = list(VENDORS), []
    for number in range(patients):
        finding = "none" if number % 2 else FINDINGS[1 + number // 2 % 5]
        phantom = make_phantom(finding, first_seed + number, SLICES, THICKNESS, vendors[number // 2 % 4])
        cases.append(read_phantom(reader, phantom))
    return cases


def read_bent(reader: Reader, templates: Path, heads: int, first_seed: int) -> list[Case]:
    """Heads bent out of the average one, seen by a drawn scanner; none of them bleeds."""
    from models.train.templates import MATRIX, PIXEL_MM, bent_series, read_average

    average, cases = read_average(templates), []
    for seed in range(first_seed, first_seed + heads):
        rng = np.random.default_rng([seed, 79])
        series, positions = bent_series(average, rng, float(rng.uniform(3, 6)))
        scanner = random_scanner(list(VENDORS.values())[seed % len(VENDORS)], rng)
        detector = make_detector(scanner, MATRIX, PIXEL_MM)
        seen = [replace(each, hu=expose(each.hu, scanner, detector, rng).astype(np.float32)) for each in series]
        probabilities = np.stack([parts.probabilities for parts in reader.read(seen)])
        cases.append(Case("none", 0.0, positions, probabilities, np.zeros(len(series))))
    return cases


def auc(positive: NDArray[np.floating], negative: NDArray[np.floating]) -> float:
    """Probability that a positive scores above a negative; ties count half."""
    above = (positive[:, None] > negative[None, :]).mean()
    return float(above + 0.5 * (positive[:, None] == negative[None, :]).mean())


def positive_run_mm(case: Case, column: int, threshold: float) -> float:
    """Longest contiguous stretch of slices above the threshold, each slice counting one spacing."""
    order = np.argsort(case.positions)
    spacing = float(np.median(np.diff(case.positions[order]))) if len(order) > 1 else 0.0
    best = length = 0
    for hit in case.probabilities[order, column] > threshold:
        length = length + 1 if hit else 0
        best = max(best, length)
    return best * spacing


def report(cases: list[Case], column: int, threshold: float, run_mm: float) -> dict[str, float]:
    """Figures for the card: patient and slice AUC, sensitivity and specificity of the run rule."""
    bleeding = np.array([case.finding != "none" for case in cases])
    scores = np.array(
        [series_scores(case.probabilities, case.positions).series_probabilities[column] for case in cases]
    )
    called = np.array([positive_run_mm(case, column, threshold) >= run_mm for case in cases])
    slices = np.concatenate([case.probabilities[:, column] for case in cases])
    blood = np.concatenate([case.blood_mm2 for case in cases])
    seen, unseen = blood >= SEEN_MM2, blood <= UNSEEN_MM2
    return {
        "patients": float(len(cases)),
        "patient_auc": auc(scores[bleeding], scores[~bleeding]),
        "patient_sensitivity": float(called[bleeding].mean()),
        "patient_specificity": float(1 - called[~bleeding].mean()),
        "slice_auc": auc(slices[seen], slices[unseen]),
        "slice_sensitivity": float((slices[seen] > threshold).mean()),
        "slice_specificity": float((slices[unseen] <= threshold).mean()),
    }


def per_finding(cases: list[Case], column: int, threshold: float, run_mm: float) -> dict[str, str]:
    """How many of each kind the run rule calls."""
    lines = {}
    for finding in FINDINGS:
        own = [case for case in cases if case.finding == finding]
        called = sum(positive_run_mm(case, column, threshold) >= run_mm for case in own)
        lines[finding] = f"{called} of {len(own)} called"
    return lines


def read_dicom(reader: Reader, folder: Path) -> Case:
    """Axial slices under a folder, ordered by their place along z; truth unknown."""
    slices = sorted(_dicom_slices(folder), key=lambda pair: pair[0])
    probabilities = np.stack([parts.probabilities for parts in reader.read([each for _, each in slices])])
    positions = np.array([place for place, _ in slices])
    return Case("unknown", 0.0, positions, probabilities, np.zeros(len(slices)))


def _dicom_slices(folder: Path) -> list[tuple[float, SliceInput]]:
    import pydicom

    found = []
    for path in sorted(each for each in folder.rglob("*") if each.is_file()):
        try:
            dataset = pydicom.dcmread(path)
        except pydicom.errors.InvalidDicomError:
            continue
        if "PixelData" not in dataset or "ImagePositionPatient" not in dataset:
            continue
        hu = to_hu(
            dataset.pixel_array, float(dataset.RescaleSlope), float(dataset.RescaleIntercept),
            dataset.get("PixelPaddingValue"), dataset.get("PixelPaddingRangeLimit"),
        )  # fmt: skip
        found.append((float(dataset.ImagePositionPatient[2]), SliceInput(hu, *map(float, dataset.PixelSpacing))))
    return found


def bent_report(cases: list[Case], column: int, threshold: float, run_mm: float) -> dict[str, float]:
    """Figures of bleed-free heads."""
    called = [positive_run_mm(case, column, threshold) >= run_mm for case in cases]
    slices = np.concatenate([case.probabilities[:, column] for case in cases])
    return {
        "bent_heads": float(len(cases)),
        "bent_heads_called": float(sum(called)),
        "bent_slice_specificity": float((slices <= threshold).mean()),
    }


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pack", default="default")
    parser.add_argument("--patients", type=int, default=60)
    parser.add_argument("--heads", type=int, default=24)
    parser.add_argument("--first-seed", type=int, default=740_000)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--dicom", type=Path)
    parser.add_argument("--templates", type=Path)
    asked = parser.parse_args()
    reader = load(find_pack(asked.pack), "cpu", threads=asked.threads)
    card, column = reader.card, reader.card.label_index("any")
    rule = (column, card.slice_threshold, card.rule.numbers.get("run_mm", 0.0))
    if asked.dicom:
        case = read_dicom(reader, asked.dicom)
        print(" ".join(f"{value:.2f}" for value in case.probabilities[:, column]))
        print(f"longest positive run {positive_run_mm(case, *rule[:2]):.1f} mm (rule: {rule[2]} mm)")
    elif asked.templates:
        _print(bent_report(read_bent(reader, asked.templates, asked.heads, asked.first_seed), *rule))
    else:
        cases = read_phantoms(reader, asked.patients, asked.first_seed)
        _print(report(cases, *rule))
        for finding, line in per_finding(cases, *rule).items():
            print(f"{finding}: {line}")


def _print(figures: dict[str, float]) -> None:
    for name, value in figures.items():
        print(f"{name} = {value:.4f}")


if __name__ == "__main__":
    main()
