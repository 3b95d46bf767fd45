"""The published recipes as data, and files of changes to them."""

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: install the 'train' extra")

from models.errors import RunUnusable  # noqa: E402
from models.seeds.systems import SYSTEMS  # noqa: E402
from models.train.systems.loop import make_optimiser, rate_at  # noqa: E402
from models.train.systems.options import TrainOptions  # noqa: E402
from models.train.systems.presets import preset, recipe_for  # noqa: E402
from models.train.systems.recipes import Optimiser, Rate  # noqa: E402


@pytest.fixture
def options(tmp_path):
    def with_recipe(recipe, system="burduja", **more):
        return TrainOptions(system=system, out=tmp_path, phantoms=4, recipe=str(recipe), **more)

    return with_recipe


@pytest.mark.parametrize("system", SYSTEMS)
def test_every_system_has_both_presets(system):
    published, small = preset(system, "published"), preset(system, "small")
    assert published.system == small.system == system
    assert (published.scan is None) == (small.scan is None) == (system in ("effclass", "saraswathi"))
    assert published.net == {} and small.net["backbones"]


def test_effclass_learns_as_published():
    recipe = preset("effclass", "published")
    slices = recipe.slice
    assert (slices.optimiser.kind, slices.optimiser.momentum, slices.optimiser.decay) == ("sgd", 0.9, 1e-3)
    assert [rate_at(slices.optimiser.rate, epoch) for epoch in (0, 0.99, 1, 2.5)] == [1e-4, 1e-4, 5e-5, 2.5e-5]
    assert (slices.epochs, slices.batch, slices.draw, slices.best) == (3, 4, "balanced", "accuracy")
    assert recipe.shares == (0.9, 0.05, 0.05)


def test_burduja_learns_as_published():
    recipe = preset("burduja", "published")
    rate = recipe.slice.optimiser.rate
    assert [rate_at(rate, epoch) for epoch in (0, 1.9, 2)] == pytest.approx([1e-4, 1e-4, 2e-5])
    assert (recipe.slice.batch, recipe.slice.epochs, recipe.slice.label_weights) == (32, 3, ())
    assert (recipe.scan.epochs, recipe.scan.batch, recipe.scan.crop, recipe.scan.reduction) == (4, 1, 0, "pca")
    assert rate_at(recipe.scan.optimiser.rate, 3.9) == 1e-4


def test_wang_learns_as_published():
    recipe = preset("wang-slices", "published")
    rate = recipe.slice.optimiser.rate
    assert rate_at(rate, 10.9) == rate_at(rate, 11) == 5e-4
    assert rate_at(rate, 13.5) == pytest.approx((5e-4 + 5.7e-5) / 2) and rate_at(rate, 15.999) < 5.8e-5
    assert rate_at(rate, 16) == 5e-4
    assert [rate_at(recipe.scan.optimiser.rate, epoch) for epoch in (19, 20, 30)] == pytest.approx([3e-4, 3e-5, 3e-6])
    assert (recipe.scan.crop, recipe.scan.thin_out, recipe.scan.reverse) == (24, 0.5, 0.5)
    assert sum(recipe.scan.label_weights) == pytest.approx(1) and recipe.scan.label_weights[0] == 2 / 7
    assert recipe.slice.augment.swap_outer == 0.5 and preset("wang-windows", "published").slice.augment.swap_outer == 0


def test_saraswathi_learns_as_published():
    recipe = preset("saraswathi", "published").slice
    assert (recipe.optimiser, recipe.batch, recipe.epochs) == (Optimiser("adam", Rate(1e-4)), 16, 30)
    assert not any((recipe.augment.affine, recipe.augment.flip_across, recipe.augment.erase))


def test_a_file_changes_what_it_names(options, tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('preset = "small"\nshares = [0.6, 0.4]\n[slice]\nbatch = 5\n[slice.optimiser.rate]\npeak = 1\n')
    small, made = preset("burduja", "small"), recipe_for(options(path, epochs=9))
    assert (made.slice.batch, made.slice.optimiser.rate.peak, made.shares, made.slice.epochs) == (5, 1.0, (0.6, 0.4), 9)
    assert made.scan == small.scan and made.slice.augment == small.slice.augment


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("batches = 3", "unknown name batches; known are system, preset"),
        ("[slice]\nbacth = 3", "unknown name slice.bacth"),
        ("slice = 3", "slice is a table"),
        ("[slice]\nbatch = 'many'", "invalid literal"),
        ("[[[", "not valid TOML"),
        ('preset = "huge"', "no preset 'huge'"),
        ("[slice.optimiser]\nkind = 'lion'", "optimiser kind 'lion'"),
        ("[slice]\ndraw = 'some'", "draw 'some'"),
    ],
)
def test_a_wrong_file_is_told_in_one_line(options, tmp_path, text, told):
    path = tmp_path / "wrong.toml"
    path.write_text(text)
    with pytest.raises(RunUnusable) as error:
        recipe_for(options(path))
    assert told in str(error.value) and "\n" not in str(error.value)


def test_a_recipe_that_is_not_there_is_told(options):
    with pytest.raises(RunUnusable, match="no such recipe; name published, small or a TOML file"):
        recipe_for(options("nowhere.toml"))


def test_optimisers_are_those_named():
    net = torch.nn.Linear(2, 2)
    net.bias.requires_grad_(False)
    for kind, made in (("sgd", torch.optim.SGD), ("adam", torch.optim.Adam), ("adamw", torch.optim.AdamW)):
        optimiser = make_optimiser(net, Optimiser(kind, Rate(0.1), momentum=0.9, decay=0.01))
        assert type(optimiser) is made and len(optimiser.param_groups[0]["params"]) == 1
        assert optimiser.param_groups[0]["weight_decay"] == 0.01
