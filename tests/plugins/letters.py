"""News, letters and studies to tell about, made by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from service.domain.notice import News, Told
from service.domain.scan import Patient
from service.domain.verdict import Priority, Verdict
from service.notify.letter import Letter

AT = 1_790_000_000.0
KINDS = (("any", 0.97), ("epidural", 0.06), ("subdural", 0.41), ("intraparenchymal", 0.94))
PATIENT = Patient(patient_id="P-0042", name="Müller^Jürgen^A^Dr^Jr", birth_date="19550102", sex="M")
PRIORITIES = {
    Verdict.POSITIVE: Priority.HIGH, Verdict.NEGATIVE: Priority.LOW, Verdict.NOT_ANALYSED: Priority.MEDIUM,
}  # fmt: skip


def news(verdict: Verdict = Verdict.POSITIVE, **more: Any) -> News:
    """What was concluded; ``answer`` is the verdict unless said otherwise."""
    read = verdict is not Verdict.NOT_ANALYSED
    made = News(
        verdict=verdict,
        priority=PRIORITIES[verdict],
        probability=0.97 if read else None,
        why="9 slices in a row span 45 mm above 0.50" if read else "contrast was given (DOE JOHN special)",
        answer=verdict.value,
        findings=KINDS if read else (),
        leading_series="2.25.77.2" if read else None,
        pack=("default", "1.0.0", "ab" * 32) if read else None,
        concluded_at=AT,
    )
    return replace(made, **more)


def letter(verdict: Verdict = Verdict.POSITIVE, **more: Any) -> Letter:
    """A letter as it may leave where nothing about the patient is let through."""
    made = Letter(
        key="0123456789abcdef" * 4,
        number=1,
        study_uid="2.25.77",
        news=news(verdict),
        wanted=True,
        earlier=(),
        patient=None,
        accession_number="",
        study_moment="",
        received_at=AT - 31,
        link="https://triage.example/studies/2.25.77",
    )
    return replace(made, **more)


def told(verdict: Verdict = Verdict.POSITIVE, letter_: str = "e") -> Told:
    """An earlier notice."""
    return Told(key=letter_ * 64, verdict=verdict)
