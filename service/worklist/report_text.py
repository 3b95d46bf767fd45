"""A stored structured report in plain sentences, for people whose PACS shows none; read from the file itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import pydicom
from pydicom.dataset import Dataset

from service.dicom.functional_groups import items_of, value_of
from service.domain.delivery import ObjectKind
from service.ledger.case import Case
from service.store.files import FileStore
from service.worklist.words import counted, sentence

#: the family of structured reports (PS3.4 B.5), and its member that is none: Key Object Selection
REPORTS, KEY_OBJECTS = "1.2.840.10008.5.1.4.1.1.88.", "1.2.840.10008.5.1.4.1.1.88.59"
#: what these items say is for machines, or stands in the picture itself
UNSAID = frozenset({"UIDREF", "SCOORD", "SCOORD3D", "TCOORD", "WAVEFORM"})
IMAGES = frozenset({"IMAGE", "COMPOSITE"})
#: what a finding says first, and the shorter words for it
FIRST = ("Finding context", "Certainty of Finding", "Finding Site")
SHORTER = {"Finding context": "", "Certainty of Finding": "certainty", "Finding Site": "site"}
#: a language is no news to who reads it
NO_NEWS = "Language of Content Item and Descendants"
#: no report of ours is nested deeper
DEEPEST = 12


@dataclass(frozen=True, kw_only=True)
class Section:
    """A heading and what stands under it."""

    heading: str
    sentences: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class ReportText:
    """A whole report."""

    title: str
    #: complete or partial, verified or not, preliminary or final
    status: str
    sections: tuple[Section, ...]


def report_of(store: FileStore, case: Case) -> ReportText | None:
    """Return the report that stands today; None where there is none, or its file is gone."""
    stand = [one for one in case.results if one.current and one.sop_class.startswith(REPORTS)]
    richest = sorted(stand, key=lambda one: (one.kind is not ObjectKind.SR, one.number))
    kept = [one for one in richest if one.sop_class != KEY_OBJECTS and store.has(one.content_hash)]
    return report_text(store.path(kept[0].content_hash)) if kept else None


@lru_cache(maxsize=64)
def report_text(path: Path) -> ReportText:
    """Return a report in words; the path is named by its content, so that a cached one is never stale."""
    data = pydicom.dcmread(path)
    flags = (value_of(data, name) for name in ("PreliminaryFlag", "CompletionFlag", "VerificationFlag"))
    return ReportText(
        title=_name(data) or "Structured report",
        status=sentence(", ".join(str(one).lower() for one in flags if one)),
        sections=tuple(_sections(data, "Report", DEEPEST)),
    )


def _sections(container: Dataset, heading: str, depth: int) -> Iterator[Section]:
    """Turn a container into a section, and the containers in it into further ones."""
    items = items_of(container, "ContentSequence")
    inner = [one for one in items if _kind(one) == "CONTAINER"]
    groups = [_finding(one) for one in inner]
    own = [*_leaves(items), *(one for one in groups if one)]
    if own:
        yield Section(heading=heading, sentences=tuple(own))
    for one, group in zip(inner, groups, strict=True):
        if not group and depth:
            yield from _sections(one, _name(one) or heading, depth - 1)


def _leaves(items: Sequence[Dataset]) -> Iterator[str]:
    for item in items:
        words = _words(item)
        if words and _kind(item) not in IMAGES and _name(item) != NO_NEWS:
            yield f"{_name(item)}: {words}" if _name(item) else words
    pictures = sum(_kind(item) in IMAGES for item in items)
    if pictures:
        yield f"{counted(pictures, 'image', 'images')} referred to"


def _finding(group: Dataset) -> str:
    """Return a group that states one finding as one sentence; empty for any other group."""
    items = items_of(group, "ContentSequence")
    found = [one for one in items if _name(one) == "Finding" and _kind(one) == "CODE"]
    if not found:
        return ""
    told = [one for one in items if one is not found[0] and str(value_of(one, "RelationshipType")) != "HAS OBS CONTEXT"]
    phrases = sorted((_phrase(line) for line in _merged(told)), key=lambda pair: pair[0])
    return f"{_words(found[0])}: {'; '.join(words for _, words in phrases)}"


def _merged(items: Sequence[Dataset]) -> list[str]:
    """Return each name once, its values side by side."""
    named: dict[str, list[str]] = {}
    for line in _leaves(items):
        name, colon, words = line.partition(": ")
        named.setdefault(name if colon else "", []).append(words if colon else line)
    return [f"{name}: {', '.join(words)}" if name else "; ".join(words) for name, words in named.items()]


def _phrase(line: str) -> tuple[int, str]:
    """Return a line as part of a sentence, with its rank there."""
    name, colon, words = line.partition(": ")
    rank = FIRST.index(name) if name in FIRST else len(FIRST)
    said = SHORTER.get(name, name.lower())
    return rank, f"{said} {words}".strip() if colon else line


def _words(item: Dataset) -> str:
    """Return an item's value as text; empty for what is not for people."""
    kind = _kind(item)
    if kind in UNSAID:
        return ""
    if kind == "CODE":
        return _meaning(item, "ConceptCodeSequence")
    if kind == "NUM":
        return _measured(item)
    for name in ("TextValue", "DateTime", "Date", "Time", "PersonName"):
        value = value_of(item, name)
        if value is not None:
            return str(value)
    return ""


def _measured(item: Dataset) -> str:
    for one in items_of(item, "MeasuredValueSequence"):
        unit = _meaning(one, "MeasurementUnitsCodeSequence")
        plain = unit in ("", "no units")
        return f"{value_of(one, 'NumericValue')}" + ("" if plain else f" {unit}")
    return ""


def _kind(item: Dataset) -> str:
    return str(value_of(item, "ValueType") or "")


def _name(item: Dataset) -> str:
    return _meaning(item, "ConceptNameCodeSequence")


def _meaning(item: Dataset, sequence: str) -> str:
    return next((str(value_of(one, "CodeMeaning") or "") for one in items_of(item, sequence)), "")
