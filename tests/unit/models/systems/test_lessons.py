"""What a step learns from: draws, views, losses and crops, each a pure function of its seed."""

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: install the 'train' extra")

from packs import small_nets  # noqa: E402

from models.datasets import LABELS  # noqa: E402
from models.seeds.systems import SYSTEMS  # noqa: E402
from models.train.systems.draws import DRAWS, rng_of, scan_window  # noqa: E402
from models.train.systems.features import ScanFeatures  # noqa: E402
from models.train.systems.presets import preset  # noqa: E402
from models.train.systems.recipes import Augment  # noqa: E402
from models.train.systems.scans import Course, ScanStage, fit_reduction, fold_temperature, reduce_by  # noqa: E402
from models.train.systems.shelf import SliceTable  # noqa: E402
from models.train.systems.slices import loss_of, masked_bce  # noqa: E402
from models.train.systems.views import Look, augment  # noqa: E402


def table(lengths, bleeding):
    """Series of some lengths; `bleeding` names (series, slice)."""
    case = np.repeat(np.arange(len(lengths), dtype=np.int32), lengths)
    place = np.concatenate([np.arange(length, dtype=np.int32) for length in lengths])
    labels = np.zeros((len(case), len(LABELS)), np.float32)
    for one, at in bleeding:
        labels[(case == one) & (place == at), 0] = 1
    return SliceTable(case, place, np.repeat(np.array(lengths, np.int32), lengths), labels)


def test_a_balanced_draw_has_as_many_of_both():
    slices = table([10, 12], [(0, 3), (0, 4), (1, 5)])
    rows = DRAWS["balanced"](slices, 0, rng_of(1, "x"))
    assert sorted(slices.labels[rows, 0]) == [0, 0, 0, 1, 1, 1] and len(set(rows)) == 6
    assert sorted(DRAWS["all"](slices, 0, rng_of(1, "x"))) == list(range(22))


def test_a_middle_draw_keeps_to_the_middle_and_off_the_last_slice():
    slices = table([32, 20, 1], [])
    drawn = np.concatenate([DRAWS["middle"](slices, 4, rng_of(1, "x", epoch)) for epoch in range(400)])
    assert len(drawn) == 400 * 2 * 4
    places = slices.place[drawn[slices.case[drawn] == 0]]
    count = np.bincount(places, minlength=32)
    assert count[31] == 0 and count[0] > 0
    assert count[14:18].mean() > 2.5 * count[:4].mean()
    assert not (slices.case[drawn] == 2).any()


def test_draws_follow_seed_stage_and_count():
    first = rng_of(1, "member-0", 5).random(4)
    assert np.array_equal(first, rng_of(1, "member-0", 5).random(4))
    for other in (rng_of(2, "member-0", 5), rng_of(1, "member-1", 5), rng_of(1, "member-0", 6)):
        assert not np.array_equal(first, other.random(4))


def test_scan_windows_are_neighbours_or_every_second():
    steps = set()
    for seed in range(50):
        kept = scan_window(40, 12, 0.5, np.random.default_rng(seed))
        assert len(kept) == 12
        steps |= set(np.diff(kept).tolist())
    assert steps == {1, 2}
    assert scan_window(9, 24, 1.0, np.random.default_rng(0)).tolist() == list(range(9))
    assert len(scan_window(33, 0, 0.0, np.random.default_rng(0))) == 33


def look(size=24, channels=3):
    return Look(size, (-2.0,) * channels)


def seeded(seed):
    return torch.Generator().manual_seed(seed)


def test_without_wishes_an_image_stays_as_it_is():
    images = torch.randn(3, 3, 24, 24)
    assert torch.equal(augment(images, Augment(), look(), seeded(1)), images)


