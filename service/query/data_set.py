"""Data sets as answers: values as the scanner wrote them, in a character set that holds them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from pydicom.config import IGNORE
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

UTF_8 = "ISO_IR 192"
LATIN_1 = "ISO_IR 100"


def data_set(values: Mapping[str, Any]) -> Dataset:
    """Return a data set of these keywords; what a scanner wrote against the rules of its VR goes out as it came."""
    made = Dataset()
    for keyword, value in values.items():
        tag = tag_for_keyword(keyword)
        assert tag is not None, keyword
        content = [one if isinstance(one, Dataset) else data_set(one) for one in value] if _nests(keyword) else value
        made.add(DataElement(tag, dictionary_VR(tag), content, validation_mode=IGNORE))
    return made


def _nests(keyword: str) -> bool:
    return keyword.endswith("Sequence")


def code(value: str, scheme: str, meaning: str) -> dict[str, str]:
    """Return a code sequence item (PS3.3 8.8)."""
    return {"CodeValue": value, "CodingSchemeDesignator": scheme, "CodeMeaning": meaning}


def moment(at: float | None) -> str:
    """Return a date and time in UTC (VR DT), empty for one that has not come."""
    return "" if at is None else f"{datetime.fromtimestamp(at, UTC):%Y%m%d%H%M%S.%f}+0000"


def declare_character_set(answer: Dataset, asked_in: str) -> None:
    """Name the character set where ASCII does not do: the asker's where it is Latin-1 and holds all, else Unicode."""
    said = "".join(str(element.value) for element in answer.iterall() if element.VR != "SQ")
    if said.isascii():
        return
    answer.SpecificCharacterSet = LATIN_1 if asked_in == LATIN_1 and _fits(said) else UTF_8


def _fits(text: str) -> bool:
    try:
        text.encode("latin-1")
    except UnicodeEncodeError:
        return False
    return True
