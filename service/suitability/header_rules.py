"""What the header says for or against a series; a silent header leaves the word to the pixels. Pure."""

from __future__ import annotations

import re

from service.dicom.uids import CT_CLASSES, uid_name
from service.domain.checks import CheckName, line
from service.domain.scan import InstanceHeader, Vector
from service.domain.series import Check
from service.settings import SuitabilitySettings
from service.suitability.subject import Rule, SeriesToJudge
from service.suitability.words import Region, agent_given, region, says_plain, speaks_of_contrast

LOCALISER_TYPES = frozenset({"LOCALIZER", "SCOUT", "TOPOGRAM", "SURVIEW", "REF_SURVIEW"})
LOCALISER_WORDS = re.compile(r"\b(locali[sz]er|scout|topogram\w*|surview|scanogram|pilot)\b", re.IGNORECASE)
#: values of ImageType that no original axial slice carries, whatever value 1 says
MADE_TYPES = frozenset({
    "MPR", "MIP", "MINIP", "MINMIP", "VRT", "SSD", "REFORMATTED", "PROJECTION IMAGE", "PERFUSION", "DOSE_INFO",
    "SCREEN SAVE", "SCREEN CAPTURE",
})  # fmt: skip
MODALITY_NAMES = {
    "SR": "a structured report", "PR": "a presentation state", "KO": "a key object note", "SEG": "a segmentation",
    "OT": "another kind of picture", "SC": "a secondary capture", "DOC": "a document", "MR": "magnetic resonance",
    "PT": "positron emission tomography", "US": "ultrasound", "CR": "a radiograph", "DX": "a radiograph",
    "XA": "angiography", "NM": "nuclear medicine", "ECG": "an electrocardiogram", "REG": "a registration",
    "RTSTRUCT": "a radiotherapy object", "RTDOSE": "a radiotherapy object",
}  # fmt: skip
STANDARD_STORAGE = "Storage"
NOT_STATED = "not stated"


def modality(series: SeriesToJudge, _: SuitabilitySettings) -> Check:
    """Ask for CT."""
    values = sorted({one.modality or NOT_STATED for one in series.headers})
    found = ", ".join(values)
    reason = f"this is {_modality_words(values[0])}, not CT"
    return line(CheckName.MODALITY, not series.mostly(lambda one: one.modality != "CT"), found, "CT", reason)


def _modality_words(value: str) -> str:
    if value == NOT_STATED:
        return "an object without a modality"
    return f"{MODALITY_NAMES[value]} ({value})" if value in MODALITY_NAMES else value


def sop_class(series: SeriesToJudge, _: SuitabilitySettings) -> Check:
    """Ask that most objects are no other kind of object that the standard knows, such as captures that say CT."""
    others = sorted({uid_name(one.sop_class) for one in series.headers if _is_other_object(one)})
    names = [name.removesuffix(STANDARD_STORAGE).strip() for name in others]
    found = ", ".join(names) or "CT image"
    reason = f"these are {found} objects, not slices of a CT scanner"
    return line(CheckName.OBJECT, not series.mostly(_is_other_object), found, "CT image", reason)


def _is_other_object(header: InstanceHeader) -> bool:
    return header.sop_class not in CT_CLASSES and uid_name(header.sop_class) != header.sop_class


def known_class(series: SeriesToJudge, _: SuitabilitySettings) -> Check:
    """Ask for a class that has a name; a private or missing one is objected to after everything else."""
    odd = sorted({one.sop_class or NOT_STATED for one in series.headers if _is_nameless(one)})
    found = ", ".join(odd) or "CT image"
    reason = f"the object class is unknown ({found})"
    return line(CheckName.CLASS, not series.mostly(_is_nameless), found, "CT image", reason)


def _is_nameless(header: InstanceHeader) -> bool:
    return header.sop_class not in CT_CLASSES and not _is_other_object(header)


def localiser(series: SeriesToJudge, _: SuitabilitySettings) -> Check:
    """Ask that most images are no localisers; a single one beside a stack is left out by its orientation."""
    number = sum(is_localiser(one) for one in series.headers)
    found = f"{number} of {len(series.headers)} images" if number else "none"
    reason = "this is a localiser, not a head scan"
    return line(CheckName.LOCALISER, not series.mostly(is_localiser), found, "no localiser", reason)


def is_localiser(header: InstanceHeader) -> bool:
    """Tell a planning picture by its type, or by its description where the type does not say AXIAL."""
    types = {value.strip().upper() for value in header.image_type}
    named = LOCALISER_WORDS.search(header.series_description) is not None
    return bool(types & LOCALISER_TYPES) or (named and "AXIAL" not in types)


