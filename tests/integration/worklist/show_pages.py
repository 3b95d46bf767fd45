"""Serve the pages over invented cases: PYTHONPATH=. python tests/integration/worklist/show_pages.py PORT [alarm]."""

from __future__ import annotations

import sys
import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import conftest
import numpy as np
import uvicorn

from models.phantom.make import make_phantom
from service.domain.scan import Patient
from service.domain.verdict import Verdict
from service.ledger.codec import to_json
from service.worklist import create_app

RUN = "6 slices in a row span 30 mm above 0.50; a run of 10 mm is enough."
CLEAR = "No slice lies above 0.50; a run of 10 mm is needed."
ROLES = ("receive", "read", "deliver", "tend", "web")


def head_pictures() -> list[bytes]:
    """Slices of a phantom in a brain window, the bleed tinted in the right half."""
    phantom = make_phantom("intraparenchymal", 7)
    areas = (phantom.truth > 0).sum(axis=(1, 2))
    return [_two_up(phantom.hu[at], phantom.truth[at] > 0) for at in np.argsort(-areas)[:4]]


def _two_up(hu: Any, bleed: Any) -> bytes:
    grey = np.clip((hu / 80) * 255, 0, 255).astype(np.uint8)
    plain = np.repeat(grey[..., None], 3, axis=2)
    tinted = plain.copy()
    tinted[bleed] = (tinted[bleed] * 0.4 + np.array([255, 96, 48]) * 0.6).astype(np.uint8)
    return conftest.picture_file(np.concatenate([plain, tinted], axis=1))


def person(number: str, name: str, sex: str, age: float) -> Patient:
    return Patient(patient_id=number, name=name, sex=sex, age_years=age)


def fill(node: Any, alarm: bool) -> None:
    """Put one case of each kind in."""
    told = {"verdict": "positive", "probability": 0.91, "why": RUN, "concluded_at": node.now - (140 if alarm else 4)}
    sent = person("7730412", "Okafor^Chidi", "M", 58)
    node.study("delivering", "HIGH", 260 if alarm else 41, patient=sent, **told)
    first = node.positive(540, patient=person("4471902", "Lindqvist^Maja", "F", 71), description="CT head, fall")
    scout = replace(
        conftest.conclusion(f"{first}.1", False), verdict=Verdict.NOT_ANALYSED, probability=None, slices=(),
        findings=(), why="This is a localiser, not an axial scan.",
    )  # fmt: skip
    node.series(first, 2, number=1, description="Topogram", conclusion=to_json(scout))
    thin = replace(conftest.conclusion(f"{first}.3", False), why=CLEAR, description="Head 1.0 thin")
    node.series(first, 140, number=3, description="Head 1.0 thin", conclusion=to_json(thin))
    node.positive(9400, patient=person("1180377", "Yamada^Tarou=山田^太郎=やまだ^たろう", "M", 64))
    arriving = node.study(age=14, patient=person("5520018", "Novak^Petra", "F", 34), description="CT head, trauma")
    node.series(arriving, 23, announced=40, state="open")
    node.series(node.study("reading", age=52, patient=person("6038441", "Haddad^Karim", "M", 49)))
    node.series(node.study("waiting", age=31, patient=person("9001276", "Brandt^Elke Sophie", "F", 82)))
    refused = {"verdict": "not_analysed", "concluded_at": node.now - 1280}
    angio = "Contrast agent was given; only scans without contrast are read."
    node.study("not_analysed", age=1300, patient=person("3349127", "Rossi^Giulia", "F", 45), why=angio, **refused)
    short = "3 slices only; at least 10 are needed."
    node.study("not_analysed", age=5400, patient=person("2275509", "Dubois^Hugo", "M", 7), why=short, **refused)
    if alarm:
        failed = node.study("failed", age=2200, why="reading failed and was given up: the worker ran out of memory")
        node.dead_delivery(failed)
    names = ("Svensson^Karl", "Garcia^Lucia", "Nguyen^Minh", "Smith^Oliver", "Kowalska^Anna")
    for at, name in enumerate(names):
        age = 820.0 + 1500 * at
        times = {"concluded_at": node.now - age + 28, "notified_at": node.now - age + 31}
        who = person(f"66012{at}", name, "MF"[at % 2], 40 + 7 * at)
        node.study("done", "LOW", age, patient=who, verdict="negative", probability=0.02 * at, why=CLEAR, **times)


def main() -> None:
    """Serve until interrupted, with every role showing signs of life unless an alarm is wanted."""
    alarm = "alarm" in sys.argv
    with tempfile.TemporaryDirectory() as folder:
        node = conftest.found_hospital(Path(folder))
        node.now = time.time()
        pictures = head_pictures()
        conftest.picture = lambda seed: pictures[seed]
        fill(node, alarm)
        threading.Thread(target=_live, args=(node, ROLES[2:] if alarm else ROLES), daemon=True).start()
        uvicorn.run(create_app(node.ports(clock=time.time)), port=int(sys.argv[1]), log_level="warning")


def _live(node: Any, roles: tuple[str, ...]) -> None:
    while True:
        node.now = time.time()
        node.pulse(*roles)
        time.sleep(2)


if __name__ == "__main__":
    main()
