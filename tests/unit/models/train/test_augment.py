"""Augmentation: needs torch, which only the `train` extra brings."""

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: install the 'train' extra")

from models.train.augment import augment, bloom, blur, in_some, retell, turned  # noqa: E402


def seeded(seed):
    return torch.Generator().manual_seed(seed)


def test_augmentation_follows_its_seed_and_keeps_the_shape():
    hu = torch.full((4, 224, 224), 30.0)
    hu[:, :40] = -1000
    blood = torch.zeros(4, 5, 56, 56)
    first, again, other = (augment(hu, blood, seeded(seed))[0] for seed in (1, 1, 2))
    assert torch.equal(first, again) and not torch.equal(first, other)
    assert first.shape == hu.shape and torch.isfinite(first).all()
    assert 10 < float(first[first > -100].median()) < 45


def test_blood_moves_with_the_slice():
    hu, blood = torch.full((32, 224, 224), -1000.0), torch.zeros(32, 5, 56, 56)
    hu[:, 60:100, 120:180], blood[:, 2, 15:25, 30:45] = 3000, 1
    seen, where = augment(hu, blood, seeded(3))
    told = [one for one in zip(seen, where, strict=True) if one[0].max() > 1000]  # others keep a window alone
    assert len(told) > 20
    for slice_hu, slice_blood in told:
        bright = torch.nn.functional.avg_pool2d(slice_hu[None, None], 4)[0, 0] > 1000
        assert ((slice_blood[2] > 0.5) & bright).sum() > 0.8 * bright.sum()
        assert not slice_blood[[0, 1, 3, 4]].any()


def test_quarter_turns_and_upside_down():
    image = torch.arange(8.0).reshape(2, 2, 2)
    assert torch.equal(turned(image, [0, 4])[1], image[1].flip(0))
    assert torch.equal(turned(image, [1, 0])[0], image[0].rot90())


def test_a_picture_keeps_a_window_in_256_steps():
    hu = torch.linspace(-1000, 3000, 64 * 32 * 32).reshape(64, 32, 32)
    told = retell(hu, seeded(1))
    assert all(one.min() >= -60 and one.max() <= 200 and len(one.unique()) <= 256 for one in told)


def test_a_change_meets_its_share_of_the_slices_and_leaves_the_others():
    hu = torch.zeros(400, 2, 2)
    changed = in_some(hu, 0.25, lambda some, _: some + 1, seeded(1))
    assert 70 < int(changed[:, 0, 0].sum()) < 130 and set(changed.unique().tolist()) == {0.0, 1.0}
    assert torch.equal(in_some(hu, 0.0, lambda some, _: some + 1, seeded(1)), hu)


def test_blur_keeps_the_mean():
    image = torch.rand(2, 64, 64)
    assert torch.allclose(blur(image, 1.2).mean(), image.mean(), atol=5e-3)
    assert blur(image, 1.2).std() < 0.5 * image.std()


def test_bone_shines_into_brain_alone():
    hu = torch.full((16, 64, 64), 30.0)
    hu[:, :20], hu[:, :10] = 1000, -1000
    seen = bloom(hu, seeded(1))
    assert (seen[:, 20] > 40).any() and torch.equal(seen[:, :20], hu[:, :20])
    assert torch.allclose(seen[:, 60:], hu[:, 60:], atol=1)
    assert (seen >= hu).all()
