"""The figures that compare phantoms with a real scan, on scans whose figures are known."""

from pathlib import Path

import numpy as np
import pytest

from models.phantom.compare import main, read_folder, table
from models.phantom.measure import FREQUENCIES, STEP_MM, Scan, measure, rise_mm, two_peaks
from models.phantom.priors import CHANCES, RANGES

REAL = Path(__file__).parents[4] / "shared/data/ge-tilt-head"
PAGE = Path(__file__).parents[3] / "docs/phantoms.md"
PIXEL = 0.5


def disc(noise: float, seed: int = 0) -> np.ndarray:
    """A round head: brain of two tissues inside 8 mm of skull inside 6 mm of scalp."""
    step = (np.arange(480) + 0.5) * PIXEL - 120
    radius = np.hypot(step[:, None], step[None, :])
    brain = np.where(step[None, :] + 0 * step[:, None] < 0, 26.0, 38.0)
    hu = np.select([radius < 70, radius < 78, radius < 84], [brain, 1200.0, 40.0], -1000.0)
    return (hu + noise * np.random.default_rng(seed).standard_normal(hu.shape)).astype(np.float32)


def test_a_known_head_is_measured():
    found = measure(Scan("disc", [disc(4.0, seed) for seed in range(3)], PIXEL))
    assert found.noise == pytest.approx(4.0, rel=0.25)
    assert found.white == pytest.approx(26, abs=1.5) and found.grey == pytest.approx(38, abs=1.5)
    assert found.skull_edge < 1.0 and found.skin_edge < 1.0
    white_noise = FREQUENCIES / FREQUENCIES.sum()
    assert found.spectrum[2:8] == pytest.approx(white_noise[2:8], abs=0.05)


def test_more_noise_measures_as_more():
    quiet, loud = (measure(Scan("disc", [disc(noise)], PIXEL)).noise for noise in (2.0, 6.0))
    assert 2.4 < loud / quiet < 3.6


def test_a_scan_without_brain_says_so():
    with pytest.raises(ValueError, match="no slice shows a closed skull"):
        measure(Scan("air", [np.full((480, 480), -1000, np.float32)], PIXEL))


def test_peaks_and_edges_of_made_up_curves():
    rng = np.random.default_rng(0)
    values = np.concatenate([rng.normal(26, 2, 6000), rng.normal(36, 2, 4000)])
    assert two_peaks(values) == (pytest.approx(26, abs=0.5), pytest.approx(36, abs=0.5))
    along = np.arange(-6, 6.01, STEP_MM)
    assert rise_mm(np.clip((along + 2) / 4, 0, 1) * 1000) == pytest.approx(3.2, abs=0.1)


def test_a_folder_without_slices_says_so(tmp_path: Path):
    with pytest.raises(SystemExit, match="no CT slice in"):
        read_folder(tmp_path)


def test_the_page_names_every_prior():
    text = PAGE.read_text(encoding="utf-8")
    for name in (*RANGES, *CHANCES):
        assert f"`{name}`" in text, name
    for name, span in RANGES.items():
        assert f"| `{name}` | {span.low:g} .. {span.high:g} |" in text, name
    for name, chance in CHANCES.items():
        assert f"| `{name}` | {chance.full:g} |" in text, name


@pytest.mark.skipif(not REAL.is_dir(), reason="the real head lies beside the checkout only where the project is built")
def test_a_phantom_is_compared_with_a_real_head(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    main(["--real", str(REAL), "--out", str(tmp_path / "out"), "--seeds", "1"])
    lines = {line.split("|")[1].strip(): line.split("|")[2:4] for line in capsys.readouterr().out.splitlines()}
    for name, least, most in (
        ("noise (HU)", 0.4, 1.6), ("mean noise frequency (1/mm)", 0.6, 1.4), ("grey matter (HU)", 0.7, 1.25),
        ("brain to skull, 10-90 % (mm)", 0.6, 1.5), ("skin to air, 10-90 % (mm)", 0.6, 1.5),
    ):  # fmt: skip
        real, phantom = (float(one) for one in lines[name])
        assert least < phantom / real < most, name
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"brain.png", "stroke.png", "bone.png"}


def test_the_table_has_a_column_per_scan():
    found = measure(Scan("disc", [disc(3.0)], PIXEL))
    assert table([("one", found), ("two", found)]).splitlines()[0] == "| figure | one | two |"
