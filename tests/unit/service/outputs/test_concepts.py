"""Each code we send is in the dictionary that we say it is from, and in the documentation."""

from __future__ import annotations

from pathlib import Path

import pytest
from highdicom.sr import CodedConcept
from pydicom.sr._concepts_dict import concepts as dictionary

from service.outputs import concepts

DOCUMENT = Path(__file__).parents[4] / "docs/result-objects.md"
KINDS = ("epidural", "intraparenchymal", "intraventricular", "subarachnoid", "subdural")
#: vouched for by other public documents, named beside the code
ELSEWHERE = {"408729009", "C0034375", "en"}


def sent() -> list[CodedConcept]:
    named = [value for value in vars(concepts).values() if isinstance(value, CodedConcept)]
    return [*named, *(concepts.site_of(kind) for kind in KINDS), *(concepts.kind_of_bleed(kind) for kind in KINDS)]


@pytest.mark.parametrize("code", sent(), ids=lambda code: code.meaning)
def test_each_code_is_documented_and_vouched_for(code: CodedConcept) -> None:
    assert f"{code.value}" in DOCUMENT.read_text("utf-8")
    if code.scheme_designator != concepts.SCHEME and code.value not in ELSEWHERE:
        known = dictionary[code.scheme_designator].values()
        assert any(code.value in meanings for meanings in known)


def test_our_own_codes_fit_their_value_representations() -> None:
    for code in sent():
        assert len(code.value) <= 16
        assert len(code.meaning) <= 64


def test_a_kind_nobody_knows_is_still_coded() -> None:
    code = concepts.kind_of_bleed("chronic-subdural-hematoma")
    assert (len(code.value), code.scheme_designator) == (16, "99ICHOR")
    assert concepts.site_of("chronic-subdural-hematoma").value == "1101003"
