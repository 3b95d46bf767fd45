"""Cards of the four systems as data: preprocessing, threshold and rule as published, and what must be said of each."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from models.sections import Preprocess
from models.seeds.systems import SYSTEMS, System

NOTICE = "Research use only, not for diagnosis"
SYNTHETIC = f"{NOTICE}; trained on synthetic data"
WANG_NORM = {"filter": "bilinear", "bytes": True, "mean": [0.456], "sd": [0.224], "through": 512, "centre": 0.8}


@dataclass(frozen=True)
class Template:
    """What a system's card says whoever trained it."""

    architecture: str
    preprocess: Mapping[str, Any]  #: beside windows, size and neighbours, which the system gives
    share_percent: float  #: of positive slices that make a series positive; 0 = one slice is enough
    limits: str


TEMPLATES: Mapping[str, Template] = {
    "effclass": Template(
        "EfficientClassification: EfficientDet-D0 pyramid, five transposed convolutions to 224x224, ResNet18 "
        "(Cortes-Ferre et al. 2023)",
        {"filter": "pillow", "bytes": True},
        10.0,
        "Kinds of bleeding are not told apart; slices are read one by one and their order plays no part. "
        "The map is no location, as its authors warn.",
    ),
    "burduja": Template(
        "ResNeXt-101 32x8d, then a reduction and a BiLSTM along the scan (Burduja et al. 2020)",
        {"filter": "bilinear", "mean": [0.1738, 0.1433, 0.1970], "sd": [0.3161, 0.2850, 0.3111]},
        0.0,
        "Channel means and spreads are those of the RSNA 2019 set. The map explains the slice network alone, not what "
        "the scan stage changes.",
    ),
    "wang-windows": Template(
        "DenseNet121, DenseNet169 and SE-ResNeXt101 on three windows, then the sequence model (Wang et al. 2021)",
        WANG_NORM,
        0.0,
        "The map explains the slice networks alone, not what the sequence stage changes. Thin slices lie outside the "
        "published training.",
    ),
    "wang-slices": Template(
        "DenseNet121, DenseNet169 and SE-ResNeXt101 on three neighbouring slices, then the sequence model "
        "(Wang et al. 2021)",
        {**WANG_NORM, "spread": True},
        0.0,
        "One fixed brain window, where the published code took the window of each file. The map explains the slice "
        "networks alone. Thin slices lie outside the published training.",
    ),
    "saraswathi": Template(
        "ResNet-50 with a two-class head (Saraswathi and Leela Lakshmi)",
        {"filter": "pillow", "bytes": True, "mean": [0.0], "sd": [1.0]},
        0.0,
        "The source read finished pictures: window, resize and the rule that one slice is enough are our choices. "
        "Kinds of bleeding are not told apart.",
    ),
}


@dataclass(frozen=True)
class Told:
    """What only the run that made the weights can say."""

    name: str
    version: str = "0.1.0"
    training_data: str = "None: random weights."
    synthetic: bool = True
    licence: str = "Apache-2.0"
    temperature: float = 1.0
    slice_threshold: float | None = None  #: None = the published one
    smoothed: bool = False  #: the heat map is the six-pass one
    preprocess: Mapping[str, Any] | None = None  #: as trained; None = the published one
    metrics: Mapping[str, float] = field(default_factory=dict)


def preprocess_of(system: System, size: int = 0) -> Preprocess:
    """How a system's slices become its input, for training as for serving; `size` in place of the published one."""
    return Preprocess.read(_preprocess_table(system, size or system.size))


def _preprocess_table(system: System, size: int) -> dict[str, Any]:
    windows = [list(window) for window in system.windows]
    own = {"windows": windows, "size": size, "mm_per_pixel": 0.0, "neighbours": system.neighbours}
    return {**own, **TEMPLATES[system.name].preprocess}


def card_table(system: System, size: int, told: Told) -> dict[str, Any]:
    """The card without its weights."""
    template = TEMPLATES[system.name]
    threshold = system.slice_threshold if told.slice_threshold is None else told.slice_threshold
    table: dict[str, Any] = {
        "name": told.name, "version": told.version, "architecture": template.architecture, "weights": "reader.onnx",
        "labels": list(system.findings), "slice_threshold": threshold, "temperature": told.temperature,
        "licence": told.licence, "intended_use": f"{SYNTHETIC if told.synthetic else NOTICE}.",
        "training_data": told.training_data, "limits": template.limits,
        "preprocess": _preprocess_table(system, size) if told.preprocess is None else dict(told.preprocess),
        "rule": {"kind": "share", "share_percent": template.share_percent, "rounding": "half_even"},
        "outputs": {name: name for name in ("probabilities", "features", "cam")},
        "metrics": dict(told.metrics),
    }  # fmt: skip
    if told.smoothed:
        table["outputs"]["weighted"] = "weighted"
        table["heatmap"] = {"kind": "smoothed"}
    return table


def as_toml(table: Mapping[str, Any]) -> str:
    """Plain values first, then one section per nested table; JSON's texts, numbers and lists are TOML's too."""
    plain = [f"{key} = {_value(value)}" for key, value in table.items() if not isinstance(value, Mapping)]
    sections = [
        "\n".join(["", f"[{key}]", *(f"{name} = {_value(one)}" for name, one in value.items())])
        for key, value in table.items()
        if isinstance(value, Mapping)
    ]
    return "\n".join([*plain, *sections, ""])


def _value(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


assert set(TEMPLATES) == set(SYSTEMS)
