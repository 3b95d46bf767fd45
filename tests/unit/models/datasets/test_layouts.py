"""Every published layout is read from a small tree of the same shape, and what is wrong with a tree is said."""

import shutil
from collections import Counter

import numpy as np
import pytest
from trees import RSNA_SERIES, SLICES, bleeding, write_ct

from models.datasets import LABELS, load_case, open_dataset
from models.datasets.kept import keep_cases
from models.datasets.layouts import detect
from models.errors import DatasetUnusable

nibabel = pytest.importorskip("nibabel", reason="nibabel is not installed: install the 'train' extra")


def opened(tree, layout="auto"):
    said = []
    return open_dataset(tree, layout, said.append), said


@pytest.mark.parametrize("name", ["rsna", "cq500", "ct-ich", "folder"])
def test_the_layout_is_found_by_itself(trees, name):
    assert detect(trees(name)) == name


def test_rsna_series_are_grouped_and_labelled_by_slice(trees, small_heads):
    cases, said = opened(trees("rsna"))
    assert [(case.patient, case.series) for case in cases] == [one[:2] for one in RSNA_SERIES]
    assert [case.bleeds for case in cases] == [True, False, False, True]
    assert said == [
        "rsna: 4 series of 3 patients, 40 slices; 2 series with a bleed", "left out: 1 labelled slices without a file",
    ]  # fmt: skip
    loaded = load_case(cases[0])
    hits = np.array(bleeding(small_heads["subdural"]), np.float32)
    assert np.array_equal(loaded.slice_labels[:, LABELS.index("any")], hits)
    assert np.array_equal(loaded.slice_labels[:, LABELS.index("subdural")], hits)
    assert loaded.slice_labels[:, LABELS.index("epidural")].sum() == 0
    assert loaded.series_labels.tolist() == [1, 0, 0, 0, 0, 1]
    assert (np.diff(loaded.positions_mm) > 0).all() and loaded.truth is None


def test_damaged_rsna_pixels_come_out_as_the_sound_ones(trees, small_heads):
    cases, _ = opened(trees("rsna"))
    sound, mended = (load_case(cases[at]) for at in (0, 3))
    for one, other, hu in zip(sound.slices, mended.slices, small_heads["subdural"].hu, strict=True):
        assert np.array_equal(one.hu, np.clip(hu, -1000, 3000)) and np.array_equal(one.hu, other.hu)


def test_cq500_takes_the_majority_and_the_plain_series(trees):
    cases, said = opened(trees("cq500"))
    assert [case.patient for case in cases] == ["CQ500-CT-0", "CQ500-CT-7"]
    assert cases[0].series_labels == {
        "any": 1, "epidural": 0, "intraparenchymal": 0, "intraventricular": 0, "subarachnoid": 0, "subdural": 1,
    }  # fmt: skip
    assert [case.files[0].parent.name for case in cases] == ["CT Plain", "CT Plain"]
    assert "left out: 2 scouts" in said and "left out: 1 labelled cases without a folder" in said
    bleeding_labels, clear_labels = (load_case(case).slice_labels for case in cases)
    assert np.isnan(bleeding_labels[:, [0, 5]]).all() and (bleeding_labels[:, 1:5] == 0).all()
    assert (clear_labels == 0).all()


def test_cq500_without_a_thick_series_reads_the_thin_one(trees, tmp_path):
    tree = shutil.copytree(trees("cq500"), tmp_path / "tree")
    for folder in tree.glob("*/*/CT Plain"):
        shutil.rmtree(folder)
    assert {case.files[0].parent.name for case in open_dataset(tree)} == {"CT Thin Plain"}


def test_ct_ich_scans_stand_upright_with_their_masks(trees, small_heads):
    cases, said = opened(trees("ct-ich"))
    head = small_heads["subdural"]
    loaded = load_case(cases[0])
    assert np.array_equal(np.stack([one.hu for one in loaded.slices]), head.hu)
    hits = np.array(bleeding(head))
    assert np.array_equal(loaded.slice_labels[:, 0], hits)
    kind = LABELS.index("subdural")
    assert (loaded.truth[hits == 1][head.truth[hits == 1] > 0] == kind).all()
    assert ((loaded.truth > 0) == (head.truth > 0)).all()
    assert cases[1].bleeds is False and load_case(cases[1]).truth.sum() == 0
    assert "left out: 1 labelled patients without a scan" in said


def test_a_folder_is_labelled_by_slice_and_by_patient(trees, small_heads):
    cases, said = opened(trees("folder"))
    assert [case.patient for case in cases] == ["P0", "P1"]
    assert load_case(cases[0]).slice_labels[:, 5].tolist() == bleeding(small_heads["subdural"])
    assert (load_case(cases[1]).slice_labels == 0).all()
    assert "left out: 1 series without a label" in said and "left out: 1 files that are no DICOM" in said


def test_a_folder_of_phantoms_is_a_data_set_with_voxels(trees, small_heads):
    cases, _ = opened(trees("phantoms"))
    assert Counter(case.bleeds for case in cases) == {True: 1, False: 1}
    case = next(case for case in cases if case.bleeds)
    loaded, head = load_case(case), small_heads["subdural"]
    assert np.array_equal(loaded.truth, head.truth)
    assert loaded.slice_labels[:, 5].tolist() == bleeding(head)
    assert np.array_equal(loaded.slices[4].hu[40:90, 40:90], head.hu[4][40:90, 40:90])