def test_flips_and_swaps_are_exact():
    images = torch.randn(64, 3, 24, 24)
    seen = augment(images, Augment(flip_across=0.5, flip_down=0.5), look(), seeded(1))
    kinds = [
        [torch.equal(one, two) for two in (was, was.flip(2), was.flip(1), was.flip((1, 2)))]
        for one, was in zip(seen, images, strict=True)
    ]
    assert all(sum(each) == 1 for each in kinds) and all(any(each[at] for each in kinds) for at in range(4))
    swapped = augment(images, Augment(swap_outer=1.0), look(), seeded(1))
    assert torch.equal(swapped[:, 0], images[:, 2]) and torch.equal(swapped[:, 1], images[:, 1])


def test_views_of_the_published_recipes_are_seeded_and_finite():
    for system, size in (("burduja", 24), ("wang-slices", 48)):
        wish = preset(system, "published").slice.augment
        images = torch.rand(8, 3, size, size)
        first, again, other = (augment(images, wish, look(), seeded(seed)) for seed in (1, 1, 2))
        assert first.shape == (8, 3, 24, 24) and torch.isfinite(first).all()
        assert torch.equal(first, again) and not torch.equal(first, other)


def test_a_crop_shows_the_share_asked_for():
    ramp = torch.linspace(-1, 1, 200)[None, None, None, :].expand(32, 1, 200, 200)
    seen = augment(ramp, Augment(crop=(0.6, 0.99)), look(100, 1), seeded(3))[:, 0, 50]
    spread = (seen[:, -1] - seen[:, 0]) / 2
    assert 0.58 < float(spread.min()) < 0.7 and 0.85 < float(spread.max()) < 1.0
    assert float(seen.min()) >= -1 and float(seen.max()) <= 1


def test_an_erased_rectangle_is_black_and_of_the_area_drawn():
    seen = augment(torch.ones(200, 3, 60, 60), Augment(erase=0.5), look(60), seeded(4))
    share = (seen == -2).all(1).float().mean((1, 2))
    assert 60 < int((share > 0).sum()) < 140 and ((seen == 1) | (seen == -2)).all()
    assert float(share[share > 0].min()) > 0.01 and float(share.max()) < 0.45


def test_the_loss_counts_what_is_known_and_weighs_as_told():
    logits, target = torch.zeros(2, 6), torch.full((2, 6), float("nan"))
    target[0, 0], target[1, 3] = 1, 0
    assert float(masked_bce(logits, target)) == pytest.approx(math.log(2))
    assert float(masked_bce(logits, target * float("nan"))) == 0
    weights = (2 / 7, *[1 / 7] * 5)
    full = masked_bce(torch.randn(4, 6, generator=seeded(1)), torch.ones(4, 6), weights)
    plain = torch.nn.functional.binary_cross_entropy_with_logits(
        torch.randn(4, 6, generator=seeded(1)), torch.ones(4, 6), reduction="none"
    )
    assert float(full) == pytest.approx(float((plain * torch.tensor(weights)).sum(1).mean()))


@pytest.mark.parametrize("system", SYSTEMS)
def test_labels_reach_the_logit_they_name(system):
    spec = SYSTEMS[system]
    for at, label in enumerate(LABELS):
        labels = torch.zeros(1, 6)
        labels[0, [0, at]] = 1
        good = torch.full((1, len(spec.labels)), -20.0)
        named = {"any", label} & set(spec.labels) if spec.head == "sigmoid" else {"yes"}
        good[0, [spec.label_index(one) for one in named]] = 20.0
        assert float(loss_of(spec, good, labels)) < 1e-6 < float(loss_of(spec, -good, labels))


def scans(nets, count=4, length=30):
    rng = np.random.default_rng(1)
    return [
        ScanFeatures(
            rng.normal(size=(length, nets.feature_width)).astype(np.float16),
            rng.uniform(size=(length, len(nets.system.findings))).astype(np.float32),
            np.arange(length) * 5.0,
            rng.integers(0, 2, (length, 6)).astype(np.float32),
        )
        for _ in range(count)
    ]


def course(nets, **changes):
    recipe = preset(nets.system.name, "published").scan
    made = scans(nets)
    return Course(nets, recipe, made, made[:2], 1, "cpu")


