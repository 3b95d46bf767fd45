"""The JSON and its signature."""

from __future__ import annotations

import pytest
from letters import PATIENT, letter

from service.domain.verdict import Verdict
from service.errors import DestinationDown
from service.notify.webhook import SCHEMA, body_of, signature
from service.notify.words import NOTICE

FIELDS = [
    "schema", "id", "number", "supersedes", "study_instance_uid", "accession_number", "patient", "verdict", "headline",
    "priority", "probability", "findings", "why", "leading_series_instance_uid", "pack", "received_at", "concluded_at",
    "link", "notice",
]  # fmt: skip


def test_the_signature_is_that_of_the_published_example() -> None:
    made = signature(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "1614265330",
        b'{"test": 2432232314}',
    )
    assert made == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_any_other_secret_is_taken_as_it_stands() -> None:
    assert signature("one", "i", "1", b"") != signature("two", "i", "1", b"")
    assert signature("one", "i", "1", b"a") != signature("one", "i", "2", b"a")


def test_a_broken_secret_is_told_without_showing_it() -> None:
    with pytest.raises(DestinationDown, match="no base64") as raised:
        signature("whsec_%%%secret", "i", "1", b"")
    assert "secret%" not in str(raised.value) and "%%%" not in str(raised.value)


@pytest.mark.parametrize("verdict", list(Verdict))
def test_every_field_is_always_there(verdict: Verdict) -> None:
    body = body_of(letter(verdict))
    assert list(body) == FIELDS
    assert (body["schema"], body["notice"], body["verdict"]) == (SCHEMA, NOTICE, verdict.value)
    assert body["patient"] is None and body["accession_number"] is None


def test_with_a_patient_four_fields_name_it() -> None:
    assert body_of(letter(patient=PATIENT))["patient"] == {
        "id": "P-0042", "name": "Müller^Jürgen^A^Dr^Jr", "birth_date": "19550102", "sex": "M",
    }  # fmt: skip