def broken(tree, harm, tmp_path):
    copy = shutil.copytree(tree, tmp_path / "broken")
    harm(copy)
    with pytest.raises(DatasetUnusable) as told:
        open_dataset(copy)
    assert len(str(told.value).splitlines()) == 1
    return str(told.value)


def test_what_is_wrong_is_one_line_with_the_mend(trees, tmp_path):
    def no_pictures(tree):
        shutil.rmtree(tree / "stage_2_train")

    said = broken(trees("rsna"), no_pictures, tmp_path)
    assert "none of the 41 labelled slices has a file in stage_2_train/; unpack the pictures there" in said


def test_a_table_that_says_both_is_refused(trees, tmp_path):
    def contradict(tree):
        table = tree / "stage_2_train.csv"
        first = table.read_text().splitlines()[1]
        table.write_text(table.read_text() + first.replace(",0", ",1") + "\n")

    assert "says both 0 and 1 of ID_" in broken(trees("rsna"), contradict, tmp_path)


@pytest.mark.parametrize(
    ("name", "table", "change", "told"),
    [
        ("rsna", "stage_2_train.csv", ("ID,Label", "Slice,Label"), "has no column id"),
        ("cq500", "reads.csv", ("R2:EDH", "R2:XXX"), "has no column r2:edh"),
        ("cq500", "reads.csv", ("CQ500-CT-7", "case seven"), "names a case 'case seven'"),
        ("ct-ich", "hemorrhage_diagnosis_raw_ct.csv", ("Epidural", "Extradural"), "has no column epidural"),
        ("folder", "truth.csv", ("P1;;;0", "P1;;;maybe"), "says 'maybe' in column any"),
        ("folder", "truth.csv", ("any", "whatever"), "needs the column any"),
    ],
)
def test_a_wrong_table_is_told(trees, tmp_path, name, table, change, told):
    def harm(tree):
        path = tree / table
        path.write_text(path.read_text().replace(*change))

    assert told in broken(trees(name), harm, tmp_path)


def test_a_mask_of_another_shape_is_told(trees, tmp_path):
    tree = shutil.copytree(trees("ct-ich"), tmp_path / "tree")
    nibabel.save(nibabel.Nifti1Image(np.zeros((128, 128, 3), np.int16), np.eye(4)), tree / "masks" / "049.nii")
    with pytest.raises(DatasetUnusable, match=r"masks/049.nii is \(3, 128, 128\), its scan \(10, 128, 128\)"):
        load_case(open_dataset(tree)[0])


def test_an_unknown_tree_names_the_known_ones(tmp_path):
    with pytest.raises(DatasetUnusable, match=r"no label file found; known layouts are rsna: stage_2_train.csv"):
        open_dataset(tmp_path)
    with pytest.raises(DatasetUnusable, match=r"no cq500 layout here; it needs reads.csv"):
        open_dataset(tmp_path, "cq500")
    with pytest.raises(DatasetUnusable, match=r"no layout 'rsma'; name one of auto, rsna"):
        open_dataset(tmp_path, "rsma")
    with pytest.raises(DatasetUnusable, match="no such folder"):
        open_dataset(tmp_path / "nowhere", "rsna")


def test_what_is_no_axial_stack_is_left_out_with_its_reason(trees, tmp_path, small_heads):
    tree = shutil.copytree(trees("folder"), tmp_path / "tree")
    hu = small_heads["none"].hu
    base = {"PatientID": "P0", "StudyInstanceUID": "1.3.0"}
    for at in range(3):
        write_ct(tree / f"short{at}", hu[at], at, SOPInstanceUID=f"1.9.1.{at}", SeriesInstanceUID="1.9.1", **base)
    for at in range(SLICES):
        sagittal = {"ImageOrientationPatient": [0, 1, 0, 0, 0, -1], "ImagePositionPatient": [at, 0, 0]}
        write_ct(
            tree / f"sag{at}", hu[at], at, SOPInstanceUID=f"1.9.2.{at}", SeriesInstanceUID="1.9.2", **base, **sagittal
        )
    write_ct(tree / "mr", hu[0], 0, SOPInstanceUID="1.9.3.1", SeriesInstanceUID="1.9.3", Modality="MR", **base)
    write_ct(tree / "twice", hu[0], 4, SOPInstanceUID="1.3.0.1.77", SeriesInstanceUID="1.3.0.1", **base)
    cases, said = opened(tree)
    assert [len(case.files) for case in cases] == [SLICES, SLICES]
    assert {
        "left out: 1 series of fewer than 8 slices", "left out: 1 series that are not axial",
        "left out: 1 images that are no CT", "left out: 1 slices at a place another one has",
    } <= set(said)  # fmt: skip


def test_a_run_opens_the_part_that_it_left(trees, tmp_path):
    cases = open_dataset(trees("rsna"))
    keep_cases([cases[:2], cases[2:3], cases[3:]], tmp_path)
    again, said = opened(tmp_path)
    assert again == cases[3:] and said[0].startswith("run: 1 series of 1 patients, 10 slices")
    assert "left out: 3 series of the parts that the run learnt from or chose on" in said
    assert np.array_equal(load_case(again[0]).slices[0].hu, load_case(cases[3]).slices[0].hu)
    keep_cases([cases, []], tmp_path)
    with pytest.raises(DatasetUnusable, match=r"left no patients for judging; train with three shares"):
        open_dataset(tmp_path)
