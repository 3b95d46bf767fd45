"""The recipes of the four systems: `published` is what paper or released code say, `small` the same at a desk's scale.

Where paper and code disagree the paper is taken, but for what only the code tells. What is ours stands in
docs/training.md: one split by patient in place of folds, features from a single view, epochs kept by validation loss.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from models.errors import RunUnusable
from models.train.systems.options import TrainOptions
from models.train.systems.recipes import (
    Augment,
    Optimiser,
    Rate,
    Recipe,
    ScanRecipe,
    SliceRecipe,
    changed,
    read_changes,
)

PUBLISHED, SMALL = "published", "small"
ANY_TWICE = (2 / 7, 1 / 7, 1 / 7, 1 / 7, 1 / 7, 1 / 7)  #: `any` first

EFFCLASS = Recipe(
    "effclass", PUBLISHED,
    SliceRecipe(
        Optimiser("sgd", Rate(1e-4, at=(1, 2), factor=0.5), momentum=0.9, decay=1e-3), epochs=3, batch=4,
        draw="balanced", augment=Augment(flip_across=0.5, flip_down=0.5), best="accuracy",
    ),
    shares=(0.9, 0.05, 0.05),
)  # fmt: skip
BURDUJA = Recipe(
    "burduja", PUBLISHED,
    SliceRecipe(
        Optimiser("adam", Rate(1e-4, at=(2,), factor=0.2)), epochs=3, batch=32,
        augment=Augment(flip_across=0.5, affine=0.5, shift=0.0625, scale=0.1, turn=45, tone=0.5, brightness=0.2,
                        contrast=0.2),
    ),
    ScanRecipe(Optimiser("adam", Rate(1e-4)), epochs=4, batch=1, reduction="pca"),
    shares=(0.966, 0.034),
)  # fmt: skip
WANG = Recipe(
    "wang-slices", PUBLISHED,
    SliceRecipe(
        Optimiser("adam", Rate(5e-4, "cycles", start=11, period=5, low=5.7e-5), decay=2e-5), epochs=80, batch=32,
        draw="middle", per_series=4,
        augment=Augment(flip_across=0.5, affine=0.5, shift=0.1, scale=0.1, aspect=0.1, turn=30, swap_outer=0.5,
                        erase=0.5, crop=(0.6, 0.99)),
    ),
    ScanRecipe(
        Optimiser("adam", Rate(3e-4, at=(20, 30), factor=0.1)), epochs=40, batch=128, crop=24, thin_out=0.5,
        reverse=0.5, label_weights=ANY_TWICE,
    ),
)  # fmt: skip
#: channels are windows here, so they keep their places
WANG_WINDOWS = replace(
    WANG, system="wang-windows", slice=replace(WANG.slice, augment=replace(WANG.slice.augment, swap_outer=0.0))
)
SARASWATHI = Recipe(
    "saraswathi", PUBLISHED,
    SliceRecipe(Optimiser("adam", Rate(1e-4)), epochs=30, batch=16, draw="balanced"),
)  # fmt: skip

#: what `small` changes: backbones of a few hundred thousand weights, inputs of 128 pixels (effclass takes 512 alone)
TINY = {"name": "resnet18", "options": {"layers": [1, 1, 1, 1], "channels": [16, 32, 64, 96]}}
TINY_DENSE = {"name": "densenet121", "options": {"growth_rate": 12, "block_config": [2, 2, 2, 2]}}
TINY_PYRAMID = {
    "backbone_name": "resnet18", "backbone_args": {"layers": [1, 1, 1, 1], "channels": [16, 24, 32, 48]},
    "backbone_indices": [2, 3, 4], "fpn_channels": 8, "fpn_cell_repeats": 1,
}  # fmt: skip
BRISK = Optimiser("adamw", Rate(2e-3, "cycles", period=1000.0, low=2e-5), decay=1e-2)
SMALL_SCAN = {"epochs": 20, "batch": 8, "optimiser": {"rate": {"peak": 1e-3, "at": (12, 17)}}}
SMALL_CHANGES: Mapping[str, Mapping[str, Any]] = {
    "effclass": {
        "net": {"backbones": [TINY], "detector": TINY_PYRAMID},
        "slice": {"batch": 4, "validate": 60},
    },
    "burduja": {
        "net": {"backbones": [TINY], "size": 128, "sequence": {"features": 24, "hidden": 48, "layers": 2}},
        "scan": SMALL_SCAN,
    },
    "wang-slices": {
        "net": {
            "backbones": [TINY, TINY_DENSE], "size": 128,
            "sequence": {"features": 64, "hidden": 48, "squeezed": 24, "gru": 24, "wide": 48, "narrow": 32},
        },
        "scan": SMALL_SCAN,
    },
    "saraswathi": {"net": {"backbones": [TINY], "size": 128}},
}  # fmt: skip


def preset(system: str, name: str) -> Recipe:
    """A system's recipe by name."""
    published = {one.system: one for one in (EFFCLASS, BURDUJA, WANG, WANG_WINDOWS, SARASWATHI)}[system]
    return published if name == PUBLISHED else small(published)


def small(published: Recipe) -> Recipe:
    """The same order of events with little networks, brisk rates and few epochs."""
    key = "wang-slices" if published.system == "wang-windows" else published.system
    epochs, turn = 12, min(15.0, published.slice.augment.turn)
    brisk = replace(
        published,
        preset=SMALL,
        slice=replace(
            published.slice,
            optimiser=replace(BRISK, rate=replace(BRISK.rate, period=float(epochs))),
            epochs=epochs,
            batch=16,
            draw="balanced",
            best="loss",
            validate=300,
            augment=replace(published.slice.augment, turn=turn, erase=0.0),
        ),
        shares=(0.75, 0.25),
        report=10,
        keep=50,
        workers=0,
    )
    return changed(brisk, SMALL_CHANGES[key], Path(SMALL))


def recipe_for(options: TrainOptions) -> Recipe:
    """What the command line asks for: a preset, or a file of changes to one."""
    if options.recipe in (PUBLISHED, SMALL):
        recipe = preset(options.system, options.recipe)
    else:
        path = Path(options.recipe)
        changes = read_changes(path)
        base = str(changes.get("preset", PUBLISHED))
        if base not in (PUBLISHED, SMALL):
            raise RunUnusable(path, f"no preset '{base}'", f"name {PUBLISHED} or {SMALL}")
        recipe = changed(preset(options.system, base), changes, path)
    return replace(recipe, slice=replace(recipe.slice, epochs=options.epochs)) if options.epochs else recipe
