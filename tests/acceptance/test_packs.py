"""The four published systems in a real node, one after the other: model.pack names a folder and nothing else changes.

The packs are small and their weights random; what they say is worth nothing, that it arrives whole is what is tested.
"""

from __future__ import annotations

import json
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pydicom
import pytest
from heads import Study
from modality import storescu
from nodes import Node, wait_until
from peers import Orthanc

KINDS = {"epidural", "intraparenchymal", "intraventricular", "subarachnoid", "subdural"}
#: what each says beside any bleed; wang comes last, for two more tests go on with it
TOLD = {"effclass": set(), "burduja": KINDS, "saraswathi": set(), "wang": KINDS}

pytestmark = pytest.mark.peer


@dataclass
class Site:
    """One node and its PACS; another pack means a restart, as in a hospital."""

    node: Node
    pacs: Orthanc
    packs: dict[str, Path]
    serving: str = ""
    read: dict[str, Study] = field(default_factory=dict)

    def serve(self, system: str) -> Node:
        if system != self.serving:
            if self.serving:
                assert self.node.stop() == 0
            self.serving = ""
            self.node.environment["ICHOR__MODEL__PACK"] = str(self.packs[system])
            try:
                self.node.start()
            except BaseException:
                self.node.end()
                raise
            self.serving = system
        return self.node

    def answer(self, system: str, sent: Study) -> dict[str, Any]:
        """Send a head and wait for what the node makes of it."""
        node = self.serve(system)
        storescu(node, sent.paths)
        assert node.settled(sent.uid)["state"] == "done"
        self.read[system] = sent
        return node.study(sent.uid)

    def archived(self, study: dict[str, Any], folder: Path) -> list[Path]:
        """Wait until all current results lie in the PACS; fetch them as files, pictures first."""
        current = {one["sop_instance_uid"] for one in study["results"] if one["current"]}
        assert current
        wait_until(lambda: current <= set(self.pacs.sop_uids()), 30, "results in the archive")
        files = [folder / f"{uid}.dcm" for uid in sorted(current)]
        for uid, file in zip(sorted(current), files, strict=True):
            (instance,) = self.pacs.find("Instance", uid)
            file.write_bytes(self.pacs.ask("GET", f"/instances/{instance}/file"))
        return sorted(files, key=lambda one: pydicom.dcmread(one, stop_before_pixels=True).Modality)


@pytest.fixture(scope="module")
def site(module_node: Callable[..., Node], orthanc_process: Orthanc, small_packs: dict[str, Path]) -> Iterator[Site]:
    pacs = f'[{{name="pacs",ae_title="ORTHANC",host="127.0.0.1",port={orthanc_process.port},commit=false}}]'
    node = module_node(ICHOR__DESTINATIONS=pacs, ICHOR__MODEL__THREADS="1", ICHOR__POLICY__SLICE_THRESHOLD="0.3")
    yield Site(node, orthanc_process, small_packs)
    node.end()


@pytest.mark.parametrize("system", TOLD)
def test_a_head_travels_the_whole_corridor(
    site: Site, head: Callable[..., Study], program: Callable[[str], str], tmp_path: Path, system: str
) -> None:
    sent = head("epidural")
    study = site.answer(system, sent)
    assert study["verdict"] == "positive"
    (series,) = study["series"]
    assert series["pack"]["name"] == f"small-{system}"
    assert set(series["findings"]) == {"any", *TOLD[system]}
    assert all(set(one["findings"]) == {"any", *TOLD[system]} for one in study["slices"])
    *pictures, report = site.archived(study, tmp_path)
    assert pydicom.dcmread(report).Modality == "SR"
    assert len(pictures) == 1 + len(series["key_slices"])
    assert all(reddish(pydicom.dcmread(file).pixel_array) for file in pictures)
    for file in (*pictures, report):
        said = subprocess.run([program("dciodvfy"), "-new", str(file)], capture_output=True, text=True, check=False)
        assert "Error" not in said.stdout + said.stderr, said.stderr
    dump = subprocess.run([program("dsrdump"), str(report)], capture_output=True, text=True, check=True).stdout
    assert {kind for kind in KINDS if f'"{kind} hemorrhage"' in dump.lower()} == TOLD[system], dump
    offline = json.loads(
        site.node.command("read", str(sent.paths[0].parent), "--json", "--pack", str(site.packs[system])).stdout
    )
    assert offline["probability"] == study["probability"]
    assert offline["verdict"] == study["verdict"]
    assert set(offline["findings"]) == TOLD[system]
    seen = {one["sop_instance_uid"]: one["probability"] for one in study["slices"]}
    assert {one["sop_instance_uid"]: one["probability"] for one in offline["slices"]} == seen


def reddish(rgb: Any) -> bool:
    """Tell whether heat covers a visible part of the picture's anatomy."""
    panels = rgb[84:596].astype(int)
    return int(((panels[..., 0] - panels[..., 2] > 60) & (panels[..., 1] < 200)).sum()) > 100


def test_another_pack_reads_a_known_study_anew(site: Site, head: Callable[..., Study], tmp_path: Path) -> None:
    if "burduja" not in site.read:
        site.answer("burduja", head("epidural"))
    first = site.read["burduja"]
    before = site.node.study(first.uid)
    node = site.serve("wang")
    node.api(f"/api/studies/{first.uid}/replay", "POST")

    def read_again() -> Any:
        study = node.study(first.uid)
        packs = {one["pack"]["name"] for one in study["series"]}
        return study if packs == {"small-wang"} and study["state"] == "done" else None

    after = wait_until(read_again, 60, "another reading")
    old, new = ({one["sop_instance_uid"] for one in study["results"] if one["current"]} for study in (before, after))
    assert new and not old & new
    report = pydicom.dcmread(site.archived(after, tmp_path)[-1])
    (earlier,) = report.PredecessorDocumentsSequence
    assert old >= {
        one.ReferencedSOPInstanceUID
        for series in earlier.ReferencedSeriesSequence
        for one in series.ReferencedSOPSequence
    }


def test_a_late_slice_beside_neighbours_renews_three_readings(site: Site, head: Callable[..., Study]) -> None:
    node, sent = site.serve("wang"), head("none")
    late = len(sent.paths) // 2
    storescu(node, [path for at, path in enumerate(sent.paths) if at != late])
    node.settled(sent.uid)
    before = made(node, sent)
    storescu(node, [sent.paths[late]])
    wait_until(lambda: len(node.study(sent.uid)["slices"]) == len(sent.paths), 60, "the late slice")
    after = made(node, sent)
    assert len(before) == len(sent.paths) - 1
    renewed = {uid for uid, _ in after - before}
    assert renewed == {str(pydicom.dcmread(path).SOPInstanceUID) for path in sent.paths[late - 1 : late + 2]}
    assert len(after) == len(before) + 3


def made(node: Node, sent: Study) -> set[tuple[str, str]]:
    """Every reading the node has made of a study."""
    with closing(sqlite3.connect(f"file:{node.folder / 'data/ledger.sqlite3'}?mode=ro", uri=True)) as db:
        rows = db.execute("SELECT sop_uid, pixels_hash FROM readings WHERE series_uid = ?", (sent.series_uid,))
        return {(uid, name) for uid, name in rows}
