"""The workshop: these need torch, which only the `train` extra brings."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: install the 'train' extra")

from models.classify.bench import SliceBench  # noqa: E402
from models.classify.net import SliceNet  # noqa: E402
from models.train.augment import augment, blur  # noqa: E402
from models.train.calibrate import operating_point  # noqa: E402
from models.train.compose import Pools, batch, from_bent  # noqa: E402
from models.train.data import LABELS, SPEC, SliceSet, draw_patient, joined, label_row, read, save  # noqa: E402
from models.train.evaluate import Case, auc, positive_run_mm, report  # noqa: E402
from models.train.fit import Plan, fit  # noqa: E402
from models.train.recipe import set_metrics, set_value  # noqa: E402
from models.train.templates import bent_slice, cormack_to_hu, draw_bent, random_bend  # noqa: E402


@pytest.fixture
def bench():
    torch.manual_seed(0)
    return SliceBench(SliceNet(6, width=8), temperature=2.0).eval()


def test_the_closed_form_cam_is_grad_cam(bench):
    images = torch.rand(1, 3, 64, 64)
    activation = bench.net.activation(images).detach().requires_grad_()
    logits = bench.net.fc(activation.mean((2, 3)))
    _, _, cam = bench(images)
    for label in range(6):
        (gradient,) = torch.autograd.grad(logits[0, label], activation, retain_graph=True)
        alpha = gradient.mean((2, 3), keepdim=True)
        expected = torch.relu((alpha * activation).sum(1)) * activation.shape[2] * activation.shape[3]
        assert torch.allclose(cam[:, label], expected, atol=1e-5)


def test_the_bench_divides_logits_by_the_temperature(bench):
    images = torch.rand(2, 3, 64, 64)
    probabilities, features, _ = bench(images)
    assert torch.allclose(torch.logit(probabilities), bench.net(images) / 2, atol=1e-5)
    assert features.shape == (2, 64)


def test_augmentation_follows_its_seed_and_keeps_the_shape():
    hu = torch.full((4, 256, 256), 30.0)
    hu[:, :40] = -1000
    blood = torch.zeros(4, 64, 64)
    first, again, other = (augment(hu, blood, torch.Generator().manual_seed(seed))[0] for seed in (1, 1, 2))
    assert torch.equal(first, again) and not torch.equal(first, other)
    assert first.shape == hu.shape and torch.isfinite(first).all()
    assert 15 < float(first[first > -100].median()) < 45


def test_blood_moves_with_the_slice():
    hu, blood = torch.full((8, 256, 256), -1000.0), torch.zeros(8, 64, 64)
    hu[:, 60:100, 120:180], blood[:, 15:25, 30:45] = 3000, 1
    seen, where = augment(hu, blood, torch.Generator().manual_seed(3))
    for slice_hu, slice_blood in zip(seen, where, strict=True):
        bright = torch.nn.functional.avg_pool2d(slice_hu[None, None], 4)[0, 0] > 1000
        assert ((slice_blood > 0.5) & bright).sum() > 0.8 * bright.sum()


def test_blur_keeps_the_mean():
    image = torch.rand(2, 64, 64)
    assert torch.allclose(blur(image, 1.2).mean(), image.mean(), atol=5e-3)
    assert blur(image, 1.2).std() < 0.5 * image.std()


def test_a_little_blood_is_neither_positive_nor_negative():
    assert label_row("epidural", 100.0)[0].tolist() == [1, 1, 0, 0, 0, 0]
    assert label_row("epidural", 10.0)[1] == 0
    assert label_row("epidural", 0.0)[0].sum() == 0 and label_row("epidural", 0.0)[1] == 1
    assert label_row("none", 0.0)[1] == 1


def test_a_drawn_patient_is_cropped_as_in_serving(tmp_path):
    drawn = draw_patient(5)
    assert drawn.hu.shape[1:] == (SPEC.size, SPEC.size) and len(drawn.hu) == len(drawn.labels)
    assert np.array_equal(drawn.hu, draw_patient(5).hu)
    save(joined([drawn, drawn]), tmp_path / "set.npz")
    assert np.array_equal(read(tmp_path / "set.npz").hu[: len(drawn.hu)], drawn.hu)


def few(bleeding=False, hu=30.0):
    """Six flat slices; blood over a square in all of them or in none."""
    labels, blood = np.zeros((6, len(LABELS)), np.float32), np.zeros((6, 64, 64), np.uint8)
    labels[:, :2], blood[:, 24:40, 24:40] = bleeding, 255 * bleeding
    slices = np.full((6, 256, 256), hu, np.int16)
    return SliceSet(slices, labels, np.ones(6, np.float32), np.arange(6, dtype=np.int32), blood)


def test_training_resumes_where_it_stopped(tmp_path):
    pools = Pools(few(bleeding=True))
    whole = fit(Plan(tmp_path / "whole", 2, 1e-3, 0.0), pools)
    fit(Plan(tmp_path / "halves", 2, 1e-3, 0.0), pools, stop=1)
    ours = torch.load(fit(Plan(tmp_path / "halves", 2, 1e-3, 0.0), pools), weights_only=True)
    theirs = torch.load(whole, weights_only=True)
    assert ours["step"] == theirs["step"] == 2
    for part in ("net", "average"):
        assert all(torch.allclose(ours[part][key], value, atol=1e-4) for key, value in theirs[part].items())
    assert (tmp_path / "whole" / "curve.csv").read_text().startswith("0,")


def test_a_stage_starts_from_the_weights_of_another_and_from_step_0(tmp_path):
    pools = Pools(few(bleeding=True))
    first = fit(Plan(tmp_path / "first", 1, 1e-3, 0.0), pools)
    second = fit(Plan(tmp_path / "second", 1, 1e-9, 0.0, start_from=first), pools)
    ours, theirs = (torch.load(path, weights_only=True) for path in (second, first))
    assert ours["step"] == 1
    assert torch.allclose(ours["net"]["fc.weight"], theirs["net"]["fc.weight"], atol=1e-5)


def test_bent_heads_come_in_pairs_with_and_without_blood():
    hosts = few(bleeding=True)  # its blood map says where blood may be set
    rows = from_bent(hosts, few(bleeding=True), 4, np.random.default_rng(0))
    assert rows.labels[:4, 0].tolist() == [1] * 4 and not rows.labels[4:].any()
    middle = rows.hu[:, 128, 128]
    assert (middle[:4] > 40).all() and (middle[4:] <= 30).all()
    assert (rows.hu[:, 10, 10] == 30).all() and rows.blood[0].max() == 1 and not rows.blood[4:].any()


def test_blood_that_finds_no_room_is_no_positive():
    full = few(bleeding=True, hu=900)
    rows = from_bent(full, few(bleeding=True), 4, np.random.default_rng(0))
    assert not rows.labels.any() and (rows.hu == 900).all()


def test_a_batch_follows_its_seed():
    pools = Pools(few(bleeding=True), few(bleeding=True))
    first, again, other = (batch(pools, 0.5, seed) for seed in (4, 4, 5))
    assert all(torch.equal(one, two) for one, two in zip(first, again, strict=True))
    assert first[0].shape == (32, 3, 256, 256) and not torch.equal(first[0], other[0])


@pytest.fixture
def average():
    """A ball of brain in a shell of bone in air, laid out as `read_average` does."""
    z, y, x = np.meshgrid(*(np.arange(n) - n / 2 for n in (91, 109, 91)), indexing="ij")
    radius = 2.0 * np.sqrt(z**2 + y**2 + x**2)
    hu = np.select([radius < 60, radius < 68], [30.0, 900.0], -1000.0)
    layers = [hu, 30.0 * (radius < 60), 30.0 * (radius < 60), radius < 60, np.clip(60 - radius, 0, 30)]
    return torch.from_numpy(np.stack(layers).astype(np.float32))[None]


def test_a_bent_head_keeps_air_bone_and_brain(average):
    hu, cavity = bent_slice(average, random_bend(np.random.default_rng(1)), 0.0, 5.0)
    assert hu[3, 3] == pytest.approx(-1000) and hu.max() > 500
    assert 5 < np.median(hu[118:138, 118:138]) < 60
    assert cavity[128, 128] == 1 and cavity[3, 3] == 0 and (hu[cavity > 0.9] < 100).all()


def test_bent_heads_follow_their_seed(average):
    assert np.array_equal(draw_bent(average, 1, 2).hu, draw_bent(average, 1, 2).hu)
    assert not np.array_equal(draw_bent(average, 1, 2).hu, draw_bent(average, 2, 2).hu)


def test_cormack_units_are_undone():
    hu = np.array([-1000.0, -500, -100, 0, 40, 100, 700])
    kelvin = hu + 1000
    cormack = np.where(kelvin <= 900, kelvin, np.where(kelvin <= 1100, kelvin + 10 * (kelvin - 900), kelvin + 2000))
    assert np.allclose(cormack_to_hu(cormack), hu)


def test_the_stricter_world_sets_the_threshold():
    quiet, loud = case("none", [0.1] * 50), case("none", [0.8] * 50)
    bleeding = case("subdural", [0.95] * 50, [200.0] * 50)
    for theirs, below in ((loud, 0.8), (quiet, 0.1)):
        point = operating_point([quiet, bleeding], [theirs], 0, 1.0)
        stretched = 1 / (1 + (1 / below - 1) ** (1 / point.temperature))
        assert point.slice_threshold == pytest.approx(stretched, abs=2e-3)


def test_the_card_is_rewritten_line_by_line(tmp_path):
    (tmp_path / "card.toml").write_text('sha256 = "a"\n[metrics]\nold = 1\n')
    set_value(tmp_path, "sha256", '"b"')
    set_metrics(tmp_path, {"new": 0.12345})
    assert (tmp_path / "card.toml").read_text() == 'sha256 = "b"\n[metrics]\nnew = 0.123\n'
    with pytest.raises(ValueError, match="0 lines 'absent = '"):
        set_value(tmp_path, "absent", "1")


def case(finding, values, blood=None):
    values = np.asarray(values, np.float32)[:, None]
    return Case(finding, 0.0, np.arange(len(values)) * 5.0, values, np.asarray(blood or [0.0] * len(values)))


def test_runs_are_counted_in_millimetres():
    assert positive_run_mm(case("none", [0, 0.9, 0.9, 0, 0.9]), 0, 0.5) == 10
    assert positive_run_mm(case("none", [0.1, 0.2]), 0, 0.5) == 0


def test_the_report_tells_a_perfect_reader_from_a_blind_one():
    perfect = [case("none", [0.1, 0.1, 0.1]), case("subdural", [0.1, 0.9, 0.9], [0.0, 200.0, 200.0])]
    figures = report(perfect, 0, 0.5, 10.0)
    assert figures["patient_auc"] == figures["slice_auc"] == figures["patient_sensitivity"] == 1
    assert figures["patient_specificity"] == figures["slice_specificity"] == 1
    blind = [case("none", [0.9, 0.9, 0.9]), case("subdural", [0.9, 0.9, 0.9], [0.0, 200.0, 200.0])]
    assert report(blind, 0, 0.5, 10.0)["patient_specificity"] == 0
    assert report(blind, 0, 0.5, 10.0)["patient_auc"] == 0.5


def test_auc_counts_ties_half():
    assert auc(np.array([1.0, 2.0]), np.array([0.0, 1.0])) == pytest.approx(0.875)
