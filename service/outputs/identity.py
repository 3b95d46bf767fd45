"""Patient and study as the source has them, carried into results without a change (PS3.3 C.7.1.1, C.7.2.1, C.7.2.2).

highdicom parses these values and refuses what real scanners write; so it builds with none of them, and they are laid
into the finished object here.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator

from pydicom.charset import convert_encodings
from pydicom.config import IGNORE, RAISE
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException
from pydicom.valuerep import PersonName, validate_value

log = logging.getLogger(__name__)

#: type 2 in every result: present even when the source is silent
ALWAYS = (
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyDate",
    "StudyTime",
    "AccessionNumber",
    "StudyID",
    "ReferringPhysicianName",
)
#: carried when the source has them
WHEN_THERE = (
    *("IssuerOfPatientID", "IssuerOfPatientIDQualifiersSequence", "TypeOfPatientID", "PatientBirthTime"),
    *("OtherPatientIDs", "OtherPatientIDsSequence", "OtherPatientNames", "EthnicGroup", "PatientComments"),
    *("PatientIdentityRemoved", "DeidentificationMethod", "DeidentificationMethodCodeSequence"),
    *("QualityControlSubject", "PatientSpeciesDescription", "ResponsiblePerson", "ResponsiblePersonRole"),
    *("StudyDescription", "IssuerOfAccessionNumberSequence", "PhysiciansOfRecord", "NameOfPhysiciansReadingStudy"),
    *("ConsultingPhysicianName", "ProcedureCodeSequence", "ReferencedStudySequence"),
    *("ReasonForPerformedProcedureCodeSequence", "AdmittingDiagnosesDescription", "AdmissionID"),
    *("PatientAge", "PatientSize", "PatientWeight", "AdditionalPatientHistory", "Occupation", "PatientState"),
    *("MedicalAlerts", "Allergies", "SmokingStatus", "PregnancyStatus", "SpecialNeeds", "LastMenstrualDate"),
    *("ClinicalTrialSponsorName", "ClinicalTrialProtocolID", "ClinicalTrialProtocolName", "ClinicalTrialSiteID"),
    *("ClinicalTrialSiteName", "ClinicalTrialSubjectID", "ClinicalTrialSubjectReadingID"),
)
#: what pydicom raises over a value that is not what its VR says
UNDECODABLE = (ValueError, TypeError, NotImplementedError, OverflowError, OSError, EOFError, BytesLengthException)
METHOD_UNSTATED = "not stated by the source"
#: the VRs with a grammar (PS3.5 6.2)
STRICT = frozenset({"AS", "CS", "DA", "DS", "IS", "TM", "UI"})
UTF_8 = "ISO_IR 192"
LATIN_1 = "ISO_IR 100"


def lay_identity(target: Dataset, header: Dataset, study_uid: str) -> None:
    """Write patient, study and character set of the source into a result; our own texts are ASCII and fit any set."""
    with warnings.catch_warnings():
        # odd values are the source's; they are carried, not judged
        warnings.simplefilter("ignore")
        carried = list(_elements(header))
        charset = _charset(header, carried)
        for element in carried:
            target[element.tag] = _encodable(element, charset != header.get("SpecificCharacterSet"))
    for keyword in ALWAYS:
        if keyword not in target:
            setattr(target, keyword, None)
    if str(target.get("PatientIdentityRemoved")) == "YES" and not _method_named(target):
        # type 1C: some tools remove the identity and leave the method empty
        target.DeidentificationMethod = METHOD_UNSTATED
    target.StudyInstanceUID = study_uid
    if charset is None:
        target.pop("SpecificCharacterSet", None)
    else:
        target.SpecificCharacterSet = charset


def _method_named(target: Dataset) -> bool:
    return "DeidentificationMethod" in target or "DeidentificationMethodCodeSequence" in target


def _elements(header: Dataset) -> Iterator[DataElement]:
    for keyword in (*ALWAYS, *WHEN_THERE):
        if keyword not in header:
            continue
        try:
            element = header[keyword]
        except UNDECODABLE:
            log.warning("attribute %s of the source cannot be decoded and is left out of the results", keyword)
            continue
        if element.is_empty and keyword not in ALWAYS:
            continue
        if keyword in ALWAYS or _well_formed(element):
            yield element
        else:
            log.warning("attribute %s of the source does not fit its VR and is left out of the results", keyword)


def _well_formed(element: DataElement) -> bool:
    """Tell whether an optional value obeys its VR; free text may be too long, a malformed age is worth nothing."""
    if dictionary_VR(element.tag) != element.VR:
        # pydicom guesses another VR where the value does not fit the right one
        return False
    values = element.value if element.VM > 1 else [element.value]
    try:
        for value in values if element.VR in STRICT else []:
            validate_value(element.VR, str(value), RAISE)
    except ValueError:
        return False
    return True


def _charset(header: Dataset, carried: list[DataElement]) -> str | list[str] | None:
    """Keep the source's character set; name one where it is silent or wrong about its own bytes."""
    declared = header.get("SpecificCharacterSet") or None
    texts = "".join(str(element.value) for element in carried)
    if declared is None:
        # pydicom reads undeclared bytes as Latin-1, so naming it writes the same bytes back
        return None if texts.isascii() else LATIN_1
    if "\ufffd" in texts or not _known(declared):
        return UTF_8
    return declared if isinstance(declared, str) else list(declared)


def _known(declared: str | list[str]) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            convert_encodings(declared)
        except (LookupError, UserWarning, ValueError):
            return False
    return True


def _encodable(element: DataElement, changed: bool) -> DataElement:
    """Free a person name from the bytes it came in when it must be written in another character set."""
    if element.VR != "PN" or not changed or not element.value:
        return element
    names = element.value if element.VM > 1 else [element.value]
    fresh = [PersonName(str(name)) for name in names]
    return DataElement(element.tag, "PN", fresh if len(fresh) > 1 else fresh[0], validation_mode=IGNORE)
