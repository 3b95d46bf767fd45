"""A report or key object selection as a person reads it: the content tree in plain lines, whoever made it."""

from __future__ import annotations

from collections.abc import Iterator

from pydicom.dataset import Dataset

from service.dicom.uids import uid_name

MODIFIER = "HAS CONCEPT MOD"
#: the unit of a plain number (UCUM)
NO_UNITS = "1"


def as_text(document: Dataset) -> str:
    """Return the document line by line, ending with a line break."""
    return "\n".join([*_head(document), "", _meaning(document), *_lines(document, 1)]) + "\n"


def _head(document: Dataset) -> Iterator[str]:
    yield f"{uid_name(str(document.SOPClassUID))}, series {document.get('SeriesDescription', '')!r}"
    flags = [str(document.get(name, "")) for name in ("CompletionFlag", "VerificationFlag", "PreliminaryFlag")]
    if any(flags):
        yield ", ".join(one for one in flags if one)
    for study in document.get("PredecessorDocumentsSequence", []):
        for series in study.ReferencedSeriesSequence:
            for earlier in series.ReferencedSOPSequence:
                yield f"supersedes {earlier.ReferencedSOPInstanceUID}"


def _lines(item: Dataset, depth: int) -> Iterator[str]:
    for child in item.get("ContentSequence", []):
        if child.RelationshipType == MODIFIER and depth > 1:
            continue
        value = _value(child)
        yield f"{'  ' * depth}{_meaning(child)}{f': {value}' if value else ''}{_modifiers(child)}"
        yield from _lines(child, depth + 1)


def _modifiers(item: Dataset) -> str:
    """Return what qualifies an item, beside it rather than below: it must not be overlooked."""
    found = [one for one in item.get("ContentSequence", []) if one.RelationshipType == MODIFIER]
    return f" ({', '.join(f'{_meaning(one)}: {_value(one)}' for one in found)})" if found else ""


def _meaning(item: Dataset) -> str:
    names = item.get("ConceptNameCodeSequence") or []
    return str(names[0].CodeMeaning) if names else str(item.get("ValueType", "")).lower()


def _value(item: Dataset) -> str:
    if item.ValueType == "CODE":
        return str(item.ConceptCodeSequence[0].CodeMeaning)
    if item.ValueType == "NUM":
        measured = item.MeasuredValueSequence[0]
        unit = measured.MeasurementUnitsCodeSequence[0]
        return f"{measured.NumericValue}" + ("" if unit.CodeValue == NO_UNITS else f" {unit.CodeMeaning}")
    if item.ValueType in ("IMAGE", "COMPOSITE"):
        return _reference(item.ReferencedSOPSequence[0])
    return str(item.get("TextValue") or item.get("UID") or item.get("PersonName") or "")


def _reference(item: Dataset) -> str:
    frames = item.get("ReferencedFrameNumber")
    numbers = "" if frames is None else f", frame {frames}"
    return f"{uid_name(str(item.ReferencedSOPClassUID))} {item.ReferencedSOPInstanceUID}{numbers}"
