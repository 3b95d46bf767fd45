"""DIMSE status codes by name: PS3.7 Annex C, and PS3.4 B.2.3 for storage, C.4.1.1.4 for C-FIND."""

from __future__ import annotations

from enum import IntEnum

from pydicom import Dataset

#: VR LO
COMMENT_LENGTH = 64


class Status(IntEnum):
    """What a C-STORE, C-ECHO, C-FIND, N-GET, N-ACTION or N-EVENT-REPORT may answer."""

    SUCCESS = 0x0000
    #: PS3.4 B.2.3 warnings: the object is stored nevertheless
    COERCED = 0xB000
    ELEMENTS_DISCARDED = 0xB006
    WARN_DATA_SET_MISMATCH = 0xB007
    #: PS3.4 B.2.3 failures, each the first code of its range
    OUT_OF_RESOURCES = 0xA700
    DATA_SET_MISMATCH = 0xA900
    CANNOT_UNDERSTAND = 0xC000
    #: PS3.7 C.5: failures any service may answer; some are also a commitment's failure reason (PS3.3 C.14.1.1)
    PROCESSING_FAILURE = 0x0110
    NO_SUCH_INSTANCE = 0x0112
    NO_SUCH_EVENT_TYPE = 0x0113
    INVALID_ARGUMENT = 0x0115
    #: the SOP Instance UID breaks the rules of UIDs
    INVALID_INSTANCE = 0x0117
    NO_SUCH_CLASS = 0x0118
    CLASS_INSTANCE_CONFLICT = 0x0119
    CLASS_NOT_SUPPORTED = 0x0122
    NO_SUCH_ACTION = 0x0123
    NOT_AUTHORIZED = 0x0124
    RESOURCE_LIMITATION = 0x0213
    #: PS3.3 C.14.1.1
    DUPLICATE_TRANSACTION = 0x0131
    #: PS3.4 C.4.1.1.4: another match follows
    PENDING = 0xFF00
    PENDING_WITHOUT_OPTIONAL_KEYS = 0xFF01
    CANCELLED = 0xFE00
    #: PS3.4 CC.2.7.3: no work item of this UID
    NO_SUCH_WORK_ITEM = 0xC307


def refusal(status: Status, comment: str) -> Dataset:
    """Return a status with its reason in words, which peers show or log."""
    answer = Dataset()
    answer.Status = int(status)
    answer.ErrorComment = comment[:COMMENT_LENGTH]
    return answer


def stored(status: int | None) -> bool:
    """Tell whether the peer keeps the object: success or a warning (PS3.4 B.2.3); None when it did not answer."""
    return status is not None and (status == Status.SUCCESS or status & 0xF000 == 0xB000)


def name_of(status: int | None) -> str:
    """Return words for a log line or an error; ranges take the name of their first code."""
    if status is None:
        return "no answer"
    for code in (status, status & 0xFF00, status & 0xF000):
        if code in Status._value2member_map_ and (code == status or code >= Status.OUT_OF_RESOURCES):
            return f"{Status(code).name.lower().replace('_', ' ')} ({status:04X}H)"
    return f"status {status:04X}H"
