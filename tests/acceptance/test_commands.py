"""The command line as users script against it: outputs, exit codes, one-line errors with the mend."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pydicom
import pytest
from heads import Study
from nodes import Node, free_ports

CONTRACT_KEYS = {"verdict", "probability", "why", "pack", "suitability", "findings", "slices"}


@pytest.fixture
def ichor(node_in: Callable[..., Node]) -> Node:
    return node_in()


def test_read_prints_one_object_with_the_contracts_keys(ichor: Node, head: Callable[..., Study]) -> None:
    study = head("epidural")
    done = ichor.command("read", str(study.paths[0].parent), "--json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer.keys() >= CONTRACT_KEYS
    assert answer["verdict"] == "positive"
    assert 0.5 < answer["probability"] <= 1
    assert {one["sop_instance_uid"] for one in answer["slices"]} == study.sop_uids
    assert set(answer["findings"]) == {"epidural", "intraparenchymal", "intraventricular", "subarachnoid", "subdural"}
    assert answer["pack"]["name"] == "default"


def test_read_leaves_no_trace(ichor: Node, head: Callable[..., Study]) -> None:
    before = set(ichor.folder.iterdir())
    assert ichor.command("read", str(head("none").paths[0].parent)).returncode == 0
    assert set(ichor.folder.iterdir()) == before


def test_read_says_not_analysed_with_null_probability(ichor: Node, head: Callable[..., Study]) -> None:
    study = head("epidural", ContrastBolusAgent="Iomeron")
    answer = json.loads(ichor.command("read", str(study.paths[0].parent), "--json").stdout)
    assert (answer["verdict"], answer["probability"]) == ("not_analysed", None)
    assert "Iomeron" in answer["why"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["read", "/nowhere"], "no such file or folder"),
        (["read", "."], "no readable DICOM file"),
        (["serve", "--roles", "receive,reed"], "unknown role reed"),
        (["--nonsense"], "No such option"),
        (["practice", "--to", "nohost"], "HOST:PORT"),
        (["pack", "show", "nopack"], "no model pack 'nopack'"),
        (["replay", "1.2.3"], "there is no study 1.2.3"),
        (["retry", "77"], "delivery 77"),
        (["purge"], "give --days"),
        (["status", "--config", "missing.toml"], "no such file: missing.toml"),
        (["train"], "train"),
    ],
)
def test_bad_usage_is_one_line_and_exit_2(ichor: Node, arguments: list[str], said: str) -> None:
    done = ichor.command(*arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_an_unknown_key_stops_the_start_and_names_its_neighbour(ichor: Node) -> None:
    (ichor.folder / "ichor.toml").write_text("[node]\nae_titel = 'X'\n")
    done = ichor.command("serve")
    assert done.returncode == 2
    assert done.stderr.strip() == "ichor: unknown key 'node.ae_titel'; did you mean 'ae_title'?"


def test_a_taken_port_stops_the_start_with_the_mend(ichor: Node) -> None:
    import socket

    with socket.create_server(("127.0.0.1", ichor.dicom)):
        done = ichor.command("serve", timeout=90)
    assert done.returncode == 2
    assert f"port {ichor.dicom}" in done.stderr


def test_status_of_a_node_that_never_ran_is_not_reachable(ichor: Node) -> None:
    done = ichor.command("status", "--json")
    assert done.returncode == 2
    assert json.loads(done.stdout)["status"] == "not reachable"
    assert not (ichor.folder / "data").exists()


def test_status_is_degraded_when_nothing_reads(ichor: Node) -> None:
    ichor.start("--roles", "receive,web,tend,deliver")
    done = ichor.command("status")
    assert done.returncode == 1
    assert "No reader is alive" in done.stdout


def test_doctor_says_the_mend_of_a_dead_destination(node_in: Callable[..., Node]) -> None:
    (port,) = free_ports(1)
    where = f'[{{name="pacs",ae_title="PACS",host="127.0.0.1",port={port}}}]'
    done = node_in(ICHOR__DESTINATIONS=where).command("doctor")
    assert done.returncode == 1
    assert "ok   pack: default verified" in done.stdout
    assert "FAIL destination pacs" in done.stdout


def test_users_and_tokens(ichor: Node) -> None:
    added = ichor.command("user", "add", "anna", "--role", "admin", "--password", "a long password")
    assert added.returncode == 0, added.stderr
    assert ichor.command("user", "list").stdout == "anna\tadmin\n"
    assert ichor.command("user", "remove", "anna").returncode == 0
    assert ichor.command("user", "remove", "anna").returncode == 2
    token = ichor.command("token", "create", "--role", "reader").stdout.strip()
    assert len(token) >= 32
    assert token not in (ichor.folder / "data/ledger.sqlite3").read_bytes().decode("latin-1")


def test_phantom_writes_a_series_with_its_truth(ichor: Node) -> None:
    out = ichor.folder / "head"
    wish = ["--finding", "subdural", "--seed", "4", "--slices", "10", "--thickness", "6", "--vendor", "siemens"]
    assert ichor.command("phantom", str(out), *wish).returncode == 0
    files = sorted(out.glob("*.dcm"))
    assert len(files) == 10
    assert pydicom.dcmread(files[0]).Manufacturer == "SIEMENS"
    assert json.loads((out / "truth.json").read_text())["finding"] == "subdural"


def test_a_damaged_pack_is_refused_with_the_reason(node_in: Callable[..., Node], tmp_path: Path) -> None:
    import models.card

    copy = tmp_path / "pack"
    shutil.copytree(models.card.PACKS / "default", copy)
    weights = copy / "reader.onnx"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\0")
    done = node_in().command("pack", "verify", str(copy))
    assert done.returncode == 2
    assert "the card expects" in done.stderr


def test_purge_forgets_only_what_is_delivered_and_old(node_in: Callable[..., Node], head: Callable[..., Study]) -> None:
    node = node_in().start()
    study = head("epidural")
    sent = node.command("practice", "--finding", "none", "--seed", "5")
    assert sent.returncode == 0, sent.stderr
    uid = sent.stdout.strip().rsplit(" ", 1)[1]
    node.settled(uid)
    assert study.uid != uid
    assert node.command("purge", "--days", "1").stdout == ""
    assert node.command("purge", "--days", "0.000001", "--dry-run").stdout.split() == [uid]
    assert node.command("purge", "--days", "0.000001").stdout.split() == [uid]
    assert node.api("/api/worklist")["studies"] == []
    assert not [path for path in (node.folder / "data/objects").rglob("*.dcm")]


def test_serve_opens_nothing_but_loopback_without_senders(ichor: Node) -> None:
    ichor.environment["ICHOR__NODE__HOST"] = "0.0.0.0"
    done = ichor.command("serve")
    assert done.returncode == 2
    assert "[[senders]] is empty" in done.stderr


def test_an_unwritable_data_folder_is_named(ichor: Node) -> None:
    ichor.environment["ICHOR__NODE__DATA_DIR"] = "/proc/nothing"
    done = ichor.command("serve")
    assert done.returncode == 2
    assert "node.data_dir" in done.stderr
    assert os.path.basename(done.args[0]).startswith("python")


def test_preview_makes_each_object_the_destinations_ask_for(ichor: Node) -> None:
    destination = 'name="pacs",ae_title="P",host="127.0.0.1",port=1,objects=["sr","ko"],dialect="basic"'
    ichor.environment["ICHOR__DESTINATIONS"] = f"[{{{destination}}}]"
    done = ichor.command("doctor", "--preview", "look")
    made = {one.name for one in (ichor.folder / "look").iterdir()}
    assert made == {"source", "sr-basic.dcm", "sr-basic.txt", "ko-1.dcm", "ko-1.txt"}
    assert "for pacs" in done.stdout
    assert "POSITIVE: intracranial haemorrhage suspected" in (ichor.folder / "look/sr-basic.txt").read_text()
    assert (ichor.folder / "data").exists() is False, "a preview needs no node"
    if shutil.which("dciodvfy") is None:
        pytest.skip("dciodvfy is not installed: apt-get install dicom3tools")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count(": valid") == 2


def test_preview_without_destinations_and_validator_makes_all_and_vouches_for_none(ichor: Node) -> None:
    ichor.environment["PATH"] = str(ichor.folder)
    done = ichor.command("doctor", "--preview", "look")
    made = {one.name for one in (ichor.folder / "look").glob("*.dcm")}
    assert made >= {"sc-1.dcm", "sr-tid1500.dcm", "sr-enhanced.dcm", "sr-basic.dcm", "ko-1.dcm", "gsps-1.dcm"}
    assert "dciodvfy is not installed: install dicom3tools (Debian, Ubuntu: apt-get install dicom3tools)" in done.stdout
    assert done.returncode == 1


def test_preview_into_a_file_is_bad_usage(ichor: Node) -> None:
    (ichor.folder / "look").write_text("")
    done = ichor.command("doctor", "--preview", "look")
    assert done.returncode == 2
    assert "takes a folder" in done.stderr
