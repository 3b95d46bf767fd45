"""The coded words of the report, each with where it comes from; what no dictionary vouches for is honestly our own."""

from __future__ import annotations

from highdicom.sr import CodedConcept
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes

SCHEME = "99ICHOR"

# DICOM's own dictionary of SNOMED CT codes (PS3.16) has these
HEMORRHAGE = CodedConcept("1386000", "SCT", "Intracranial hemorrhage")
INTRACRANIAL = CodedConcept("1101003", "SCT", "Intracranial")
PRESENT = CodedConcept.from_code(codes.cid241.Present)
ABSENT = CodedConcept.from_code(codes.cid241.Absent)
CERTAINTY = CodedConcept.from_code(codes.DCM.CertaintyOfFinding)
NO_UNITS = CodedConcept.from_code(codes.UCUM.NoUnits)
HEAD_CT = CodedConcept.from_code(codes.LN.HeadCT)
CONCLUSION = CodedConcept.from_code(codes.DCM.Conclusion)
DEVICE = CodedConcept.from_code(codes.DCM.Device)
SOURCE_IMAGE = CodedConcept.from_code(codes.DCM.SourceImageForImageProcessingOperation)
FINDING = CodedConcept.from_code(codes.DCM.Finding)
SUMMARY = CodedConcept.from_code(codes.DCM.Summary)
ALGORITHM_NAME = CodedConcept.from_code(codes.DCM.AlgorithmName)
ALGORITHM_VERSION = CodedConcept.from_code(codes.DCM.AlgorithmVersion)
ALGORITHM_PARAMETERS = CodedConcept.from_code(codes.DCM.AlgorithmParameters)
OF_INTEREST = CodedConcept.from_code(codes.DCM.OfInterest)
ENGLISH = CodedConcept("en", "RFC5646", "English")
# TID 1500, row of the qualitative evaluations
QUALITATIVE = CodedConcept("C0034375", "UMLS", "Qualitative Evaluations")
# SNOMED International's concept model documentation; not in PS3.16
FINDING_CONTEXT = CodedConcept("408729009", "SCT", "Finding context")

# the title of the flat reports: no radiology report, and it says so before anything else is read
TRIAGE_NOTE = CodedConcept("triage-note", SCHEME, "AI triage note, research use only, not for diagnosis")
KINDS = CodedConcept("kinds", SCHEME, "Probability by kind of bleed")
INTENDED_USE = CodedConcept("intended-use", SCHEME, "Intended use")
DECISION_RULE = CodedConcept("decision-rule", SCHEME, "Decision rule")
COMPLETENESS = CodedConcept("completeness", SCHEME, "Evidence of completeness")
SUITABILITY = CodedConcept("suitability", SCHEME, "Suitability check")
KEY_SLICE = CodedConcept("key-slice", SCHEME, "Key slice")
OTHER_SERIES = CodedConcept("other-series", SCHEME, "Other series of the study")
SITE_POLICY = CodedConcept("site-policy", SCHEME, "Site policy")

#: sites that PS3.16 knows; the epidural and subdural spaces are not in it
_SITES = {
    "intraparenchymal": CodedConcept.from_code(codes.SCT.Brain),
    "intraventricular": CodedConcept.from_code(codes.SCT.BrainVentricle),
    "subarachnoid": CodedConcept.from_code(codes.SCT.CranialSubarachnoidSpace),
}


def kind_of_bleed(label: str) -> CodedConcept:
    """Code a kind of bleed in our own scheme, since the SNOMED codes could not be vouched for."""
    return CodedConcept(label[:16], SCHEME, f"{label.capitalize()} hemorrhage"[:64])


def site_of(label: str) -> CodedConcept:
    """Return where a kind of bleed lies, as near as PS3.16 can say it."""
    return _SITES.get(label, INTRACRANIAL)


def declared_scheme() -> Dataset:
    """Say what 99ICHOR is (Coding Scheme Identification Sequence, PS3.3 C.12.1.1.1)."""
    item = Dataset()
    item.CodingSchemeDesignator = SCHEME
    item.CodingSchemeName = "Ichor private codes"
    item.CodingSchemeResponsibleOrganization = "Ichor"
    return item
