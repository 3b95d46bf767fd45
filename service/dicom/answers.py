"""What a peer's status to a C-STORE means in words, and what mends it (PS3.4 B.2.3, PS3.7 C)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

SUCCESS = 0x0000
PROCESSING_FAILURE = 0x0110
NO_SUCH_OBJECT = 0x0112
CLASS_INSTANCE_CONFLICT = 0x0119
DUPLICATE_TRANSACTION = 0x0131
SOP_CLASS_NOT_SUPPORTED = 0x0122
NOT_AUTHORISED = 0x0124
RESOURCE_LIMITATION = 0x0213
OUT_OF_RESOURCES = 0xA700
CLASS_MISMATCH = 0xA900
CANNOT_UNDERSTAND = 0xC000
COERCED = 0xB000
ELEMENTS_DISCARDED = 0xB006
NOT_AS_CLASS_SAYS = 0xB007
ATTRIBUTE_LIST_ERROR = 0x0107
VALUE_OUT_OF_RANGE = 0x0116
#: PS3.4 Table B.2-1 names these groups by their leading digits
GROUPS = {0xFF00: (OUT_OF_RESOURCES, CLASS_MISMATCH), 0xF000: (CANNOT_UNDERSTAND,)}

WORDS: dict[int, tuple[str, str]] = {
    OUT_OF_RESOURCES: ("Out of resources", "free some space there"),
    CLASS_MISMATCH: ("Data set does not match SOP class", "look into its log; it may check objects more strictly"),
    CANNOT_UNDERSTAND: ("Cannot understand", "look into its log for the attribute it did not like"),
    SOP_CLASS_NOT_SUPPORTED: ("SOP class not supported", "allow this SOP class there, or take it out of objects"),
    NOT_AUTHORISED: ("Not authorised", "allow the node's AE title to store there"),
    RESOURCE_LIMITATION: ("Resource limitation", "free some space there"),
    PROCESSING_FAILURE: ("Processing failure", "look into its log"),
    NO_SUCH_OBJECT: ("No such object instance", "it was sent again"),
    CLASS_INSTANCE_CONFLICT: ("Class and instance do not fit", "look into its log"),
    DUPLICATE_TRANSACTION: ("Duplicate transaction UID", "it is asked again under a new one"),
}
WARNINGS: dict[int, str] = {
    COERCED: "it changed some attributes",
    ELEMENTS_DISCARDED: "it dropped some attributes",
    NOT_AS_CLASS_SAYS: "it says the data set does not match its SOP class",
    ATTRIBUTE_LIST_ERROR: "it did not know some attributes",
    VALUE_OUT_OF_RANGE: "it found a value out of range",
}


class AnswerKind(StrEnum):
    """What a status means for the sender."""

    TAKEN = "taken"
    TAKEN_WITH_WARNING = "taken with a warning"
    REFUSED = "refused"


@dataclass(frozen=True)
class StoreAnswer:
    """A status in words; ``mend`` is empty when nothing is wrong."""

    kind: AnswerKind
    words: str
    mend: str = ""


def store_answer(status: int) -> StoreAnswer:
    """Translate the status of a C-STORE-RSP."""
    if status == SUCCESS:
        return StoreAnswer(AnswerKind.TAKEN, "")
    if status in WARNINGS or status & 0xF000 == COERCED:
        return StoreAnswer(AnswerKind.TAKEN_WITH_WARNING, WARNINGS.get(status, f"warning {status:04X}"))
    words, mend = _refusal(status)
    return StoreAnswer(AnswerKind.REFUSED, words, mend)


def failure_words(reason: int) -> str:
    """Translate a Failure Reason (0008,1197) of a storage commitment (PS3.3 C.14.1.1)."""
    return _refusal(reason)[0]


def _refusal(status: int) -> tuple[str, str]:
    if status in WORDS:
        return WORDS[status]
    for mask, codes in GROUPS.items():
        if status & mask in codes:
            words, mend = WORDS[status & mask]
            return f"{words} ({status:04X})", mend
    return f"status {status:04X}", "look it up in its conformance statement"
