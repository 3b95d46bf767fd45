"""docs/connect.md does what it says: its own script forwards from Orthanc, and nothing goes round in circles."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from nodes import ROOT, Node, free_ports, wait_until
from peers import Orthanc, find_program


def block(language: str) -> str:
    page = (ROOT / "docs/connect.md").read_text("utf-8")
    (found,) = re.findall(rf"```{language}\n(.*?)```", page, re.DOTALL)
    return str(found)


@pytest.fixture
def pacs(tmp_path: Path) -> Iterator[Callable[[int], Orthanc]]:
    """Start Orthanc as the page configures it; only addresses and ports are this machine's."""
    started: list[Orthanc] = []

    def start(node_port: int) -> Orthanc:
        folder = tmp_path / "orthanc"
        folder.mkdir()
        (folder / "ichor.lua").write_text(block("lua"))
        settings: dict[str, Any] = json.loads(block("json"))
        settings["DicomModalities"]["ichor"] |= {"Host": "127.0.0.1", "Port": node_port}
        port, http_port = free_ports(2)
        settings |= {"DicomPort": port, "HttpPort": http_port, "StableAge": 1, "RemoteAccessAllowed": False}
        settings |= {"StorageDirectory": str(folder / "db"), "IndexDirectory": str(folder / "db")}
        file = folder / "orthanc.json"
        file.write_text(json.dumps(settings))
        started.append(Orthanc([find_program("Orthanc"), str(file)], port, "ORTHANC", folder, http_port=http_port))
        started[0].start()
        return started[0]

    yield start
    for one in started:
        one.stop()


def test_orthanc_forwards_by_itself_and_results_stay(
    node_in: Callable[..., Node], pacs: Callable[[int], Orthanc]
) -> None:
    node = node_in()
    orthanc = pacs(node.dicom)
    where = f'[{{name="pacs",ae_title="ORTHANC",host="127.0.0.1",port={orthanc.port}}}]'
    node.environment |= {"ICHOR__DESTINATIONS": where, "ICHOR__SENDERS": '[{ae_title="ORTHANC"}]'}
    node.start()
    to = ["--to", f"127.0.0.1:{orthanc.port}", "--aet", "ORTHANC", "--finding", "subdural", "--seed", "7"]
    sent = node.command("practice", *to)
    assert sent.returncode == 0, sent.stderr
    uid = sent.stdout.split()[-1]
    wait_until(lambda: node.api("/api/worklist")["studies"], 30, "the forwarded study")
    assert node.settled(uid, states=("delivering", "done"))["verdict"] in ("positive", "negative")
    wait_until(lambda: {one["state"] for one in node.study(uid)["deliveries"]} == {"committed"}, 30, "proof")
    held = len(orthanc.instances())
    time.sleep(4)  # results become stable in Orthanc, too
    assert len(orthanc.instances()) == held
    assert [one["modality"] for one in node.study(uid)["series"]] == ["CT"]
