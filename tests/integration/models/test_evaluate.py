"""`ichor evaluate` from files, or from drawn phantoms, to a report that can be read."""

import csv
import json
import re

import pytest
from click.testing import CliRunner

pytest.importorskip("sklearn", reason="scikit-learn is not installed: install the 'train' extra")
pytest.importorskip("matplotlib", reason="matplotlib is not installed: install the 'train' extra")

from PIL import Image
from trees import write_ct, write_table

from models.datasets.nouns import Wish
from models.datasets.phantoms import case_of
from models.errors import DatasetUnusable
from models.judge import gather, report
from models.judge.command import EvaluateOptions, evaluate

PLOTS = {"roc", "pr", "reliability", "scores", "operating", "confusion", "kinds", "groups"}
SHEETS = {"hardest_bleeds", "hardest_clear"}
NOTICE = "**Research use only, not for diagnosis; trained on synthetic data.**"


@pytest.fixture
def hospital(small_heads, tmp_path):
    """A folder with truth.csv: as many bleeding and clear patients as asked for, H1 on."""

    def build(*truth):
        lines = [["patient_id", "any", "subdural"]]
        for number, bleeds in enumerate(truth, 1):
            names = {"PatientID": f"H{number}", "StudyInstanceUID": f"1.4.{number}"}
            for at, hu in enumerate(small_heads["subdural" if bleeds else "none"].hu):
                uids = {"SeriesInstanceUID": f"1.4.{number}.1", "SOPInstanceUID": f"1.4.{number}.1.{at}"}
                write_ct(tmp_path / f"scans/{number}/{at}.dcm", hu, at, **names, **uids)
            lines.append([f"H{number}", bleeds, bleeds])
        write_table(tmp_path / "scans/truth.csv", lines)
        return tmp_path / "scans"

    return build


@pytest.fixture
def words_only(monkeypatch):
    """Leave out the plots, which take most of the time, where a test does not look at them."""
    monkeypatch.setattr(report, "draw", lambda *_: None)


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


def judged(path, out, say=lambda line: None, **wishes):
    evaluate(EvaluateOptions(out=out, path=path, device="cpu", threads=1, resamples=100, **wishes), say)
    return (out / "report.md").read_text("utf-8"), json.loads((out / "report.json").read_text("utf-8"))["judgement"]


def rows(out):
    with (out / "cases.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def pictures(out):
    return {path.stem for path in out.glob("*.png")}


def cut(file):
    file.write_bytes(file.read_bytes()[:-3000])


def test_an_rsna_tree(trees, out):
    text, found = judged(trees("rsna"), out)
    assert text.splitlines()[0] == NOTICE and "layout rsna: 4 series" in text
    levels = found["levels"]
    assert (levels["series"]["units"], levels["series"]["positives"]) == (4, 2)
    assert (levels["patient"]["units"], levels["patient"]["positives"]) == (3, 2), "one patient was scanned twice"
    assert levels["slice"]["units"] == 40 and 0 < levels["slice"]["positives"] < 20
    assert 0 < found["loss"]["weighted"]["value"] < 10
    assert found["hits"]["plane"] is None, "no voxel truth in this layout"
    assert pictures(out) == PLOTS, "no pictures of patients unasked"
    for path in out.glob("*.png"):
        with Image.open(path) as picture:
            assert picture.width > 600 and len(picture.convert("L").resize((64, 64)).getcolors()) > 5
    assert [row["outcome"] in ("TP", "FN") for row in rows(out)] == [row["true_any"] == "1" for row in rows(out)]


def test_a_cq500_tree(words_only, trees, out):
    text, found = judged(trees("cq500"), out, layout="cq500")
    assert (found["levels"]["series"]["units"], found["levels"]["series"]["positives"]) == (2, 1)
    assert found["levels"]["slice"]["positives"] == 0, "labels hold for the scan; a clear scan is clear in every slice"
    assert "| slice | 10 | 0 | 10 | not defined: no positive slice |" in text
    assert {kind["label"]: kind["series_positives"] for kind in found["kinds"]}["subdural"] == 1


def test_a_folder_with_truth_and_its_pictures_when_asked(trees, out):
    text, found = judged(trees("folder"), out, pictures=True)
    assert found["series"] == 2 and pictures(out) == PLOTS | SHEETS
    named = re.findall(r"!\[[^]]*\]\(([^)]+)\)", text)
    assert len(named) == len(PLOTS | SHEETS) and all((out / name).is_file() for name in named)


def test_masks_and_phantoms_tell_where_the_blood_is(words_only, trees, tmp_path):
    for name in ("ct-ich", "phantoms"):
        _, found = judged(trees(name), tmp_path / name)
        assert [group["name"] for group in found["groups"] if group["by"] == "volume of blood"], name
        assert float(rows(tmp_path / name)[0]["ml_any"]) > 0 or float(rows(tmp_path / name)[1]["ml_any"]) > 0
    told = [(row["ml_subdural"], row["ml_any"]) for row in rows(tmp_path / "ct-ich")]
    assert all(kind in ("", whole) for kind, whole in told), "a mask tells the kind where a slice has one kind alone"


def test_the_papers_stand_below_the_line(words_only, hospital, out):
    text, _ = judged(hospital(1, 0), out)
    ours, theirs = text.split("## Beside the papers")[1].split("\n---\n")
    assert "**Ours, this data**" in ours and "| default " in ours and "Burduja" not in ours
    assert "**Their data, as published**" in theirs and "| default " not in theirs
    for name in ("Cortes-Ferre", "Burduja", "Wang", "Saraswathi"):
        assert name in theirs


def test_without_a_bleed_nothing_is_nan(hospital, out):
    text, found = judged(hospital(0, 0), out)
    nothing = {"value": None, "low": None, "high": None, "why": "no positive patient"}
    assert found["levels"]["patient"]["areas"]["roc"] == nothing
    assert "| ROC AUC, patients | not defined: no positive patient |" in text
    assert not re.search(r"\bnan\b", text, re.IGNORECASE) and pictures(out) == PLOTS


def test_an_unreadable_series_is_named(words_only, hospital, out):
    data, said = hospital(1, 0, 1), []
    cut(data / "3/4.dcm")
    text, found = judged(data, out, said.append)
    assert found["series"] == 2 and any(line.startswith("not read: 1.4.3.1: ") for line in said)
    assert "## Not read" in text and "1 series could not be read" in text and "| 1.4.3.1 |" in text
    assert json.loads((out / "report.json").read_text("utf-8"))["not_read"][0][0] == "1.4.3.1"


def test_nothing_readable_ends_in_one_line(words_only, hospital, out, tmp_path):
    data = hospital(1)
    for path in data.glob("1/*.dcm"):
        cut(path)
    with pytest.raises(DatasetUnusable, match="no series could be read"):
        judged(data, out)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DatasetUnusable, match="no label file"):
        judged(tmp_path / "empty", out)


