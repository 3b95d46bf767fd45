"""The four published systems as data: what goes in, what comes out, in which order. Nothing here needs a network.

Label orders differ between the systems, on purpose: a caller asks `label_index`, never a number.
"""

from dataclasses import dataclass

KINDS = ("epidural", "intraparenchymal", "intraventricular", "subarachnoid", "subdural")
ANY_LAST = (*KINDS, "any")
ANY_FIRST = ("any", *KINDS)
NO_YES = ("no", "yes")

BRAIN, SUBDURAL, SOFT, BONE = (40, 80), (80, 200), (40, 380), (600, 2800)  #: (centre, width) in HU

SIGMOID, SOFTMAX = "sigmoid", "softmax"


@dataclass(frozen=True)
class System:
    """One published way to read a slice."""

    name: str
    labels: tuple[str, ...]  #: in the order of the network's logits
    head: str  #: sigmoid: one finding per logit; softmax: the last logit against the first
    windows: tuple[tuple[int, int], ...]  #: one per channel
    neighbours: int  #: slices above and below that are channels too
    size: int  #: input is size x size pixels
    slice_threshold: float  #: positive when strictly above
    backbones: tuple[str, ...]

    @property
    def findings(self) -> tuple[str, ...]:
        """What is reported, in column order: a two-logit head tells one thing."""
        return ("any",) if self.head == SOFTMAX else self.labels

    def label_index(self, label: str) -> int:
        """Column of a label among the logits."""
        return self.labels.index(label)


EFFCLASS = System(
    "effclass", NO_YES, SOFTMAX, (BRAIN, SUBDURAL, SOFT), 0, 512, 0.8, ("efficientdet_d0", "resnet18")
)  # fmt: skip
BURDUJA = System(
    "burduja", ANY_LAST, SIGMOID, (BRAIN, SUBDURAL, SOFT), 0, 256, 0.5, ("resnext101_32x8d",)
)  # fmt: skip
WANG_CNNS = ("densenet121", "densenet169", "legacy_seresnext101_32x4d")
WANG_WINDOWS = System("wang-windows", ANY_FIRST, SIGMOID, (BRAIN, SUBDURAL, BONE), 0, 256, 0.5, WANG_CNNS)
WANG_SLICES = System("wang-slices", ANY_FIRST, SIGMOID, (BRAIN,), 1, 256, 0.5, WANG_CNNS)
SARASWATHI = System("saraswathi", NO_YES, SOFTMAX, (BRAIN, BRAIN, BRAIN), 0, 224, 0.5, ("resnet50",))

SYSTEMS = {one.name: one for one in (EFFCLASS, BURDUJA, WANG_WINDOWS, WANG_SLICES, SARASWATHI)}
