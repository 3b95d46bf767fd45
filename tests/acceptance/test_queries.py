"""A whole node in practice mode, asked by the tools a hospital has."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pynetdicom import AE
from pynetdicom.sop_class import UnifiedProcedureStepPull


@pytest.mark.peer
def test_workstations_list_the_flagged_study_of_a_practising_node(
    node_in: Callable[..., Any], program: Callable[[str], str]
) -> None:
    node = node_in().start("--practice")
    rows = settled(node)
    flagged = [one["study_instance_uid"] for one in rows if one["verdict"] == "positive"]
    assert len(flagged) == 1 and len(rows) == 2

    keys = ("QueryRetrieveLevel=STUDY", "StudyInstanceUID", "PatientName", "0032,4000")
    command = [program("findscu"), "-S", "-aet", "READER", "-aec", "ICHOR"]
    command += [part for key in keys for part in ("-k", key)] + ["127.0.0.1", str(node.dicom)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    said = done.stdout + done.stderr
    lines = [line for line in said.splitlines() if "StudyInstanceUID" in line and "no value" not in line]
    assert len(lines) == 1 and flagged[0] in lines[0]
    assert "suspected haemorrhage" in said

    (item,) = work_items(node)
    assert (item.StudyInstanceUID, item.ScheduledProcedureStepPriority) == (flagged[0], "HIGH")
    assert {one.SeriesInstanceUID for one in item.InputInformationSequence} >= {
        one["series_instance_uid"] for one in node.study(flagged[0])["results"] if one["current"]
    }


def settled(node: Any) -> list[dict[str, Any]]:
    from nodes import wait_until

    def look() -> Any:
        rows = node.api("/api/worklist")["studies"]
        return rows if len(rows) == 2 and all(one["state"] == "done" for one in rows) else None

    found: list[dict[str, Any]] = wait_until(look, 240, "both practice studies to be done")
    return found


def work_items(node: Any) -> list[Dataset]:
    keys = Dataset()
    keys.ProcedureStepState, keys.ScheduledProcedureStepPriority = "SCHEDULED", "HIGH"
    keys.StudyInstanceUID, keys.InputInformationSequence = "", []
    entity = AE("WORKLIST")
    entity.add_requested_context(UnifiedProcedureStepPull)
    association = entity.associate("127.0.0.1", node.dicom)
    found = [one for _, one in association.send_c_find(keys, UnifiedProcedureStepPull) if one is not None]
    association.release()
    return found
