"""HL7 v2 as text: delimiters, escapes, segments, and the acknowledgement read back (HL7 v2.5.1 chapter 2). Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from service.errors import NoticeRefused

CR = "\r"
#: field, component, repetition, escape, subcomponent: what MSH-1 and MSH-2 declare
FIELD, COMPONENT, REPETITION, ESCAPE, SUBCOMPONENT = "|", "^", "~", "\\", "&"
ESCAPES = str.maketrans(
    {FIELD: "\\F\\", COMPONENT: "\\S\\", REPETITION: "\\R\\", ESCAPE: "\\E\\", SUBCOMPONENT: "\\T\\"}
)
PLAIN = str.maketrans({"\u2265": ">=", "\u2264": "<=", "\u2013": "-", "\u2014": "-", "\u00b7": "-", "\u2019": "'"})
TAKEN = frozenset({"AA", "CA"})
REFUSALS = {
    "AE": "application error", "CE": "commit error", "AR": "application reject", "CR": "commit reject",
}  # fmt: skip
#: table HL70357, the codes of ERR-3
CONDITIONS = {
    "100": "segment sequence error", "101": "required field missing", "102": "data type error",
    "103": "table value not found", "200": "unsupported message type", "201": "unsupported event code",
    "202": "unsupported processing id", "203": "unsupported version id", "204": "unknown key identifier",
    "205": "duplicate key identifier", "206": "application record locked", "207": "application internal error",
}  # fmt: skip


def escaped(text: str) -> str:
    """Write a text so that no character of it is taken for a delimiter or ends the segment."""
    plain = " ".join("".join(one if one.isprintable() else " " for one in text).split())
    return plain.translate(ESCAPES)


def folded(text: str) -> str:
    """Reduce a whole message to ASCII: accents go, what is left of other scripts becomes a question mark."""
    # NFD and not NFKD, which would make a delimiter of a full-width one
    apart = unicodedata.normalize("NFD", text.translate(PLAIN))
    return "".join(one for one in apart if not unicodedata.combining(one)).encode("ascii", "replace").decode("ascii")


def field_of(*components: str) -> str:
    """Join components, each escaped; empty ones at the end are left out."""
    return COMPONENT.join(escaped(one) for one in components).rstrip(COMPONENT)


def segment(name: str, fields: dict[int, str]) -> str:
    """Write a segment from its fields by their number in the standard; they are escaped already."""
    values = [fields.get(number, "") for number in range(1, max(fields) + 1)]
    return FIELD.join([name, *values])


def header(fields: dict[int, str]) -> str:
    """Write MSH, whose first two fields are the delimiters themselves."""
    values = [fields.get(number, "") for number in range(3, max(fields) + 1)]
    return FIELD.join(["MSH", COMPONENT + REPETITION + ESCAPE + SUBCOMPONENT, *values])


def message(segments: Sequence[str]) -> str:
    """Join segments, each ended by a carriage return."""
    return "".join(one + CR for one in segments)


@dataclass(frozen=True, kw_only=True)
class Acknowledgement:
    """MSA of an answer: its code, the control id it speaks of, and the error code of ERR-3 where there is one."""

    code: str
    control_id: str
    condition: str = ""


def read_acknowledgement(text: str) -> Acknowledgement | None:
    """Read an ACK; None for anything else. What it says in free text is not kept: it may quote the patient."""
    lines = [one for one in text.replace("\n", CR).split(CR) if one]
    if not lines or not lines[0].startswith("MSH") or len(lines[0]) < 8:
        return None
    delimiter, component = lines[0][3], lines[0][4]
    found = {one[:3]: one.split(delimiter) for one in reversed(lines)}
    msa, err = found.get("MSA", []), found.get("ERR", [])
    if len(msa) < 3:
        return None
    condition = err[3].split(component)[0] if len(err) > 3 else ""
    return Acknowledgement(code=msa[1].strip(), control_id=msa[2].strip(), condition=condition)


def require_taken(name: str, answer: str, control_id: str) -> None:
    """Raise NoticeRefused unless the answer says that this very message was taken."""
    ack = read_acknowledgement(answer)
    if ack is None:
        raise NoticeRefused(f"{name} answered with something that is no HL7 acknowledgement: is that an HL7 port?")
    if ack.control_id != control_id:
        raise NoticeRefused(f"{name} acknowledged another message than the one sent: look into its log")
    if ack.code in TAKEN:
        return
    if ack.code not in REFUSALS:
        raise NoticeRefused(f"{name} answered with an unknown acknowledgement code: look into its log")
    condition = CONDITIONS.get(ack.condition, "")
    why = f"{ack.code} {REFUSALS[ack.code]}" + (f", {ack.condition} {condition}" if condition else "")
    raise NoticeRefused(f"{name} refused the message ({why}): look into its log for what it did not like")
