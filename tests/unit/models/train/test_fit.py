"""Batches and steps: need torch, which only the `train` extra brings."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: install the 'train' extra")

from models.classify.bench import LocateBench  # noqa: E402
from models.classify.net import GROWN, LocateNet  # noqa: E402
from models.train.compose import Mix, Pool, Pools, batch, from_bent, from_phantoms  # noqa: E402
from models.train.data import SliceSet, draw_phantom, joined, labels_of, read, save  # noqa: E402
from models.train.fit import Plan, fit, where_loss  # noqa: E402


@pytest.fixture
def small_batches(monkeypatch):
    monkeypatch.setattr("models.train.compose.BATCH", 4)


def few(bleeding=True, hu=30.0):
    """Six flat slices with room for, or already with, an epidural square."""
    shares = np.zeros((6, 5, 56, 56), np.uint8)
    shares[:, 0, 20:36, 20:36] = 255 * bleeding
    full = np.kron(shares[:, 0], np.ones((1, 4, 4), np.uint8))
    return Pool.of(SliceSet(np.full((6, 224, 224), hu, np.int16), shares, full, np.arange(6, dtype=np.int32)))


def test_the_labels_follow_the_area_and_traces_and_films_weigh_nothing():
    shares = np.zeros((5, 5, 56, 56), np.float32)
    for row, kind, cells, share in ((0, 0, 6, 1.0), (1, 0, 1, 0.6), (3, 0, 1, 1.0), (3, 4, 1, 1.0), (4, 4, 40, 0.2)):
        shares[row, kind, 10 + kind, 10 : 10 + cells] = share
    labels, weights = labels_of(shares)
    assert labels[:, 0].tolist() == [1, 0, 0, 1, 0] and labels[0].tolist() == [1, 1, 0, 0, 0, 0]
    assert weights[:, 0].tolist() == [1, 0, 1, 1, 0] and weights[3].tolist() == [1, 0, 1, 1, 1, 0]


def test_a_drawn_phantom_is_kept_as_it_is(tmp_path):
    drawn = draw_phantom(5)
    assert np.array_equal(drawn.hu, draw_phantom(5).hu)
    save(joined([drawn, drawn]), tmp_path / "set")
    again = read(tmp_path / "set")
    assert np.array_equal(again.hu[: len(drawn.hu)], drawn.hu) and np.array_equal(again.areas()[:2], drawn.areas()[:2])


def test_phantom_batches_are_half_bleeds():
    plain, bloody = few(bleeding=False).slices, few().slices
    rows = from_phantoms(Pool.of(joined([plain, plain, plain, bloody])), 20, np.random.default_rng(0))
    assert rows.hu.shape == (20, 224, 224)
    assert (rows.shares.sum(axis=(1, 2, 3)) > 0).sum() >= 2


def test_bent_heads_come_in_pairs_with_and_without_blood():
    rows = from_bent(few(), 4, np.random.default_rng(0))
    assert (rows.shares[:4, 0].max(axis=(1, 2)) == 1).all() and not rows.shares[4:].any()
    middle = rows.hu[:, 112, 112]
    assert (middle[:4] > 34).all() and (middle[4:] <= 40).all()
    assert (rows.hu[:, 10, 10] == 30).all()


def test_blood_that_nobody_could_see_is_no_positive():
    rows = from_bent(few(hu=90.0), 4, np.random.default_rng(0))
    assert not rows.shares.any()


def test_a_mix_shares_the_batch_out():
    bent = batch(Pools(None, few()), Mix(1, 0), 1)
    assert bent.labels[:16, 1].all() and not bent.labels[16:].any()
    drawings = batch(Pools(few(bleeding=False), None), Mix(0, 0.25), 1)
    assert drawings.labels[:8, 0].any() and not drawings.labels[8:].any()


def test_a_batch_follows_its_seed():
    pools = Pools(few(), few())
    first, again, other = (batch(pools, Mix(), seed) for seed in (4, 4, 5))
    assert torch.equal(first.images, again.images) and torch.equal(first.blood, again.blood)
    assert first.images.shape == (32, 3, 224, 224) and not torch.equal(first.images, other.images)
    assert first.labels[:, 0].sum() >= 8 and first.labels.shape == first.weights.shape == (32, 6)


@pytest.mark.usefixtures("small_batches")
def test_training_resumes_where_it_stopped(tmp_path):
    pools = Pools(few(), None)
    whole = fit(Plan(tmp_path / "whole", 2, 1e-3), pools)
    fit(Plan(tmp_path / "halves", 2, 1e-3), pools, stop=1)
    with (tmp_path / "halves" / "curve.csv").open("a") as file:
        file.write("1,9.9,9.9\r\n")  # reported after the checkpoint by a run that was then killed
    ours = torch.load(fit(Plan(tmp_path / "halves", 2, 1e-3), pools), weights_only=True)
    theirs = torch.load(whole, weights_only=True)
    assert ours["step"] == theirs["step"] == 2
    for part in ("net", "average"):
        assert all(torch.equal(ours[part][key], value) for key, value in theirs[part].items())
    curves = [(tmp_path / name / "curve.csv").read_text() for name in ("whole", "halves")]
    assert curves[0] == curves[1] and curves[0].startswith("0,")


@pytest.mark.usefixtures("small_batches")
def test_a_stage_starts_from_the_weights_of_another_and_from_step_0(tmp_path):
    pools = Pools(few(), None)
    first = fit(Plan(tmp_path / "first", 1, 1e-3), pools)
    second = fit(Plan(tmp_path / "second", 1, 1e-9, start_from=first), pools)
    ours, theirs = (torch.load(path, weights_only=True) for path in (second, first))
    assert ours["step"] == 1
    assert torch.allclose(ours["net"]["fc.weight"], theirs["net"]["fc.weight"], atol=1e-5)


def test_what_has_grown_adds_nothing_until_it_learns():
    torch.manual_seed(3)
    small, other = (LocateNet(6, widths=(4, 8, 8, 12), merged=8).eval() for _ in range(2))
    state = {key: value for key, value in small.state_dict().items() if not key.startswith(GROWN)}
    assert len(state) < len(small.state_dict())
    other.take(state)
    images = torch.rand(2, 3, 64, 64)
    for ours, theirs in zip(other(images), small(images), strict=True):
        assert torch.equal(ours, theirs)
    assert not torch.equal(other.sharp[0].weight, small.sharp[0].weight), (
        "the grown parts differ, and are not heard yet"
    )
    with torch.no_grad():
        other.sharpen.weight.fill_(0.1)
    assert not torch.equal(other(images)[0], small(images)[0])


def test_each_grown_part_learns_from_the_second_step_on():
    torch.manual_seed(3)
    net = LocateNet(6, widths=(4, 8, 8, 12), merged=8)
    optimiser = torch.optim.SGD(net.parameters(), 0.1)
    for _ in range(2):
        optimiser.zero_grad()
        logits, cells, _ = net(torch.rand(4, 3, 64, 64))
        (logits.square().mean() + cells.square().mean()).backward()
        optimiser.step()
    grown = {name: value.grad.abs().max() for name, value in net.named_parameters() if name.startswith(GROWN)}
    assert {name.split(".")[0] for name in grown} == {part.rstrip(".") for part in GROWN}
    assert all(size > 0 for size in grown.values()), grown


def test_weights_of_another_network_are_refused():
    state = LocateNet(6, widths=(4, 8, 8, 12), merged=8).state_dict()
    state.pop("fc.bias")
    with pytest.raises(ValueError, match=r"of another network, see fc\.bias"):
        LocateNet(6, widths=(4, 8, 8, 12), merged=8).take(state)


def test_the_cells_learn_where_blood_is_and_of_which_kind():
    blood = torch.zeros(1, 5, 56, 56)
    blood[0, 1, :8, :8] = 1
    right, wrong = torch.full((1, 6, 28, 28), -8.0), torch.full((1, 6, 28, 28), -8.0)
    right[0, [0, 2], :4, :4], wrong[0, [0, 3], :4, :4] = 8, 8
    assert where_loss(right, blood) < 0.01 < where_loss(wrong, blood)


@pytest.fixture
def bench():
    torch.manual_seed(0)
    return LocateBench(LocateNet(6, widths=(4, 8, 8, 12), merged=8), temperature=2.0).eval()


def test_the_bench_divides_logits_by_the_temperature(bench):
    images = torch.rand(2, 3, 64, 64)
    probabilities, features, cells = bench(images)
    logits, raw, _ = bench.net(images)
    assert torch.allclose(torch.logit(probabilities), logits / 2, atol=1e-5)
    assert torch.allclose(torch.logit(cells), raw / 2, atol=1e-4)
    assert features.shape == (2, 12) and cells.shape == (2, 6, 8, 8)


def test_a_mirrored_bench_reads_a_head_and_its_mirror_image_alike(bench):
    images = torch.rand(2, 3, 64, 64)
    both = LocateBench(bench.net, 2.0, mirror=True)
    ours, theirs = both(images), both(images.flip(-1))
    assert torch.allclose(ours[0], theirs[0], atol=1e-6) and torch.allclose(ours[2], theirs[2].flip(-1), atol=1e-6)
    halves = [torch.logit(bench(each)[0]) for each in (images, images.flip(-1))]
    assert torch.allclose(torch.logit(ours[0]), sum(halves) / 2, atol=1e-4)


def test_the_strongest_cells_speak_for_the_slice(bench):
    images = torch.rand(1, 3, 64, 64)
    logits, cells, pooled = bench.net(images)
    ranked = cells.flatten(2).sort(2, descending=True).values
    heard = bench.net.trust * ranked[:, :, :6].mean(2) + bench.net.trust_peak * ranked[:, :, :2].mean(2)
    assert torch.allclose(logits, heard + bench.net.fc(pooled), atol=1e-5)
