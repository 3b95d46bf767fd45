"""What users script against, tried as a stranger would: one line per mistake, doors, neighbours, the same UIDs."""

from __future__ import annotations

import json
import os
import pty
import shutil
import socket
import sqlite3
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pydicom
import pytest
from heads import Study
from nodes import Node, wait_until
from prometheus_client.parser import text_string_to_metric_families

ROW = {
    "study_instance_uid", "accession_number", "patient_id", "patient_name", "state", "priority", "verdict",
    "probability", "received_at", "concluded_at", "notified_at", "why",
}  # fmt: skip


@pytest.fixture
def ichor(node_in: Callable[..., Node]) -> Node:
    return node_in()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["practice", "--to", "127.0.0.1:99999", "--aet", "X"], "a port from 1 to 65535"),
        (["practice", "--to", "127.0.0.1:104", "--aet", "LONGER THAN SIXTEEN"], "1 to 16 characters"),
        (["bogus"], "No such command 'bogus'"),
        (["pack", "verify"], "Missing argument 'NAME'; ichor pack verify --help says how"),
        (["token", "create"], "Missing option '--role'"),
        (["--config", "x.toml", "status"], "No such option"),
        (["user", "add", "bob"], "give --password"),
        (["phantom", "out", "--finding", "none", "--seed", "1", "--vendor", "acme"], "no such vendor: 'acme'"),
    ],
)
def test_a_mistake_is_one_line_with_the_mend(ichor: Node, arguments: list[str], said: str) -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-m", "service", *arguments],
        cwd=ichor.folder, env=ichor.environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.startswith("ichor: ")
    assert len(done.stderr.splitlines()) == 1
    assert said in done.stderr


@pytest.mark.parametrize("url", ["bogus://x", "sqlite:////proc/nothing/ledger"])
def test_a_database_that_cannot_be_used_is_one_line(ichor: Node, url: str) -> None:
    ichor.environment["ICHOR__DATABASE__URL"] = url
    done = ichor.command("migrate")
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1), done.stderr
    doctor = ichor.command("doctor")
    assert doctor.returncode == 1
    assert "FAIL database" in doctor.stdout
    assert "mend: check [database] url" in doctor.stdout


def test_migrate_leaves_a_newer_database_alone(ichor: Node) -> None:
    assert ichor.command("migrate").stdout.startswith("the database stands at revision")
    file = ichor.folder / "data/ledger.sqlite3"
    with closing(sqlite3.connect(file)) as db, db:
        db.execute("UPDATE alembic_version SET version_num = '9999'")
    for verb in ("migrate", "serve"):
        done = ichor.command(verb)
        assert (done.returncode, len(done.stderr.splitlines())) == (2, 1), done.stderr
        assert "newer Ichor" in done.stderr
    assert ichor.command("status").returncode == 2
    file.write_bytes(b"this is no database, and long enough to be looked at")
    done = ichor.command("migrate")
    assert done.returncode == 2
    assert "file is not a database" in done.stderr


def test_a_taken_practice_port_is_one_line(ichor: Node) -> None:
    with socket.create_server(("127.0.0.1", ichor.archive)):
        done = ichor.command("serve", "--practice")
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith(f"ichor: port {ichor.archive} on 127.0.0.1 cannot be opened")
    assert "[practice] port" in done.stderr
    assert "Traceback" not in done.stderr


def test_doctor_names_the_mend_of_each_failure(ichor: Node) -> None:
    ichor.environment["ICHOR__DESTINATIONS"] = '[{name="pacs",ae_title="PACS",host="127.0.0.1",port=9}]'
    ichor.environment["ICHOR__DISK__MIN_FREE_MB"] = "1e12"
    ichor.environment["ICHOR__MODEL__PACK"] = "nopack"
    with socket.create_server(("127.0.0.1", ichor.dicom)):
        said = ichor.command("doctor").stdout.splitlines()
    failed = [at for at, line in enumerate(said) if line.startswith("FAIL")]
    assert [said[at].split(":")[0].removeprefix("FAIL ") for at in failed] == [
        "pack", "data folder", "DICOM port", "destination pacs",
    ]  # fmt: skip
    assert all(said[at + 1].startswith("     mend: ") for at in failed)


def test_a_bar_on_a_terminal_and_one_line_per_step_elsewhere(ichor: Node, head: Callable[..., Study]) -> None:
    folder = str(head("none").paths[0].parent)
    plain = ichor.command("read", folder)
    assert plain.stderr.splitlines()[-1] == "16/16 slices read"
    screen, terminal = pty.openpty()
    command = [sys.executable, "-P", "-m", "service", "read", folder]
    done = subprocess.run(
        command, cwd=ichor.folder, env=ichor.environment, stderr=terminal, stdout=subprocess.PIPE, check=True
    )
    os.close(terminal)
    shown = os.read(screen, 65536).decode()
    os.close(screen)
    assert "\r[###############               ] 8/16 slices read" in shown
    assert done.stdout.startswith(b"verdict")


def test_the_workshop_without_torch_says_so_in_one_line(ichor: Node) -> None:
    """An import hook stands for a venv without the train extra."""
    hide = (
        "import sys, importlib.util as u; real = u.find_spec\n"
        "u.find_spec = lambda n, *a: None if n == 'torch' else real(n, *a)\n"
    )
    for verb in ("train", "export"):
        code = f"{hide}sys.argv = ['ichor', '{verb}']\nfrom service.cli import main; main()"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
        assert 'pip install ".[train]"' in done.stderr