def original(series: SeriesToJudge, _: SuitabilitySettings) -> Check:
    """Ask for the scanner's own slices (PS3.3 C.8.2.1.1.1).

    ORIGINAL\\SECONDARY passes: scanners mark a second reconstruction from the raw data so, and its values are as good.
    """
    found = "; ".join(sorted({"\\".join(one.image_type) for one in series.headers if one.image_type})) or NOT_STATED
    reason = f"these are {_plane(series.geometry.normal)}derived images ({found}), not the scanner's original slices"
    return line(CheckName.ORIGINAL, not series.mostly(_is_made), found, "ORIGINAL", reason)


def _is_made(header: InstanceHeader) -> bool:
    types = [value.strip().upper() for value in header.image_type]
    return bool(types) and (types[0] == "DERIVED" or not MADE_TYPES.isdisjoint(types))


def orientation(series: SeriesToJudge, settings: SuitabilitySettings) -> Check:
    """Ask for axial slices: the normal within the permitted tilt of the body axis, in degrees."""
    tilt = series.geometry.tilt_degrees
    wanted = f"axial within {settings.max_tilt_degrees:g} degrees"
    if tilt is None:
        return line(CheckName.ORIENTATION, True, NOT_STATED, wanted, "")
    plane = _plane(series.geometry.normal).strip()
    reason = f"the slices are {plane} ({tilt:.0f} degrees off the axial plane), not axial"
    return line(CheckName.ORIENTATION, tilt <= settings.max_tilt_degrees, f"{tilt:.1f} degrees", wanted, reason)


def _plane(normal: Vector | None) -> str:
    if normal is None:
        return ""
    names = {0: "sagittal ", 1: "coronal ", 2: "axial "}
    longest = max(range(3), key=lambda at: abs(normal[at]))
    return names[longest] if abs(normal[longest]) > 0.8 else "oblique "


def body_part(series: SeriesToJudge, _: SuitabilitySettings) -> Check:
    """Ask that no text names another region; the texts nearest to the series speak first."""
    for fields in (("body_part", "series_description"), ("protocol",), ("study_description",)):
        texts = series.texts(*fields)
        said = {text: region(text) for text in texts}
        if Region.HEAD in said.values():
            return line(CheckName.BODY_PART, True, _first(said, Region.HEAD), "head, or silent", "")
        if Region.OTHER in said.values():
            named = _first(said, Region.OTHER)
            return line(CheckName.BODY_PART, False, named, "head, or silent", f"the header says {named!r}, not a head")
    return line(CheckName.BODY_PART, True, ", ".join(series.texts("body_part")) or "silent", "head, or silent", "")


def header_says_head(series: SeriesToJudge) -> bool:
    """Tell whether the body part check rests on a text that names the head."""
    texts = series.texts("body_part", "series_description", "protocol", "study_description")
    return any(region(text) is Region.HEAD for text in texts)


def _first(said: dict[str, Region], wanted: Region) -> str:
    return next(text for text, meant in said.items() if meant is wanted)


def contrast(series: SeriesToJudge, _: SuitabilitySettings) -> Check:
    """Ask for a scan without contrast: no agent, and no description that speaks of any.

    The protocol counts only where no series has a description: one protocol may hold the plain and the contrast scan.
    """
    agent = next((text for text in series.texts("contrast_agent") if agent_given(text)), "")
    descriptions = series.texts("series_description") or series.texts("protocol")
    named = next((text for text in descriptions if speaks_of_contrast(text)), "")
    if not series.texts("series_description") and says_plain(named):
        named = ""
    found = agent or named or "none"
    reason = f"contrast was given ({agent})" if agent else f"the description says contrast ({named!r})"
    return line(CheckName.CONTRAST, not (agent or named), found, "none", reason)


def voltage(series: SeriesToJudge, settings: SuitabilitySettings) -> Check:
    """Ask for a tube voltage, in kV, at which grey values mean what the reader learnt."""
    values = sorted({one.kvp for one in series.headers if one.kvp})
    wanted = f"{settings.min_kvp:g} to {settings.max_kvp:g} kV"
    found = ", ".join(f"{value:g} kV" for value in values) or NOT_STATED
    passed = all(settings.min_kvp <= value <= settings.max_kvp for value in values)
    return line(CheckName.VOLTAGE, passed, found, wanted, f"the tube voltage is {found}; {wanted} are read")


RULES: tuple[Rule, ...] = (
    modality, sop_class, localiser, original, orientation, body_part, contrast, voltage, known_class,
)  # fmt: skip
