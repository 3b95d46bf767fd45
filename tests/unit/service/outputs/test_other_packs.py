"""Packs name their labels in another order, know the one word, or draw maps of another size: the answer stays right."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from highdicom.sr import Comprehensive3DSR
from pydicom import dcmread

from service.domain.reading import ActivationMap
from service.outputs.heat import heat_of
from service.outputs.render import render
from service.outputs.source import Order

KINDS = ("epidural", "intraparenchymal", "intraventricular", "subarachnoid", "subdural")
ORDERS = {"house": ("any", *KINDS), "any last": (*KINDS, "any"), "any alone": ("any",)}
REGION = (-20.0, 16.0, 236.0, 272.0)
#: where the map of any bleed is hot, in source pixels (row, column)
BLEED = (100.0, 160.0)
MADE_AT = 1_790_000_000.0


def activation(labels: tuple[str, ...], cells: int) -> ActivationMap:
    """One hot cell at BLEED in the plane of any; the planes of the kinds are hot, hotter even, in a corner."""
    made = np.zeros((len(labels), cells, cells), np.float16)
    made[:, -1, 0] = 9
    at = labels.index("any")
    made[at] = 0
    row, column = ((value - start) / 256 * cells for value, start in zip(BLEED, REGION[:2], strict=True))
    made[at, int(row), int(column)] = 3
    return ActivationMap(labels=len(labels), rows=cells, columns=cells, region=REGION, data=made.tobytes())


def of_pack(study: Any, labels: tuple[str, ...], cells: int) -> Any:
    """The same study as a pack with these labels would have it."""
    known = dict(study.verdict.conclusions[0].findings)
    ranked = sorted(labels, key=lambda one: one != "any")
    conclusion = replace(study.verdict.conclusions[0], findings=tuple((label, known[label]) for label in ranked))
    keys = tuple(replace(key, activation=activation(labels, cells)) for key in study.source.key_slices)
    source = replace(study.source, key_slices=keys, pack=replace(study.source.pack, labels=labels))
    return replace(study, verdict=replace(study.verdict, conclusions=(conclusion,)), source=source)


@pytest.mark.parametrize("cells", [7, 8, 16, 32])
@pytest.mark.parametrize("order", ORDERS)
def test_heat_lies_where_the_map_of_any_bleed_is_hot(order: str, cells: int) -> None:
    labels = ORDERS[order]
    heat = heat_of(activation(labels, cells), labels, 0.9, (256, 256))
    hottest = np.unravel_index(int(heat.argmax()), heat.shape)
    assert np.abs(np.subtract(hottest, BLEED)).max() <= 256 / cells
    assert heat.max() == pytest.approx(0.9, rel=0.15)
    assert heat[235, 16:40].max() < 0.2


@pytest.mark.parametrize("cells", [7, 32])
@pytest.mark.parametrize("order", ORDERS)
def test_pictures_and_report_follow_the_labels(study: Any, order: str, cells: int) -> None:
    labels = ORDERS[order]
    mine = of_pack(study, labels, cells)
    *pictures, report = (dcmread(BytesIO(one.payload)) for one in render(mine.verdict, mine.source, Order(), MADE_AT))
    assert len(pictures) == 4
    assert all(red_middle(one) > 0 for one in pictures[1:])
    groups = Comprehensive3DSR.from_dataset(report).content.get_image_measurement_groups()
    known = dict(study.verdict.conclusions[0].findings)
    told = {group.finding_type.value: group.get_measurements()[0].value for group in groups[1:]}
    assert told == {label: known[label] for label in labels if label != "any"}
    assert groups[0].get_measurements()[0].value == pytest.approx(known["any"])


def test_the_same_map_gives_the_same_picture_whatever_the_order(study: Any) -> None:
    made = []
    for labels in (ORDERS["house"], ORDERS["any last"]):
        mine = of_pack(study, labels, 16)
        made.append([one.payload for one in render(mine.verdict, mine.source, Order(), MADE_AT)])
    assert made[0] == made[1]


def red_middle(picture: Any) -> int:
    """Pixels of the overlay's panel that are clearly redder than grey."""
    rgb = picture.pixel_array[84:596, 580:1070].astype(int)
    return int((rgb[..., 0] - rgb[..., 2] > 60).sum())
