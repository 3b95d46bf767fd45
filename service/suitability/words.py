"""What free text in headers says about body region and contrast, in the languages scanners are set to. Pure."""

from __future__ import annotations

import re
import unicodedata
from enum import StrEnum


class Region(StrEnum):
    """What a text says about the body region."""

    HEAD = "head"
    OTHER = "other"
    SILENT = "silent"


#: beginnings of words; BodyPartExamined runs words together (HEADNECK), German too
HEAD_STEMS = (
    "head", "brain", "skull", "cran", "cereb", "intracran", "neurocran", "kopf", "schaedel", "schadel", "hirn",
    "gehirn", "tete", "cerveau", "cervell", "encephal", "encefal", "cabeza", "cabeca", "testa",
    "hoofd", "hersen", "schedel", "huvud", "hjarn", "hjern", "hode", "glowa", "mozg", "hlava", "hlavy", "mozek",
)  # fmt: skip
HEAD_WORDS = frozenset({"stroke", "ictus"})
#: scripts that do not separate words
HEAD_SIGNS = ("\u982d", "\u5934", "\u8133", "\u8111", "\u9885")
OTHER_STEMS = (
    "chest", "thora", "torac", "torax", "brust", "poitrine", "lung", "pulmo", "heart", "cardi", "coronar", "koronar",
    "aort", "breast", "abdom", "addom", "liver", "leber", "hepat", "kidney", "renal", "niere", "pancrea", "colono",
    "enterogr", "pelv", "becken", "bacino", "bassin", "prostat", "bladder", "uterus", "spine", "spinal", "cspine",
    "tspine", "lspine", "ctspine", "tlspine", "lumb", "sacr", "cervic", "wirbel", "rachis", "columna", "colonna",
    "neck", "hals", "collo", "cuello", "carot", "larynx", "pharynx", "shoulder", "schulter", "epaule", "spalla",
    "hombro", "humer", "elbow", "forearm", "wrist", "finger", "extremit", "femur", "femor", "hanche", "huft", "hueft",
    "knee", "genou", "ginocchio", "rodilla", "tibia", "fibula", "ankle", "calcane", "wholebody", "totbody",
    "ganzkorper", "ganzkoerper", "sinus", "orbit", "facial", "maxill", "mandib", "dental", "kiefer", "felsenbein",
    "petrous",
)  # fmt: skip
OTHER_WORDS = frozenset({
    "abd", "body", "colon", "hip", "hips", "anca", "arm", "arms", "leg", "legs", "bein", "foot", "feet", "pied", "fuss",
    "hand", "hands", "knie", "cou", "hws", "bws", "lws", "wbs", "nnh", "tmj", "iac", "face", "pet",
})  # fmt: skip

_NOTHING_GIVEN = re.compile(
    r"none|non?|n|nein|nil|null|n/?a|false|unknown|not (given|applied|used)|plain|0|[-.]+"
    r"|(w/?o|without|no|ohne|kein\w*|sans|senza|sin|sem|zonder|utan|nativ\w*)\b.*"
)
_NEGATED = re.compile(
    r"\b(w/o|wo|without|no|non|not|ohne|kein|keine|sans|senza|sin|sem|zonder|utan|pre|before|vor)"
    r"[\s./_-]*(iv|i\.v\.?)?[\s./_-]*"
    r"(contrast\w*|kontrast\w*|enhance\w*|ce\b|km\b|iv\b|c\b|inject\w*|mdc|bolus)"
)
_CONTRAST = re.compile(
    r"\b(ce|cect|cta|ctp|ctv|km|mdc|contrast\w*|kontrast\w*|enhanced"
    r"|angio\w*|perfusion\w*|perfusie|perf|arterial\w*|arteriell\w*|venous|venos\w*|portal\w*|bolus|(pre)?monitoring"
    r"|inject\w*|iniett\w*)\b"
    r"|\b(c|ic|iv|km)\+|\+\s?(c|ce|km|iv|contrast)\b|\bi\.v\.?\s*contrast"
)
_PLAIN = re.compile(r"\b(plain|native?|nativ\w*|ncct|nect|unenhanced|non-?contrast)\b")


def region(text: str) -> Region:
    """Say which region a text names; one that names the head among others speaks of the head."""
    words = re.findall(r"[^\W\d_]+", _simple(text))
    if any(sign in text for sign in HEAD_SIGNS) or any(_is_head(word) for word in words):
        return Region.HEAD
    return Region.OTHER if any(_is_other(word) for word in words) else Region.SILENT


def agent_given(agent: str) -> bool:
    """Tell whether ContrastBolusAgent names a substance; some devices write that there was none."""
    said = _simple(agent).strip()
    return bool(said) and _NOTHING_GIVEN.fullmatch(said) is None


def speaks_of_contrast(text: str) -> bool:
    """Tell whether a description says that contrast was given; 'without contrast' does not."""
    return _CONTRAST.search(_NEGATED.sub(" ", _simple(text))) is not None


def says_plain(text: str) -> bool:
    """Tell whether a description says that no contrast was given."""
    said = _simple(text)
    return _PLAIN.search(said) is not None or _NEGATED.search(said) is not None


def _simple(text: str) -> str:
    """Lower case without accents, so that one spelling is enough."""
    apart = unicodedata.normalize("NFKD", text.casefold())
    return "".join(one for one in apart if not unicodedata.combining(one))


def _is_head(word: str) -> bool:
    return word in HEAD_WORDS or word.startswith(HEAD_STEMS)


def _is_other(word: str) -> bool:
    return word in OTHER_WORDS or word.startswith(OTHER_STEMS)