def test_after_a_kill_nothing_is_read_twice(words_only, hospital, out, monkeypatch):
    data, real, asked = hospital(1, 0, 1), gather.read_case, []

    def dies_at_the_second(reader, loaded):
        asked.append(loaded.case.patient)
        if len(asked) == 2:
            raise KeyboardInterrupt
        return real(reader, loaded)

    monkeypatch.setattr(gather, "read_case", dies_at_the_second)
    with pytest.raises(KeyboardInterrupt):
        judged(data, out)
    judged(data, out)
    assert asked == ["H1", "H2", "H2", "H3"]
    first = rows(out)
    judged(data, out)
    assert len(asked) == 4 and rows(out) == first


def test_other_labels_are_another_reading_and_no_clear_head_is_plotted_too(hospital, out):
    data = hospital(1, 1)
    assert judged(data, out)[1]["levels"]["series"]["positives"] == 2 and pictures(out) == PLOTS
    write_table(data / "truth.csv", [["patient_id", "any"], ["H1", 1], ["H2", 0]])
    assert judged(data, out)[1]["levels"]["series"]["positives"] == 1


def test_phantoms_are_drawn_once_and_shown(words_only, out, monkeypatch):
    wishes = [Wish("subdural", 7, 6, 24.0, "SIEMENS"), Wish("none", 8, 6, 24.0, "Philips")]
    monkeypatch.setattr(gather, "mixture", lambda count, seed: [case_of(wish) for wish in wishes[:count]])
    text, found = judged(None, out, phantoms=2)
    assert pictures(out) == SHEETS and "seeds 900000-900001" in text and found["series"] == 2
    row = rows(out)[0]
    assert float(row["ml_subdural"]) > 0 and row["true_subdural"] == "1"
    kept = {path: path.stat().st_mtime_ns for path in (out / "phantoms").rglob("*.npz")}
    assert len(kept) == 2
    judged(None, out, phantoms=2)
    assert all(path.stat().st_mtime_ns == age for path, age in kept.items())


def test_two_stages_and_neighbours_are_judged_as_they_serve(words_only, small_packs, hospital, tmp_path):
    data = hospital(1, 0)
    for system in ("burduja", "wang", "saraswathi"):
        _, found = judged(data, tmp_path / system, pack=str(small_packs[system]))
        assert found["levels"]["series"]["units"] == 2, system
    assert "no output for epidural" in found["loss"]["weighted"]["why"]


def test_the_verb_writes_the_report(hospital, out, tmp_path):
    from service.cli.program import ichor
    from service.cli.workshop import evaluate as verb  # noqa: F401

    done = CliRunner().invoke(ichor, ["evaluate", str(hospital(1, 0)), "--out", str(out), "--device", "cpu"])
    assert done.exit_code == 0, done.output
    assert (out / "report.md").is_file()
    (tmp_path / "empty").mkdir()
    refused = CliRunner().invoke(ichor, ["evaluate", str(tmp_path / "empty"), "--out", str(tmp_path / "none")])
    assert refused.exit_code == 2 and "no label file found" in refused.output
