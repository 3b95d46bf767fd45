"""The workshop: these need torch, which only the `train` extra brings."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: install the 'train' extra")

from models.classify.bench import SliceBench  # noqa: E402
from models.classify.net import SliceNet  # noqa: E402
from models.train.augment import augment, blur  # noqa: E402
from models.train.data import LABELS, SPEC, SliceSet, draw_patient, joined, label_row, read, save  # noqa: E402
from models.train.evaluate import Case, auc, positive_run_mm, report  # noqa: E402
from models.train.fit import Plan, fit  # noqa: E402


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


def test_training_resumes_where_it_stopped(tmp_path):
    rng = np.random.default_rng(0)
    hu = rng.normal(30, 10, (6, 256, 256)).astype(np.int16)
    data = SliceSet(
        hu,
        np.zeros((6, len(LABELS)), np.float32),
        np.ones(6, np.float32),
        np.arange(6, dtype=np.int32),
        np.zeros((6, 64, 64), np.uint8),
    )
    for name in ("whole", "halves"):
        (tmp_path / name).mkdir()
        save(data, tmp_path / name / "slices.npz")
    fit(Plan(tmp_path / "whole", 2, 1, 0, 1, 1))
    fit(Plan(tmp_path / "halves", 2, 1, 0, 1, 1), stop=1)
    done = fit(Plan(tmp_path / "halves", 2, 1, 0, 1, 1))
    ours = torch.load(done, weights_only=True)
    theirs = torch.load(tmp_path / "whole" / "checkpoint.pt", weights_only=True)
    assert ours["step"] == theirs["step"] == 2
    assert all(torch.allclose(ours["net"][key], value, atol=1e-4) for key, value in theirs["net"].items())
    assert (tmp_path / "whole" / "curve.csv").read_text().startswith("0,")


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
