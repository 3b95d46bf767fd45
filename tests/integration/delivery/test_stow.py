"""STOW-RS to the real Orthanc, and to services that answer oddly; proof by looking."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from service.delivery import web_client
from service.delivery.commit import CommitmentRound
from service.delivery.web_client import greet
from service.errors import DestinationDown
from service.peers import Destination
from service.settings import DeliverySettings

NOW = 1_000_000.0
SC = "1.2.840.10008.5.1.4.1.1.7"
JSON = "application/dicom+json"


def web(url: str, **more: Any) -> Destination:
    return Destination(name="pacs", url=url, **more)


@dataclass
class Service:
    """A DICOMweb service that says what it is told to, and remembers what it was asked."""

    port: int
    #: (method) -> status, body, content type; the last one stays
    says: dict[str, list[tuple[int, bytes, str]]] = field(default_factory=dict)
    asked: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/dicom-web"

    def answer(self, method: str) -> tuple[int, bytes, str]:
        answers = self.says.get(method) or [(404, b"", "")]
        return answers.pop(0) if len(answers) > 1 else answers[0]


@pytest.fixture
def service() -> Iterator[Service]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            one.asked.append((self.command, self.path, dict(self.headers.items()), body))
            status, content, kind = one.answer(self.command)
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_GET = _serve

        def log_message(self, *_: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    one = Service(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield one
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def asking(outbox: Any, settings: DeliverySettings) -> Callable[..., CommitmentRound]:
    return lambda *places: CommitmentRound(places, outbox.ledger, settings, "ICHOR")


@pytest.mark.peer
def test_orthanc_takes_objects_by_stow_and_is_looked_at(outbox: Any, sending: Any, asking: Any, orthanc: Any) -> None:
    place = web(f"http://127.0.0.1:{orthanc.http_port}/dicom-web")
    greet(place)
    uids = outbox.put("1.2.1", objects=3)
    assert sending(place).run_once(NOW) == 3
    assert outbox.states("1.2.1") == ["sent"] * 3, outbox.error("1.2.1")
    assert orthanc.sop_uids() == sorted(uids)

    asking(place).run_once(NOW + 120)
    assert outbox.states("1.2.1") == ["committed"] * 3, outbox.error("1.2.1")


@pytest.mark.peer
def test_the_bytes_orthanc_gets_are_those_of_the_file(outbox: Any, sending: Any, orthanc: Any) -> None:
    from io import BytesIO

    from pydicom import dcmread

    (uid,) = outbox.put("1.2.1", objects=1)
    sending(web(f"http://127.0.0.1:{orthanc.http_port}/dicom-web")).run_once(NOW)
    (there,) = orthanc.find("Instance", uid)
    came = dcmread(BytesIO(orthanc.ask("GET", f"/instances/{there}/file")))
    (kept,) = [dcmread(one) for one in outbox.store.root.rglob("*.dcm")]
    assert came == kept
    assert came.file_meta.TransferSyntaxUID == kept.file_meta.TransferSyntaxUID


@pytest.mark.peer
def test_what_orthanc_lost_is_looked_for_again_then_sent_again(
    outbox: Any, sending: Any, asking: Any, orthanc: Any
) -> None:
    place = web(f"http://127.0.0.1:{orthanc.http_port}/dicom-web")
    uids = outbox.put("1.2.1", objects=2)
    sending(place).run_once(NOW)
    (lost,) = orthanc.find("Instance", uids[1])
    orthanc.ask("DELETE", f"/instances/{lost}")
    now = NOW + 120
    asking(place).run_once(now)
    assert outbox.states("1.2.1") == ["committed", "sent"]
    assert outbox.error("1.2.1") == "; not found there yet, looked for again"
    for _ in range(5):
        now = float(outbox.rows("1.2.1")[1]["commit_due_at"])
        asking(place).run_once(now)
        if outbox.states("1.2.1")[1] != "sent":
            break
    assert outbox.states("1.2.1") == ["committed", "retrying"]
    assert "it is sent again" in outbox.error("1.2.1")
    sending(place).run_once(now + 100)
    asking(place).run_once(now + 200)
    assert outbox.states("1.2.1") == ["committed", "committed"]


def said(sequence: str, uid: str, reason: str = "", code: int = 0) -> bytes:
    item = {"00081150": {"vr": "UI", "Value": [SC]}, "00081155": {"vr": "UI", "Value": [uid]}}
    if reason:
        item[reason] = {"vr": "US", "Value": [code]}  # type: ignore[dict-item]
    return json.dumps({sequence: {"vr": "SQ", "Value": [item]}}).encode()


FAILED, KEPT, FAILURE, WARNING = "00081198", "00081199", "00081197", "00081196"


@pytest.mark.parametrize(
    ("status", "body", "kind", "state", "words"),
    [
        (200, said(KEPT, "1.2.1.9.1"), JSON, "sent", ""),
        (200, b"", "", "sent", ""),
        (200, b"<NativeDicomModel/>", "application/dicom+xml", "sent", ""),
        (200, b"{not json", JSON, "sent", ""),
        (202, said(KEPT, "1.2.1.9.1", WARNING, 0xB000), JSON, "sent", "took it with a warning: coerced (B000H)"),
        (202, said(FAILED, "1.2.1.9.1", FAILURE, 0xA700), JSON, "retrying", "out of resources (A700H)': free some"),
        (202, said(FAILED, "1.2.1.9.1", FAILURE, 0xA700), f"{JSON}; charset=utf-8", "retrying", "out of resources"),
        (409, said(FAILED, "1.2.1.9.1", FAILURE, 0x0122), JSON, "retrying", "class not supported (0122H)"),
        (409, said(FAILED, "1.2.1.9.1", FAILURE, 0x0124), JSON, "retrying", "not authorized (0124H)"),
        (409, said(FAILED, "1.2.1.9.1"), JSON, "retrying", "processing failure (0110H)"),
        (409, b"no", "text/plain", "retrying", "refused with HTTP 409: look into its log"),
        (400, b"", "", "retrying", "refused with HTTP 400"),
        (413, b"", "", "retrying", "refused with HTTP 413"),
        (415, b"", "", "retrying", "refused with HTTP 415"),
        (401, b"", "", "retrying", "does not accept our login: mend user and secret (HTTP 401)"),
        (403, b"", "", "retrying", "does not let us store or look there"),
        (404, b"", "", "retrying", "has no DICOMweb service at this url: mend url (HTTP 404)"),
        (500, b"", "", "retrying", "is in trouble itself: look into its log (HTTP 500)"),
        (503, b"", "", "retrying", "(HTTP 503)"),
        (429, b"", "", "retrying", "is busy"),
        (302, b"", "", "retrying", "refused with HTTP 302"),
        (200, b"<html>Log in</html>", "text/html; charset=utf-8", "retrying", "answers with a web page: mend url"),
    ],
)
def test_what_a_service_says_becomes_what_follows(
    outbox: Any, sending: Any, service: Service, status: int, body: bytes, kind: str, state: str, words: str
) -> None:
    service.says["POST"] = [(status, body, kind)]
    outbox.put("1.2.1", objects=1)
    sending(web(service.url)).run_once(NOW)
    assert outbox.states("1.2.1") == [state]
    assert words in outbox.error("1.2.1")
    assert [one[0:2] for one in service.asked] == [("POST", "/dicom-web/studies")], "asked once: retrying is ours"


def test_a_service_in_trouble_rests_with_all_its_objects(outbox: Any, sending: Any, service: Service) -> None:
    service.says["POST"] = [(503, b"", "")]
    outbox.put("1.2.1", objects=3)
    rounds = sending(web(service.url))
    rounds.run_once(NOW)
    assert outbox.states("1.2.1") == ["retrying"] * 3
    assert len(service.asked) == 1
    assert rounds.run_once(NOW + 0.1) == 0, "it rests"
    service.says["POST"] = [(200, b"", "")]
    assert rounds.run_once(NOW + 120) == 3
    assert outbox.states("1.2.1") == ["sent"] * 3


def test_nobody_there(outbox: Any, sending: Any, free_port: Any) -> None:
    outbox.put("1.2.1", objects=2)
    sending(web(f"http://127.0.0.1:{free_port()}/dicom-web")).run_once(NOW)
    assert outbox.states("1.2.1") == ["retrying"] * 2
    assert "nobody answers at http://127.0.0.1" in outbox.error("1.2.1")


def test_a_service_that_hangs_is_left(outbox: Any, sending: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    monkeypatch.setattr(web_client, "ANSWER_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        outbox.put("1.2.1", objects=1)
        sending(web(f"http://127.0.0.1:{mute.getsockname()[1]}/dicom-web")).run_once(NOW)
    assert outbox.states("1.2.1") == ["retrying"]
    assert "does not answer" in outbox.error("1.2.1")


def test_secrets_come_from_file_or_environment_and_stay_out_of_the_log(
    outbox: Any, sending: Any, service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    caplog.set_level("DEBUG")
    service.says["POST"] = [(401, b"", "")]
    kept = tmp_path / "token"
    kept.write_text("t0p-Secret\n")
    monkeypatch.setenv("PACS_PASSWORD", "pa55-Word")
    outbox.put("1.2.1", objects=1)
    sending(web(service.url, secret=f"file:{kept}")).run_once(NOW)
    assert service.asked[-1][2]["Authorization"] == "Bearer t0p-Secret"
    kept.write_text("changed")
    sending(web(service.url, secret=f"file:{kept}")).run_once(NOW + 100)
    assert service.asked[-1][2]["Authorization"] == "Bearer changed", "read anew each time"
    sending(web(service.url, user="ichor", secret="env:PACS_PASSWORD")).run_once(NOW + 300)
    assert service.asked[-1][2]["Authorization"] == "Basic aWNob3I6cGE1NS1Xb3Jk"
    for secret in ("t0p-Secret", "pa55-Word", "aWNob3I6cGE1NS1Xb3Jk"):
        assert secret not in caplog.text
        assert secret not in outbox.error("1.2.1")


@pytest.mark.parametrize("secret", ["file:/nowhere/token", "env:NOT_SET_ANYWHERE"])
def test_a_secret_that_cannot_be_read_is_named(outbox: Any, sending: Any, service: Service, secret: str) -> None:
    outbox.put("1.2.1", objects=1)
    sending(web(service.url, secret=secret)).run_once(NOW)
    assert service.asked == []
    assert f"cannot be read or is empty: mend {secret}" in outbox.error("1.2.1")


def test_a_server_without_a_certificate_we_trust_gets_nothing(
    outbox: Any, sending: Any, tmp_path: Path, program: Any
) -> None:
    import ssl
    import subprocess

    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(
        [program("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", str(key), "-out", str(cert),
         "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"],
        check=True, capture_output=True,
    )  # fmt: skip
    got: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            got.append(self.path)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    url = f"https://localhost:{server.server_address[1]}/dicom-web"
    outbox.put("1.2.1", objects=1)
    sending(web(url)).run_once(NOW)
    assert got == []
    assert "shows no certificate we trust" in outbox.error("1.2.1")
    sending(web(url, ca_file=cert)).run_once(NOW + 100)
    assert (got, outbox.states("1.2.1")) == (["/dicom-web/studies"], ["sent"])
    sending(web(url, ca_file=tmp_path / "none")).run_once(NOW + 200)
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_service_that_does_not_let_us_look_is_asked_again(
    outbox: Any, sending: Any, asking: Any, service: Service
) -> None:
    service.says |= {"POST": [(200, b"", "")], "GET": [(403, b"", "")]}
    place = web(service.url)
    outbox.put("1.2.1", objects=1)
    sending(place).run_once(NOW)
    asking(place).run_once(NOW + 120)
    assert outbox.states("1.2.1") == ["sent"]
    assert outbox.error("1.2.1").startswith("not proven yet: pacs at http://127.0.0.1")
    shown = json.dumps([{"00080016": {"vr": "UI", "Value": [SC]}, "00080018": {"vr": "UI", "Value": ["1.2.1.9.1"]}}])
    service.says["GET"] = [(200, shown.encode(), JSON)]
    asking(place).run_once(NOW + 181)
    assert outbox.states("1.2.1") == ["committed"]
    assert service.asked[-1][1] == "/dicom-web/studies/1.2.1/series/1.2.1.9/instances/1.2.1.9.1/metadata"


def test_an_object_shown_as_another_class_is_no_proof(outbox: Any, sending: Any, asking: Any, service: Service) -> None:
    shown = json.dumps([{"00080016": {"vr": "UI", "Value": ["1.2.840.10008.5.1.4.1.1.2"]}}])
    service.says |= {"POST": [(200, b"", "")], "GET": [(200, shown.encode(), JSON)]}
    place = web(service.url)
    outbox.put("1.2.1", objects=1)
    sending(place).run_once(NOW)
    asking(place).run_once(NOW + 120)
    assert outbox.states("1.2.1") == ["sent"]
    assert "another SOP class" in outbox.error("1.2.1")


def test_without_commit_nobody_looks(outbox: Any, sending: Any, asking: Any, service: Service) -> None:
    service.says["POST"] = [(200, b"", "")]
    place = web(service.url, commit=False)
    outbox.put("1.2.1", objects=1)
    sending(place).run_once(NOW)
    assert asking(place).run_once(NOW + 120) == 0
    assert outbox.states("1.2.1") == ["sent"]


def test_nobody_is_followed_elsewhere(outbox: Any, sending: Any, service: Service) -> None:
    elsewhere = f"{service.url}/login"
    service.says["POST"] = [(302, b"", f"text/plain\r\nLocation: {elsewhere}")]
    service.says["GET"] = [(200, b"welcome", "text/plain")]
    outbox.put("1.2.1", objects=1)
    sending(web(service.url)).run_once(NOW)
    assert outbox.states("1.2.1") == ["retrying"]
    assert "sends us elsewhere" in outbox.error("1.2.1")
    assert [one[0] for one in service.asked] == ["POST"]


def test_doctor_says_what_is_wrong(service: Service) -> None:
    service.says["GET"] = [(200, b"[]", JSON)]
    greet(web(service.url))
    service.says["GET"] = [(404, b"", "")]
    with pytest.raises(DestinationDown, match="no DICOMweb service"):
        greet(web(service.url))
