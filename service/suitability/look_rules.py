"""Whether the pixels show a head: a closed ring of bone with brain inside. Pure; areas in cm2, shares 0 to 1.

The numbers were set on real scans: the brain levels of a head have rings of 0.85 to 1.00 and brain shares above 0.5;
chest, abdomen and spine stay below rings of 0.71 or brain shares of 0.41, and torsos lie above 500 cm2.
"""

from __future__ import annotations

from service.domain.checks import CheckName, line
from service.domain.reading import HeadLook
from service.domain.series import Check
from service.settings import SuitabilitySettings
from service.suitability.header_rules import header_says_head
from service.suitability.subject import SeriesToJudge

#: a ring open by more than this is no skull, not even after a craniectomy
RING = 0.7
#: share of brain-like values; a large bleed or swelling leaves more than this
BRAIN = 0.5
#: a ring closed this far is a skull even where what it holds looks strange, if the header calls it a head
CLOSED_RING = 0.85
ENCLOSED_CM2 = (40.0, 300.0)
#: no head is larger, most torsos are
TORSO_CM2 = 600.0
#: either this share of the slices, or this length in mm, must show a head
LEVELS_SHARE = 1 / 3
LEVELS_MM = 40.0
#: more torso than this, and the series is a body scan with a head in it
TORSO_SHARE = 1 / 3


def shows_brain(look: HeadLook) -> bool:
    """Tell a level of the head with brain inside the skull."""
    return look.skull_ring >= RING and look.brain >= BRAIN and _head_sized(look)


def shows_skull(look: HeadLook) -> bool:
    """Tell a level with a closed skull, whatever it holds."""
    return look.skull_ring >= CLOSED_RING and _head_sized(look)


def _head_sized(look: HeadLook) -> bool:
    return ENCLOSED_CM2[0] <= look.enclosed_cm2 <= ENCLOSED_CM2[1] and look.body_cm2 <= TORSO_CM2


def head(series: SeriesToJudge, _: SuitabilitySettings) -> Check:
    """Ask for brain inside a skull; where the header names the head, a closed skull is enough.

    So a head whose inside is changed beyond recognition (or a plastic one) is read, and a mislabelled torso is not.
    """
    looks = [one for one in series.looks if one is not None]
    wanted = "a closed ring of bone with brain inside"
    if not looks:
        return line(CheckName.HEAD, True, "no slice decoded" if series.looks else "not looked at yet", wanted, "")
    brain, skull = sum(map(shows_brain, looks)), sum(map(shows_skull, looks))
    torso = sum(one.body_cm2 > TORSO_CM2 for one in looks)
    found = f"brain in a skull on {brain}, a closed skull on {skull}, a torso on {torso} of {len(looks)} slices"
    levels = max(brain, skull) if header_says_head(series) else brain
    passed = _enough(levels, series) and torso <= TORSO_SHARE * len(looks)
    return line(CheckName.HEAD, passed, found, wanted, f"the pixels do not look like a head ({found})")


def _enough(levels: int, series: SeriesToJudge) -> bool:
    step = series.geometry.median_step or 0.0
    read = sum(one is not None for one in series.looks)
    return levels > 0 and (levels >= LEVELS_SHARE * read or levels * step >= LEVELS_MM)