def test_wang_crops_recompute_spacing_and_pad_with_nothing():
    stage = ScanStage(course(small_nets("wang-slices")))
    drawn = [feed for batch in stage.batches(0, 8) for feed in batch]
    assert len(drawn) == 32 and {tuple(feed["features"].shape) for feed in drawn} == {
        (24, stage.course.nets.feature_width)
    }
    thinned = [feed for feed in drawn if (feed["spacing"] == 10).any()]
    assert 8 < len(thinned) < 24
    for feed in thinned:
        assert feed["spacing"][:15].tolist() == [10] * 15
        assert not any(feed[name][15:].any() for name in feed)
    assert all((feed["spacing"] == 5).all() for feed in drawn if not (feed["spacing"] == 10).any())


def test_both_sequence_models_of_every_chain_are_trained():
    for chains in (False, True):
        nets = small_nets("wang-slices", chains=chains)
        stage = ScanStage(course(nets))
        stage.net.train()
        stage.loss(next(stage.batches(0, 1))).backward()
        idle = [name for name, part in stage.net.named_parameters() if part.grad is None or not part.grad.abs().sum()]
        assert not idle


def test_burduja_reads_whole_scans_and_its_reduction_stays_as_fitted():
    nets = small_nets("burduja")
    made = course(nets)
    fit_reduction(made)
    stage = ScanStage(made)
    (batch,) = stage.batches(0, 1)
    assert len(batch) == 1 and len(batch[0]["features"]) == 30 and stage.per_epoch == 4
    stage.loss(batch).backward()
    assert all(part.grad is None for part in nets.scan.reduce.parameters())
    reduced = nets.scan.reduce(torch.from_numpy(made.train[0].features.astype(np.float32)))
    assert reduced.shape == (30, 10)
    table = np.concatenate([scan.features for scan in made.train]).astype(np.float64)
    assert np.allclose(nets.scan.reduce(torch.from_numpy(table.astype(np.float32))).numpy().mean(0), 0, atol=1e-3)


def test_the_other_reductions_select_columns():
    head, table = torch.nn.Linear(6, 2), np.random.default_rng(1).normal(size=(50, 6)) * np.arange(1, 7)
    with torch.no_grad():
        head.weight.copy_(torch.arange(12.0).reshape(2, 6))
    assert np.flatnonzero(reduce_by("largest_sd", table, head, 2).weight.sum(0)).tolist() == [4, 5]
    assert np.flatnonzero(reduce_by("largest_weight", table, head, 2).weight.sum(0)).tolist() == [4, 5]
    assert np.flatnonzero(reduce_by("smallest_weight", table, head, 2).weight.sum(0)).tolist() == [0, 1]


@pytest.mark.parametrize("chains", [False, True])
def test_a_folded_temperature_divides_the_final_logits(chains):
    nets = small_nets("wang-slices", chains=chains)
    stage = ScanStage(course(nets))
    feed = stage.feed(stage.course.train[0], np.arange(30))
    model = nets.scan.reader.model if not chains else nets.scan.reader.chains[0].model
    member = feed["features"][None, :, None, : model.first.squeeze[1].in_channels]
    probabilities = torch.rand(1, 30, model.second.convs[0][0].in_channels // 2 - 1, 6)
    given = (member.expand(-1, -1, probabilities.shape[2], -1), probabilities, feed["spacing"][None])
    with torch.no_grad():
        before = model.eval()(*given)[0]
        fold_temperature(nets.scan, 2.0)
        after = model(*given)[0]
    assert torch.allclose(after, before / 2, atol=1e-5)


def test_a_folded_temperature_divides_the_logits_of_the_lstm():
    stage = ScanStage(course(small_nets("burduja")))
    before = stage.read(stage.course.train[0]).astype(np.float64)
    fold_temperature(stage.net.eval(), 0.5)
    after = stage.read(stage.course.train[0]).astype(np.float64)
    logit = np.log(before / (1 - before))
    assert np.allclose(np.log(after / (1 - after)), 2 * logit, atol=1e-3)
