"""What is drawn, from which range and how often: the generator's priors, as data.

Every entry stands for a calm demonstration (variety 0) and for the full spread (variety 1); what lies between is
interpolated. Lengths in mm, densities in HU, angles in degrees unless a name says otherwise.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Range:
    """From where to where a number is drawn."""

    low: float
    high: float
    calm: tuple[float, float] | None = None  #: narrower bounds for a demonstration
    log: bool = False  #: uniform in the logarithm


@dataclass(frozen=True)
class Chance:
    """How often something is there."""

    full: float
    calm: float = 0.0


@dataclass(frozen=True, eq=False)
class Dice:
    """A seeded generator that knows the priors and how far to use them."""

    rng: np.random.Generator
    variety: float

    def of(self, name: str) -> float:
        """One number from the range of that name."""
        span = RANGES[name]
        low, high = span.low, span.high
        if span.calm:
            low, high = (near + (far - near) * self.variety for near, far in zip(span.calm, (low, high), strict=True))
        if span.log:
            return float(np.exp(self.rng.uniform(np.log(low), np.log(high))))
        return float(self.rng.uniform(low, high))

    def happens(self, name: str) -> bool:
        """Whether the thing of that name is there."""
        chance = CHANCES[name]
        return bool(self.rng.random() < chance.calm + (chance.full - chance.calm) * self.variety)

    def side(self) -> float:
        """-1 right, +1 left."""
        return float(self.rng.choice([-1, 1]))

    def pick(self, weights: dict[str, float]) -> str:
        """One of the names, as often as its weight says."""
        shares = np.array(list(weights.values()))
        return str(self.rng.choice(list(weights), p=shares / shares.sum()))


RANGES = {
    # the head: adult CT morphometry; the cavity is 125-145 mm wide and 160-180 mm long
    "half_width": Range(62, 71, (64, 69)), "half_length": Range(77, 88, (79, 86)), "height": Range(68, 79, (70, 77)),
    "head_size": Range(0.92, 1.07, (0.97, 1.03)), "child_size": Range(0.86, 0.97),
    "skull": Range(3.4, 8.6, (4.5, 7.0)), "child_skull": Range(2.2, 4.5), "scalp": Range(2.5, 9.0, (4, 7)),
    "egg": Range(0.04, 0.17, (0.06, 0.15)), "lean": Range(-0.06, 0.06, (-0.02, 0.02)),
    "white": Range(21, 31, (25, 29)), "contrast": Range(5.0, 12.0, (8.0, 10.5)), "csf": Range(1, 14, (4, 10)),
    "table": Range(1000, 1900, (1200, 1700)), "diploe": Range(200, 950, (350, 800)),
    "dura": Range(40, 66, (44, 56)), "blood_pool": Range(38, 74, (44, 56)),
    "falx": Range(0.15, 1.0, (0.2, 0.5)), "cortex": Range(2.2, 3.6, (2.6, 3.2)), "gyrus": Range(13, 21, (14, 17)),
    "cortex_zone": Range(0.2, 0.85, (0.5, 0.75)), "cortex_reach": Range(12, 24, (15, 20)),
    "sinus": Range(0, 1), "opaque": Range(5, 60),
    "texture": Range(0.3, 2.2, (0.5, 1.2)), "ventricle_extra": Range(-0.25, 0.35, (-0.12, 0.15)),
    "hydrocephalus": Range(1.5, 2.5), "asymmetry": Range(-0.2, 0.2, (-0.08, 0.08)),
    "pineal": Range(1.0, 4.0, (1.2, 3.0)), "choroid": Range(1.2, 6.0, (1.5, 4.0)), "ganglia": Range(1.0, 6.0, (1.2, 3)),
    "calcium": Range(70, 420, (120, 220)),
    # bleeds: what emergency series report, from just visible to fatal
    "volume": Range(0.3, 80, (20, 40), log=True), "volume_ivh": Range(0.3, 40, (12, 22), log=True),
    "volume_sah": Range(0.4, 50, (20, 30), log=True), "second_volume": Range(0.3, 25, (4, 12), log=True),
    "acute": Range(50, 85, (60, 74)), "subacute": Range(38, 54), "fluid_blood": Range(40, 72, (52, 64)),
    "hyperacute": Range(38, 52), "above_grey": Range(5, 14),
    "swirl": Range(0, 6, (0, 2)), "swirl_mixed": Range(6, 16),
    "sediment": Range(8, 25), "edema_width": Range(1, 12, (2, 6)), "edema_depth": Range(4, 13, (6, 10)),
    "ragged": Range(0.3, 3.5, (1.0, 2.2)), "shift_per_ml": Range(0.03, 0.2, (0.08, 0.12)),
    "thin_slope": Range(0.3, 2.5), "slope": Range(2.5, 12, (6, 10)), "film": Range(2.5, 5, (3, 4)),
    # what fools readers
    "infarct_size": Range(6, 32), "infarct_depth": Range(8, 24), "acute_depth": Range(2, 7),
    "wmd_width": Range(3, 16), "wmd_depth": Range(3, 11), "lacune": Range(1.5, 5), "cyst_size": Range(8, 30),
    "swelling": Range(3, 18), "swelling_hu": Range(20, 80), "fracture": Range(0.6, 2.6), "plate_ring": Range(18, 45),
    "missing_bone": Range(28, 58), "pneumo": Range(2, 16), "metal": Range(1.2, 5), "streak": Range(20, 160, log=True),
    "hyperostosis": Range(2, 9), "tumour_size": Range(5, 18), "tumour_hu": Range(36, 62), "oedema_all": Range(2, 6),
    # pose
    "pitch": Range(-18, 24, (-4, 6)), "roll": Range(-15, 15, (-4, 4)), "yaw": Range(-15, 15, (-4, 4)),
    "tilt": Range(3, 24, (5, 20)), "off_centre": Range(-22, 22, (-5, 5)), "fov": Range(180, 300, (222, 250)),
    "usual_fov": Range(205, 256, (222, 250)), "lift": Range(-22, 22, (-2, 6)),
    # scanner
    "noise": Range(1.5, 7, (2.0, 3.6), log=True), "blur": Range(0.25, 0.8, (0.33, 0.48)),
    "sharpen": Range(0.2, 2.2), "grain": Range(0.3, 1.5, (0.8, 1.3)), "cut_off": Range(0.6, 1.2, (0.75, 0.95)),
    "hardening": Range(0, 10, (3, 6)), "streaks": Range(0, 22, (2, 7)), "cupping": Range(-4, 4, (-1, 1)),
    "shell": Range(-950, 300, (-250, 120)), "rest": Range(94, 118, (99, 108)), "rest_from": Range(-25, 70, (0, 30)),
    "rest_squash": Range(0.75, 1.15, (0.9, 1.0)), "motion": Range(1, 7), "motion_share": Range(0.2, 0.5),
    "offset": Range(-3, 3, (-1, 1)),
}  # fmt: skip

CHANCES = {
    "child": Chance(0.08), "young": Chance(0.22, 0.1), "hydrocephalus": Chance(0.07),
    "pineal": Chance(0.65, 0.7), "choroid": Chance(0.6, 0.6), "ganglia": Chance(0.15, 0.1), "falx_calcium": Chance(0.2),
    "artery_calcium": Chance(0.3, 0.1), "cyst": Chance(0.04), "mega_cisterna": Chance(0.05),
    "second_kind": Chance(0.3), "second_same": Chance(0.15), "subacute": Chance(0.14), "hyperacute": Chance(0.07),
    "mixed": Chance(0.2), "sediment": Chance(0.1), "oedema_all": Chance(0.06),
    "old_infarct": Chance(0.16), "acute_infarct": Chance(0.08), "white_matter": Chance(0.35, 0.1),
    "lacunes": Chance(0.2), "dense_artery": Chance(0.06), "tumour": Chance(0.05), "swelling": Chance(0.2),
    "swelling_with_bleed": Chance(0.35), "fracture": Chance(0.06), "fracture_with_bleed": Chance(0.18),
    "pneumo": Chance(0.04), "surgery": Chance(0.07), "shunt": Chance(0.04), "coil": Chance(0.025),
    "electrodes": Chance(0.03), "leads": Chance(0.06), "dental": Chance(0.12), "hyperostosis": Chance(0.08),
    "full_sinuses": Chance(0.2), "motion": Chance(0.08), "tilted": Chance(0.5, 0.5), "odd_fov": Chance(0.15),
    "odd_pose": Chance(0.3), "no_rest": Chance(0.2), "sharp": Chance(0.25), "cut_vertex": Chance(0.12),
}  # fmt: skip

#: what is seen together with the main kind, and how often relative to the others
COMPANIONS = {
    "epidural": {"subdural": 0.5, "subarachnoid": 0.25, "intraparenchymal": 0.25},
    "intraparenchymal": {"intraventricular": 0.55, "subarachnoid": 0.3, "subdural": 0.15},
    "intraventricular": {"intraparenchymal": 0.6, "subarachnoid": 0.4},
    "subarachnoid": {"intraventricular": 0.35, "intraparenchymal": 0.35, "subdural": 0.3},
    "subdural": {"subarachnoid": 0.55, "intraparenchymal": 0.3, "epidural": 0.15},
}
VOLUME_OF = {"intraventricular": "volume_ivh", "subarachnoid": "volume_sah"}  #: others: "volume"
#: sub-shapes of each kind; the first of each is what a demonstration shows
SHAPES = {
    "epidural": {"lens": 0.8, "vertex": 0.08, "posterior": 0.12},
    "subdural": {"crescent": 0.55, "thin": 0.2, "falx": 0.13, "tentorial": 0.12},
    "intraparenchymal": {"deep": 0.3, "lobar": 0.28, "contusion": 0.2, "cerebellar": 0.1, "stem": 0.06,
                         "several": 0.06},
    "intraventricular": {"cast": 0.3, "layer": 0.4, "lone": 0.2, "central": 0.1},
    "subarachnoid": {"star": 0.3, "sylvian": 0.2, "convexity": 0.3, "around_stem": 0.08, "diffuse": 0.12},
}  # fmt: skip
