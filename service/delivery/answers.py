"""What a peer's answer to a C-STORE or STOW-RS means in words, and what mends it (PS3.4 B.2.3, PS3.18 10.5.3)."""

from __future__ import annotations

from dataclasses import dataclass

from service.dicom.statuses import Status, name_of

MENDS = {
    Status.OUT_OF_RESOURCES: "free some space there",
    Status.RESOURCE_LIMITATION: "free some space there",
    Status.NOT_AUTHORIZED: "allow the node's AE title to store there",
    Status.CLASS_NOT_SUPPORTED: "allow this SOP class there, or take it out of the destination's objects",
    Status.NO_SUCH_CLASS: "allow this SOP class there, or take it out of the destination's objects",
}
#: PS3.4 Table B.2-1 names a range by its first code
RANGE = ~0xFF
LOOK_INTO_LOG = "look into its log for what it did not like"


@dataclass(frozen=True)
class Outcome:
    """What became of one object, in words where there is something to say."""

    taken: bool
    text: str


def refusal(destination: str, status: int) -> str:
    """Say that an object was not taken, why, and the mend."""
    return f"{destination} refused with {name_of(status)!r}: {_mend(status)}"


def warning(destination: str, status: int) -> str:
    """Say what was odd about an object that was taken; empty for plain success."""
    return "" if status == Status.SUCCESS else f"{destination} took it with a warning: {name_of(status)}"


def not_negotiated(destination: str, sop_class: str) -> str:
    """Say that the peer does not take this class at all."""
    return f"{destination} takes no {sop_class}: {MENDS[Status.CLASS_NOT_SUPPORTED]}"


def http_refusal(destination: str, status: int) -> str:
    """Say that a DICOMweb service did not take an object and gave no reason of DICOM's."""
    return f"{destination} refused with HTTP {status}: {LOOK_INTO_LOG}"


def unsendable(problem: Exception) -> str:
    """Say that our own file is at fault."""
    return f"the result file cannot be sent: {problem}; replay the study"


def _mend(status: int) -> str:
    for code in (status, status & RANGE):
        if code in MENDS:
            return MENDS[Status(code)]
    return LOOK_INTO_LOG
