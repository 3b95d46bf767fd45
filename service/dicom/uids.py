"""UIDs by name, UIDs of our own, and the rule for foreign ones; no bare UID stands anywhere else."""

from __future__ import annotations

import hashlib
import re
from uuid import UUID

from pydicom import uid as known

#: PS3.7 D.3.3.2; a UUID-derived constant of this project, it never changes
IMPLEMENTATION_CLASS_UID = "2.25.82931500649519724507774319658238824486"
#: at most 16 characters
IMPLEMENTATION_VERSION_NAME = "ICHOR"

VERIFICATION = "1.2.840.10008.1.1"
STORAGE_COMMITMENT_PUSH_MODEL = "1.2.840.10008.1.20.1"
#: PS3.4 J.3.5: the well-known instance every commitment request addresses
STORAGE_COMMITMENT_INSTANCE = "1.2.840.10008.1.20.1.1"
STUDY_ROOT_FIND = "1.2.840.10008.5.1.4.1.2.2.1"
#: a work item is always of the Push class, whichever class it is asked under (PS3.4 CC.1)
UPS_PUSH = "1.2.840.10008.5.1.4.34.6.1"
UPS_PULL = "1.2.840.10008.5.1.4.34.6.3"
UPS_QUERY = "1.2.840.10008.5.1.4.34.6.5"
MODALITY_WORKLIST_FIND = "1.2.840.10008.5.1.4.31"
#: PS3.4 CC.3.1.1: every UPS is an instance of this class, whoever made it
UPS_PUSH = "1.2.840.10008.5.1.4.34.6.1"

CT_IMAGE = str(known.CTImageStorage)
ENHANCED_CT_IMAGE = str(known.EnhancedCTImageStorage)
LEGACY_CONVERTED_ENHANCED_CT_IMAGE = str(known.LegacyConvertedEnhancedCTImageStorage)
SECONDARY_CAPTURE = str(known.SecondaryCaptureImageStorage)
MULTIFRAME_TRUE_COLOR_SC = str(known.MultiFrameTrueColorSecondaryCaptureImageStorage)
COMPREHENSIVE_3D_SR = str(known.Comprehensive3DSRStorage)
ENHANCED_SR = str(known.EnhancedSRStorage)
BASIC_TEXT_SR = str(known.BasicTextSRStorage)
PRESENTATION_STATE = str(known.GrayscaleSoftcopyPresentationStateStorage)
KEY_OBJECT_SELECTION = str(known.KeyObjectSelectionDocumentStorage)
#: the classes whose pixels may be Hounsfield slices
CT_CLASSES = frozenset({CT_IMAGE, ENHANCED_CT_IMAGE, LEGACY_CONVERTED_ENHANCED_CT_IMAGE})

IMPLICIT_LE = str(known.ImplicitVRLittleEndian)
EXPLICIT_LE = str(known.ExplicitVRLittleEndian)
EXPLICIT_BE = str(known.ExplicitVRBigEndian)
DEFLATED_LE = str(known.DeflatedExplicitVRLittleEndian)
RLE = str(known.RLELossless)
JPEG_BASELINE = str(known.JPEGBaseline8Bit)
JPEG_EXTENDED = str(known.JPEGExtended12Bit)
JPEG_LOSSLESS = str(known.JPEGLossless)
JPEG_LOSSLESS_SV1 = str(known.JPEGLosslessSV1)
JPEG_LS = str(known.JPEGLSLossless)
JPEG_LS_NEAR = str(known.JPEGLSNearLossless)
J2K_LOSSLESS = str(known.JPEG2000Lossless)
J2K = str(known.JPEG2000)

#: PS3.5 9.1, but leading zeros of a component are let in: devices in the field write them
_RECEIVABLE = re.compile(r"[0-9]+(\.[0-9]+)*", re.ASCII)
UID_LENGTH = 64
_UUID_BYTES = 16
#: PS3.5 B.2
_UUID_ROOT = "2.25"


def derived_uid(*parts: str) -> str:
    """Return the UID of these parts, the same for ever: 2.25 + a version-8 UUID (RFC 9562) of their sha256."""
    return uid_of_digest(hashlib.sha256("\0".join(parts).encode()).digest())


def uid_of_digest(full: bytes) -> str:
    """Return the UID of a digest: 2.25 + its first 16 bytes as a version-8 UUID; the first six stay as they are."""
    digest = bytearray(full[:_UUID_BYTES])
    digest[6] = digest[6] & 0x0F | 0x80
    digest[8] = digest[8] & 0x3F | 0x80
    return f"{_UUID_ROOT}.{UUID(bytes=bytes(digest)).int}"


def start_of_digest(uid: str) -> str:
    """Return the first six bytes, in hexadecimal, of the digest behind such a UID; empty for any other."""
    number = uid.removeprefix(f"{_UUID_ROOT}.")
    if number == uid or not number.isdecimal() or not number.isascii() or int(number) >= 1 << 128:
        return ""
    return UUID(int=int(number)).hex[:12]


def is_valid_uid(text: str) -> bool:
    """Tell whether a received UID may be used: digits and dots, 1 to 64 characters; leading zeros are forgiven."""
    return len(text) <= UID_LENGTH and _RECEIVABLE.fullmatch(text) is not None


def uid_name(uid: str) -> str:
    """Return the standard's name of a UID, or the UID itself when it has none."""
    return known.UID(uid).name
