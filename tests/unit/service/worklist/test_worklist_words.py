"""Plain words for ledger values."""

from __future__ import annotations

import pytest

from service.domain.scan import Patient
from service.worklist.views import person_line
from service.worklist.words import day, finding_name, iso, lapse, percent, person_name, sentence, span


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Doe^Jane", "Doe, Jane"),
        ("Doe^Jane^Mary^Dr^MD", "Doe, Jane Mary"),
        ("Doe", "Doe"),
        ("^Jane", "Jane"),
        ("", ""),
        ("^^^^", ""),
        ("Yamada^Tarou=山田^太郎=やまだ^たろう", "Yamada, Tarou (山田 太郎)"),
        ("=山田^太郎", "山田, 太郎"),
        ("<b>X</b>^Y", "<b>X</b>, Y"),
    ],
)
def test_person_names(name: str, shown: str) -> None:
    assert person_name(name) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (-5, "a moment"),
        (9, "a moment"),
        (59, "50 s"),
        (60, "1 min"),
        (3599, "59 min"),
        (5400, "1 h 30 min"),
        (2e5, "2 days"),
    ],
)
def test_spans_are_coarse(seconds: float, shown: str) -> None:
    assert span(seconds) == shown


def test_measured_times_keep_their_tenths() -> None:
    assert (lapse(33.44), lapse(90)) == ("33.4 s", "1 min")


@pytest.mark.parametrize(
    ("chance", "shown"),
    [(None, ""), (0.0, "< 1 %"), (0.0099, "< 1 %"), (0.5, "50 %"), (0.99, "99 %"), (0.991, "> 99 %"), (1.0, "> 99 %")],
)
def test_no_probability_is_shown_as_certain(chance: float | None, shown: str) -> None:
    assert percent(chance) == shown


def test_small_words() -> None:
    assert iso(0) == "1970-01-01T00:00:00.000+00:00"
    assert iso(None) is None
    assert (day("19500102"), day("1950")) == ("1950-01-02", "1950")
    assert (finding_name("any"), finding_name("subdural")) == ("Any haemorrhage", "Subdural")
    assert sentence("reading failed") == "Reading failed"


def test_the_person_line_tells_what_is_known() -> None:
    assert person_line(Patient()) == ""
    assert person_line(Patient(patient_id="7", sex="F", age_years=71)) == "7 · F · 71 y"
    assert person_line(Patient(birth_date="19500102")) == "born 1950-01-02"