@pytest.fixture(scope="module")
def guarded(module_node: Callable[..., Node]) -> Iterator[Node]:
    """A node with a list of senders, a pack folder and a GPU that is not there."""
    import models.card

    node = module_node()
    shutil.copytree(models.card.PACKS / "default", node.folder / "mypack")
    node.environment |= {
        "ICHOR__SENDERS": '[{ae_title="CT1"}, {ae_title="CT2", host="10.9.9.9"}]',
        "ICHOR__MODEL__PACK": str(node.folder / "mypack"),
        "ICHOR__MODEL__DEVICE": "cuda",
    }
    node.start()
    yield node
    node.end()


def store(node: Node, program: str, calling: str, study: Study) -> int:
    command = [program, "-aet", calling, "-aec", "ICHOR", "127.0.0.1", str(node.dicom), *map(str, study.paths)]
    return subprocess.run(command, capture_output=True, check=False).returncode


def code_of(node: Node, path: str, token: str = "", method: str = "GET") -> int:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    request = urllib.request.Request(f"http://127.0.0.1:{node.web}{path}", method=method, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refusal:
        return int(refusal.code)


def test_only_the_senders_named_come_in_and_the_row_is_as_promised(
    guarded: Node, head: Callable[..., Study], program: Callable[[str], str]
) -> None:
    study, storescu = head("epidural"), program("storescu")
    assert store(guarded, storescu, "EVIL", study) != 0
    assert store(guarded, storescu, "CT2", study) != 0
    assert guarded.api("/api/worklist") == {"studies": [], "next": None}
    assert store(guarded, storescu, "CT1", study) == 0
    row = guarded.settled(study.uid)
    assert set(row) == ROW
    assert (row["state"], row["verdict"], row["priority"]) == ("done", "positive", "HIGH")
    assert datetime.fromisoformat(row["received_at"]).tzinfo is not None
    assert row["notified_at"] is None
    assert "asked for device 'cuda' but ONNX Runtime runs on the CPU" in guarded.log.read_text()


def test_filters_and_pages(guarded: Node) -> None:
    assert guarded.api("/api/worklist?state=failed")["studies"] == []
    assert len(guarded.api("/api/worklist?state=done&priority=HIGH&limit=1")["studies"]) == 1
    for wrong in ("state=bogus", "priority=high", "limit=0", "limit=x"):
        assert code_of(guarded, f"/api/worklist?{wrong}", guarded.token) == 422
    assert code_of(guarded, "/api/worklist?after=zzz", guarded.token) == 400


def test_every_path_asks_who_is_there(guarded: Node) -> None:
    reader = guarded.command("token", "create", "--role", "reader").stdout.strip()
    for path in ("/api/worklist", "/api/queue", "/metrics"):
        assert [code_of(guarded, path, token) for token in ("", "wrong", reader)] == [401, 401, 200]
    assert [code_of(guarded, path) for path in ("/healthz", "/readyz")] == [200, 200]
    deed = "/api/studies/1.2.3/replay"
    assert [code_of(guarded, deed, token, "POST") for token in ("", reader, guarded.token)] == [401, 403, 404]


def test_metrics_can_be_parsed(guarded: Node) -> None:
    request = urllib.request.Request(
        f"http://127.0.0.1:{guarded.web}/metrics", headers={"Authorization": f"Bearer {guarded.token}"}
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        families = {one.name for one in text_string_to_metric_families(answer.read().decode())}
    assert {"ichor_studies", "ichor_deliveries", "ichor_received_objects"} <= families


def archived(node: Node) -> dict[str, tuple[str, str]]:
    files = (node.folder / "data/practice-archive").rglob("*.dcm")
    return {ds.SOPInstanceUID: (ds.StudyInstanceUID, ds.PatientID) for ds in map(pydicom.dcmread, files)}


def test_the_same_study_makes_the_same_objects_after_the_data_folder_is_lost(ichor: Node) -> None:
    ichor.start("--practice")
    log = ichor.log.read_text()
    assert f"practice archive: DICOM PRACTICE at 127.0.0.1:{ichor.archive}, objects in " in log

    def both_done() -> bool:
        return [one["state"] for one in ichor.api("/api/worklist")["studies"]] == ["done", "done"]

    wait_until(both_done, 60, "two done cases")
    first = archived(ichor)
    assert ichor.stop() == 0
    shutil.rmtree(ichor.folder / "data")
    ichor.token = ""
    ichor.start("--practice")
    wait_until(both_done, 60, "two done cases again")
    assert len(first) >= 5
    assert archived(ichor) == first


def test_read_json_has_the_promised_types(ichor: Node, head: Callable[..., Study], tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text('[model]\npack = "default"\n')
    folder = str(head("epidural").paths[0].parent)
    said = ichor.command("read", folder, "--json", "--pack", "default", "--config", str(tmp_path / "own.toml"))
    answer = json.loads(said.stdout)
    assert isinstance(answer["why"], str)
    assert isinstance(answer["suitability"], list)
    assert all(isinstance(value, float) for value in answer["findings"].values())
    assert all(set(one) >= {"sop_instance_uid", "probability"} for one in answer["slices"])
