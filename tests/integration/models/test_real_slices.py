"""Real scanners' pixels: what is a head, what is not, and whether the reader stays quiet on a bleed-free one."""

from pathlib import Path

import pytest

from models import SliceInput, head_facts, to_hu
from models.anatomy import looks_like_head
from service.settings import Settings
from service.wiring.scans import read_folder

pydicom = pytest.importorskip("pydicom")
DATA = Path(__file__).parents[4] / "shared" / "data"


def slices(pattern):
    if not DATA.is_dir():
        pytest.skip(f"no real CT files: {DATA.parent.name}/{DATA.name} is not beside the checkout")
    found = []
    for path in sorted(each for each in DATA.glob(pattern) if each.is_file()):
        try:
            dataset = pydicom.dcmread(path)
        except pydicom.errors.InvalidDicomError:
            continue
        if "PixelData" in dataset and dataset.get("NumberOfFrames", 1) == 1 and "PixelSpacing" in dataset:
            found.append(read(dataset))
    assert found, pattern
    return found


def read(dataset):
    padding = dataset.get("PixelPaddingValue")
    slope, intercept = float(dataset.get("RescaleSlope", 1)), float(dataset.get("RescaleIntercept", 0))
    return SliceInput(to_hu(dataset.pixel_array, slope, intercept, padding), *map(float, dataset.PixelSpacing))


def judge(pattern):
    return looks_like_head([head_facts(each.hu, each.row_mm, each.col_mm) for each in slices(pattern)])


def test_a_tilted_real_head_is_a_head():
    answer, sentence = judge("ge-tilt-head/**/*")
    assert answer and sentence.startswith("a head")


def test_a_plastic_head_is_a_head():
    answer, sentence = judge("philips-phantom-head/S21570/S2010/*")
    assert answer and "phantom" in sentence


@pytest.mark.filterwarnings("ignore")  # these files are odd on purpose, pydicom says so
@pytest.mark.parametrize(
    "pattern",
    [
        "totalseg-siemens-body/**/*",
        "taichi-toshiba-lspine-deid/**/*",
        "cornerstone-ts-ct/CTImage.dcm",
        "dicomparser-encapsulated/CT1_UNC.implicit_little_endian.dcm",
        "dicom2nifti-geometry/gantrytilting/**/*.dcm",
        "dicom2nifti-geometry/sliceincrement/**/*.dcm",
    ],
)
def test_other_bodies_and_noise_are_no_head(pattern):
    answer, sentence = judge(pattern)
    assert not answer, sentence


def test_the_rule_does_not_call_a_bleed_free_real_head():
    slices("ge-tilt-head/**/*")
    answer = read_folder(Settings(), DATA / "ge-tilt-head", None)
    assert answer["verdict"] == "negative" and len(answer["slices"]) == 28, answer["why"]
