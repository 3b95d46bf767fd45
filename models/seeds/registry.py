"""The four systems by name: `build(name, config)` gives the networks that `systems` describes.

A Config says what differs from the published system; a run keeps it beside its weights, so that the same networks can
be built again. Nothing here is code that only tests use: small networks are small numbers in the same places.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from torch import nn

from models.seeds import burduja, saraswathi, wang
from models.seeds.backbones import Backbone, PooledNet
from models.seeds.bench import Bench, Member
from models.seeds.burduja import LstmConfig, ScanReader
from models.seeds.effclass import RESNET18, EffClass, EffClassConfig
from models.seeds.systems import SOFTMAX, SYSTEMS, System
from models.seeds.wang import WangScan

Scan = ScanReader | WangScan
#: the published ones; of effclass the net that reads the picture
BACKBONES: Mapping[str, tuple[Backbone, ...]] = {
    "effclass": (RESNET18,),
    "burduja": (burduja.RESNEXT,),
    "wang-windows": wang.BACKBONES,
    "wang-slices": wang.BACKBONES,
    "saraswathi": (saraswathi.RESNET,),
}


@dataclass(frozen=True)
class Config:
    """What differs from the published system; empty = nothing."""

    backbones: tuple[Backbone, ...] = ()  #: in place of the published; of effclass the net that reads the picture
    detector: Mapping[str, Any] = field(default_factory=dict)  #: effclass: changes to effdet's efficientdet_d0
    size: int = 0  #: side of the input; effclass takes 512 alone
    sequence: Mapping[str, Any] = field(default_factory=dict)  #: changes to LstmConfig or SequenceConfig
    chains: bool = False  #: wang: one sequence model per backbone, averaged, in place of the joint one

    @classmethod
    def read(cls, raw: Mapping[str, Any]) -> "Config":
        """From JSON or TOML, as `as_dict` wrote it."""
        backbones = tuple(Backbone(one["name"], dict(one.get("options", {}))) for one in raw.get("backbones", ()))
        return cls(**{**raw, "backbones": backbones})

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


@dataclass(frozen=True, eq=False)
class Nets:
    """One system's networks: the members that read a slice, and what reads a scan, where the system has that."""

    system: System
    size: int
    members: tuple[Member, ...]
    scan: Scan | None

    @property
    def feature_width(self) -> int:
        """Length of the vector that the slice graph hands on."""
        own = sum(self.widths)
        return own if len(self.members) == 1 else own + len(self.members) * len(self.system.findings)

    @property
    def widths(self) -> tuple[int, ...]:
        """Length of each member's pooled vector."""
        return tuple(net.fc.in_features for net in self.members)

    def bench(self, temperature: float = 1.0, *, weighted: bool = False) -> Bench:
        """The slice graph."""
        softmax = self.system.head == SOFTMAX
        return Bench(self.members, softmax=softmax, temperature=temperature, weighted=weighted).eval()

    def modules(self) -> dict[str, nn.Module]:
        """Every network by the name of its checkpoint: member-0, member-1, ..., scan."""
        named: dict[str, nn.Module] = {f"member-{at}": net for at, net in enumerate(self.members)}
        return named | ({"scan": self.scan} if self.scan else {})


def build(name: str, config: Config | None = None, *, pretrained: bool = False) -> Nets:
    """A system's networks; pretrained weights where they are cached or reachable, else from scratch, and told."""
    if name not in SYSTEMS:
        raise ValueError(f"no system '{name}': name one of {', '.join(SYSTEMS)}")
    system, config = SYSTEMS[name], config or Config()
    members = _members(system, config, pretrained)
    return Nets(system, config.size or system.size, members, _scan(system, config, members))


def _members(system: System, config: Config, pretrained: bool) -> tuple[Member, ...]:
    backbones = config.backbones or BACKBONES[system.name]
    if system.name == "effclass":
        return (EffClass(EffClassConfig(config.detector, backbones[0]), pretrained),)
    return tuple(PooledNet(spec, len(system.labels), pretrained) for spec in backbones)


def _scan(system: System, config: Config, members: Sequence[Member]) -> Scan | None:
    widths = tuple(net.fc.in_features for net in members)
    if system.name == "burduja":
        return burduja.scan_reader(widths[0], LstmConfig(**config.sequence)).eval()
    if system.name.startswith("wang"):
        return wang.scan_reader(widths, config.sequence, chains=config.chains).eval()
    return None
