"""The end of a run: temperature and operating point from the validation part, weights, record."""

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from models.datasets.phantoms import SOURCE as PHANTOM
from models.train.systems.judge import Scored, best_temperature, logit, operating_point, summary
from models.train.systems.loop import save
from models.train.systems.room import Room
from models.train.systems.run import WEIGHTS, RunRecord

if TYPE_CHECKING:
    from models.seeds.registry import Nets
    from models.train.systems.features import ScanFeatures


def scored_of(room: Room, made: Sequence[Any], scans: Sequence["ScanFeatures"]) -> list[Scored]:
    """The validation part with the probabilities that a stage gave it."""
    any_at = room.system.findings.index("any")
    return [
        Scored(
            np.asarray(one[:, any_at], np.float64),
            np.asarray(scan.labels[:, 0], np.float64),
            room.shelf.cases[at].bleeds,
        )
        for one, scan, at in zip(made, scans, room.parts[1], strict=True)
    ]


def finish(room: Room, nets: "Nets", scans: Sequence["ScanFeatures"]) -> None:
    """Temperature, operating point, weights, record."""
    scored = scored_of(room, [scan.probabilities for scan in scans], scans)
    temperature = 1.0 if room.recipe.scan else best_temperature(scored)
    cooled = [
        dataclasses.replace(one, probabilities=1 / (1 + np.exp(-logit(one.probabilities) / temperature)))
        for one in scored
    ]
    found = operating_point(cooled, room.rule)
    published = room.system.slice_threshold
    threshold = published if found is None else round(found, 4)
    folder = room.options.out / WEIGHTS
    folder.mkdir(exist_ok=True)
    for name, module in nets.modules().items():
        save(module.cpu().state_dict(), folder / f"{name}.pt")
    how = (
        "most sensitivity + specificity by series"
        if found is not None
        else "published: the validation part tells of no better one"
    )
    calibration = {"temperature": temperature, "slice_threshold": threshold, "threshold_from": how,
                   "published_threshold": published, "series": len(scored)}  # fmt: skip
    _record(room, calibration, summary(cooled, threshold, room.rule)).write(room.options.out)


def _record(room: Room, calibration: dict[str, Any], metrics: dict[str, float]) -> RunRecord:
    options, recipe = room.options, room.recipe
    data = _data(room)
    return RunRecord(
        system=recipe.system, name=f"{recipe.system}-{recipe.preset}", config=dict(recipe.net),
        preprocess=dataclasses.asdict(room.spec), recipe=recipe.as_dict(), data=data, training_data=_sentence(data),
        synthetic=options.data is None, seed=options.seed, temperature=calibration["temperature"],
        slice_threshold=calibration["slice_threshold"], calibration=calibration, metrics=metrics,
    )  # fmt: skip


def _data(room: Room) -> dict[str, Any]:
    names = ("training", "validation", "left for judging")
    cases = room.shelf.cases
    counts = {
        name: {
            "patients": len({cases[at].patient for at in part}), "series": len(part),
            "slices": sum(len(cases[at].sop_uids) for at in part),
            "series_with_a_bleed": sum(cases[at].bleeds is True for at in part),
        }
        for name, part in zip(names, room.parts, strict=False)
    }  # fmt: skip
    options = room.options
    where = {"phantoms": options.phantoms, "first_seed": options.seed} if options.data is None else {}
    return {"source": sorted({case.source for case in cases}), **where, "parts": counts}


def _sentence(data: dict[str, Any]) -> str:
    part = data["parts"]["training"]
    source = "synthetic heads of models.phantom" if data["source"] == [PHANTOM] else " and ".join(data["source"])
    return (
        f"{part['slices']} slices of {part['series']} series ({part['patients']} patients, "
        f"{part['series_with_a_bleed']} series with a bleed) of {source}."
    )
