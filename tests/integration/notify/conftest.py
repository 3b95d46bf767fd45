"""Studies whose answers are told: an outbox in a real ledger, and rounds over real sockets."""

from __future__ import annotations

import ssl
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from letters import AT, PATIENT, news
from sqlalchemy import insert, select

from service.domain.ids import StudyUid
from service.domain.notice import Addressee, NoticeKind
from service.domain.scan import StudyHeader
from service.domain.verdict import Verdict
from service.ledger import notices as verbs
from service.ledger.book import Ledger, open_ledger
from service.ledger.codec import to_json
from service.ledger.tables import events, notices, studies
from service.notify.ports import Messenger
from service.notify.send import NoticeRound
from service.targets import NotifySettings

NOW = AT
FLAGGED = frozenset({Verdict.POSITIVE})
SETTINGS = NotifySettings(first_pause_seconds=5, longest_pause_seconds=300, give_up_after_hours=24)


@dataclass
class Outbox:
    """Puts news into the outbox as the worker does, and reads back where it stands."""

    ledger: Ledger

    def conclude(
        self, study: str, *to: str, verdict: Verdict = Verdict.POSITIVE, kind: NoticeKind = NoticeKind.HL7,
        at: float = NOW, on: frozenset[Verdict] = FLAGGED, **more: Any,
    ) -> int:  # fmt: skip
        self.study(study)
        said = news(verdict, concluded_at=at, **more)
        addressees = [Addressee(name=name, kind=kind, on=on) for name in to]
        with self.ledger.writing() as db:
            return verbs.queue(db, study, f"f{verdict}", said, addressees)

    def study(self, study: str) -> None:
        header = StudyHeader(study_uid=StudyUid(study), accession_number="ACC4711")
        row = {"study_uid": study, "patient": to_json(PATIENT), "header": to_json(header), "state": "done"}
        row |= {"priority": "HIGH", "urgency": 0, "received_at": NOW - 31, "last_arrival_at": NOW - 20, "why": ""}
        with self.ledger.writing() as db:
            if db.scalar(select(studies.c.study_uid).where(studies.c.study_uid == study)) is None:
                db.execute(insert(studies).values(row))

    def rows(self, study: str, target: str | None = None) -> list[dict[str, Any]]:
        query = select(notices).where(notices.c.study_uid == study).order_by(notices.c.target, notices.c.number)
        with self.ledger.reading() as db:
            found = [dict(row._mapping) for row in db.execute(query)]
        return [row for row in found if target in (None, row["target"])]

    def states(self, study: str, target: str | None = None) -> list[str]:
        return [str(row["state"]) for row in self.rows(study, target)]

    def error(self, study: str) -> str:
        return str(self.rows(study)[-1]["error"])

    def steps(self, study: str) -> list[str]:
        query = select(events.c.step).where(events.c.study_uid == study).order_by(events.c.id)
        with self.ledger.reading() as db:
            return [str(step) for step in db.scalars(query)]


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    ledger = open_ledger(f"sqlite:///{tmp_path / 'ledger.sqlite3'}")
    yield Outbox(ledger)
    ledger.close()


@pytest.fixture
def telling_round(outbox: Outbox) -> Callable[..., NoticeRound]:
    def make(*messengers: Messenger, **more: Any) -> NoticeRound:
        made = NoticeRound(messengers, outbox.ledger, more.pop("settings", SETTINGS), "https://triage.example")
        made.jitter = lambda: 0.5
        return made

    return make


@dataclass(frozen=True)
class Certificate:
    """A certificate for localhost that nobody vouches for but itself."""

    file: Path
    context: ssl.SSLContext


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    folder = tmp_path_factory.mktemp("tls")
    file, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
            "-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(file),
        ],
        check=True,
        capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file, key)
    return Certificate(file, context)
