"""Shapes and sizes of the published networks, counted without memory on the meta device; behaviour on small ones."""

import logging

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: install the 'train' extra")

from models.seeds import burduja, saraswathi, torchvision_shim, wang  # noqa: E402
from models.seeds.backbones import Backbone, PooledNet, build  # noqa: E402
from models.seeds.effclass import PICTURE, UNROLLS, EffClass  # noqa: E402
from models.seeds.features import pca, selection, spacing  # noqa: E402
from models.seeds.wang import BACKBONES, BothWays, ChainAverage, SequenceConfig, SequenceModel  # noqa: E402

SMALL_SEQUENCE = {"features": 20, "hidden": 16, "squeezed": 8, "gru": 6, "wide": 12, "narrow": 8}


def parameters(net: torch.nn.Module) -> int:
    return sum(one.numel() for one in net.parameters())


def on_meta(make, *shapes):
    """A network without memory, and the shapes it gives for inputs of these shapes."""
    with torch.device("meta"):
        net = make().eval()
        out = net(*(torch.zeros(shape) for shape in shapes))
    return net, [tuple(one.shape) for one in (out if isinstance(out, tuple) else (out,))]


def test_the_shim_is_a_no_op_once_torchvision_works():
    assert torchvision_shim.import_torchvision() is torchvision_shim.import_torchvision()
    assert torchvision_shim.import_timm().__name__ == "timm"


def test_the_shim_declares_what_is_missing_and_lets_other_faults_through(monkeypatch):
    asked, faults = [], ["operator torchvision::ichor_probe does not exist"]

    def load(package):
        asked.append(package)
        if faults:
            raise RuntimeError(faults.pop())
        return torch

    monkeypatch.setattr(torchvision_shim, "_import", load)
    monkeypatch.setattr(torchvision_shim, "_forget", lambda package: None)
    assert torchvision_shim.import_torchvision() is torch
    assert asked == ["torchvision"] * 2 and torch.ops.torchvision.ichor_probe
    faults.append("something else")
    with pytest.raises(RuntimeError, match="something else"):
        torchvision_shim.import_torchvision()


def test_effclass_has_the_published_size_and_shapes():
    net, shapes = on_meta(EffClass, (2, 3, 512, 512))
    assert shapes == [(2, 2), (2, 512, 7, 7)]
    assert parameters(net) == 16_027_268
    assert parameters(net.det) == 3_789_749
    assert parameters(net.deconvs) == 1_042_730
    assert [parameters(one) for one in net.deconvs] == [369_680, 62_220, 294_920, 200_708, 115_202]
    assert parameters(net.conv0) + parameters(net.conv1) == 17_251
    assert parameters(net.resnet) + parameters(net.fc) == 11_177_538


def test_effclass_pyramid_unrolls_to_one_side():
    with torch.device("meta"):
        net = EffClass().eval()
        levels = net.det(torch.zeros(1, 3, 512, 512))
        assert [tuple(one.shape[1:]) for one in levels] == [(64, side, side) for side in (64, 32, 16, 8, 4)]
        for unroll, level, plan in zip(net.deconvs, levels, UNROLLS, strict=True):
            assert tuple(unroll(level).shape[1:]) == (plan.channels, PICTURE, PICTURE)
        assert tuple(net.picture(torch.zeros(1, 3, 512, 512)).shape) == (1, 3, PICTURE, PICTURE)
    assert [plan.dilation * (plan.kernel - 1) + 1 for plan in UNROLLS] == [37, 9, 93, 163, 204]
    assert sum(plan.channels for plan in UNROLLS) == 42


@pytest.mark.parametrize(
    ("side", "sides"),
    [(256, (128, 112, 152, 188, 208)), (384, (176, 168, 188, 206, 216)), (448, (200, 196, 206, 215, 224)),
     (512, (224,) * 5), (640, (272, 280, 260, 242, 232))],
)  # fmt: skip
def test_only_512_fits(side, sides):
    assert tuple(plan.side(-(-side // 2**level)) for level, plan in enumerate(UNROLLS, 3)) == sides


def test_another_side_is_refused_in_words():
    with torch.device("meta"), pytest.raises(ValueError, match="512 x 512 alone"):
        EffClass()(torch.zeros(1, 3, 384, 384))


@pytest.mark.parametrize(
    ("make", "side", "size", "map_shape"),
    [
        (burduja.slice_net, 256, 86_754_630, (2048, 8, 8)),
        (saraswathi.slice_net, 224, 23_512_130, (2048, 7, 7)),
        (lambda: wang.slice_net(BACKBONES[0]), 512, 6_953_856 + 6 * 1025, (1024, 16, 16)),
        (lambda: wang.slice_net(BACKBONES[1]), 256, 12_484_480 + 6 * 1665, (1664, 8, 8)),
        (lambda: wang.slice_net(BACKBONES[2]), 256, 46_906_416 + 6 * 2049, (2048, 8, 8)),
    ],
    ids=["burduja", "saraswathi", "densenet121", "densenet169", "seresnext101"],
)
def test_pooled_networks_have_the_published_size(make, side, size, map_shape):
    net, (logits, activation) = on_meta(make, (2, 3, side, side))
    assert parameters(net) == size
    assert activation == (2, *map_shape) and logits == (2, 2 if make is saraswathi.slice_net else 6)


def test_burduja_lstm_has_the_published_size():
    net, shapes = on_meta(burduja.ScanLstm, (1, 33, 120), (1, 33, 6))
    assert parameters(net) == 3_943_466 and net.lstm.input_size == 126 and net.head.in_features == 518
    assert shapes == [(1, 33, 6)]


@pytest.mark.parametrize(("count", "size"), [(1, 3_326_482), (3, 3_485_714)])
def test_wang_sequence_model_has_the_published_size(count, size):
    net, shapes = on_meta(
        lambda: SequenceModel(SequenceConfig(count)), (2, 24, count, 2048), (2, 24, count, 6), (2, 24)
    )
    assert parameters(net) == size and shapes == [(2, 24, 6)] * 2


def test_wang_channels_come_in_their_order():
    probabilities = torch.rand(1, 4, 3, 6)
    made = wang.channels(probabilities, torch.tensor([[5.0, 5, 2.5, 2.5]]))
    first, second, third = probabilities.unbind(2)
    assert made.shape == (1, 8, 4, 6)
    expected = [(first + second + third) / 3, first - second, second - third, third - first, first, second, third]
    for channel, one in zip(made[0], expected, strict=False):
        assert torch.allclose(channel, one[0], atol=1e-6)
    assert torch.equal(made[0, 7], torch.tensor([[5.0], [5], [2.5], [2.5]]).expand(4, 6))
    alone = wang.channels(probabilities[:, :, :1], torch.ones(1, 4))
    assert alone.shape == (1, 4, 4, 6) and not alone[:, 1].any()


def test_short_vectors_are_filled_with_zeros():
    made = wang.same_width([torch.ones(1, 4, 1024), torch.ones(1, 4, 2048)])
    assert made.shape == (1, 4, 2, 2048) and made[0, 0, 0].sum() == 1024 and made[0, 0, 1].sum() == 2048


@pytest.fixture
def scan():
    torch.manual_seed(1)
    gaps = torch.from_numpy(spacing([0, 5, 10, 12.5, 15, 17.5, 25]))[None]
    return torch.randn(1, 7, 2, 20), torch.rand(1, 7, 2, 6), gaps


def small_sequence(count: int) -> SequenceModel:
    torch.manual_seed(count)
    return SequenceModel(SequenceConfig(count, **SMALL_SEQUENCE)).eval()


@torch.inference_mode()
def test_reading_both_ways_does_not_depend_on_the_way(scan):
    reader = BothWays(small_sequence(2)).eval()
    ahead, back = reader(*scan), reader(*(one.flip(1) for one in scan))
    assert torch.allclose(ahead, back.flip(1), atol=1e-6)
    lone, _ = reader.model(*scan)
    assert not torch.allclose(torch.sigmoid(lone), ahead, atol=1e-4), "a single way would pass too"


@torch.inference_mode()
def test_chains_average_their_own_backbone(scan):
    chains = [small_sequence(1), small_sequence(1)]
    torch.nn.init.normal_(chains[1].second.direct.weight)
    both = ChainAverage(chains).eval()(*scan)
    features, probabilities, gaps = scan
    each = [BothWays(one)(features[:, :, [at]], probabilities[:, :, [at]], gaps) for at, one in enumerate(chains)]
    assert torch.allclose(both, (each[0] + each[1]) / 2, atol=1e-6)
    assert not torch.allclose(each[0], each[1], atol=1e-4)


def test_both_stages_of_wang_learn(scan):
    model = small_sequence(2).train()
    final, early = model(*scan)
    (final.sum() + early.sum()).backward()
    assert all(one.grad is not None for one in model.parameters())


@pytest.mark.parametrize("reduction", [pca(np.random.default_rng(0).normal(size=(40, 16)), 5), selection([3, 7], 16)])
def test_a_reduction_becomes_a_layer(reduction):
    rows = np.random.default_rng(1).normal(size=(3, 16)).astype(np.float32)
    made = burduja.as_linear(reduction)(torch.from_numpy(rows))
    assert np.allclose(made.numpy(), reduction(rows), atol=1e-5)


def test_absent_weights_are_told_and_training_starts_from_scratch(caplog):
    def make(weights):
        if weights:
            raise OSError("no cached file\nand no network")
        return torch.nn.Identity()

    with caplog.at_level(logging.WARNING):
        assert isinstance(build(make, "resnet50", pretrained=True), torch.nn.Identity)
    assert "no pretrained weights for resnet50 (no cached file); it trains from scratch" in caplog.text


def test_weights_at_hand_are_loaded(tmp_path):
    small = {"layers": (1, 1, 1, 1), "channels": (8, 8, 8, 8)}
    source = PooledNet(Backbone("resnet18", small), 2)
    state = {**source.trunk.state_dict(), "fc.weight": torch.zeros(1000, 8), "fc.bias": torch.zeros(1000)}
    torch.save(state, tmp_path / "resnet18.pt")
    cached = {"pretrained_cfg_overlay": {"file": str(tmp_path / "resnet18.pt"), "num_classes": 1000}}
    loaded = PooledNet(Backbone("resnet18", {**small, **cached}), 2, pretrained=True)
    for name, value in source.trunk.state_dict().items():
        assert torch.equal(loaded.trunk.state_dict()[name], value), name


@pytest.mark.parametrize(
    ("level", "unreached", "centres"),
    [(3, 1.8, (17, 206)), (4, 0.0, (3, 220)), (5, 18.7, (44, 179)), (6, 89.7, (80, 143)), (7, 72.3, (99, 124))],
)
def test_much_of_the_coarse_pictures_is_bias_alone(level, unreached, centres):
    """Why the map of effclass is no location: what a level of the pyramid can say lies in a part of the picture."""
    plan, cells = UNROLLS[level - 3], 512 // 2**level
    starts = np.arange(cells) * plan.stride - plan.padding
    touched = (starts[:, None] + plan.dilation * np.arange(plan.kernel)).ravel()
    reached = len(set(touched[(touched >= 0) & (touched < PICTURE)].tolist()))
    assert 100 * (1 - (reached / PICTURE) ** 2) == pytest.approx(unreached, abs=0.051)
    middle = starts + plan.dilation * (plan.kernel - 1) / 2
    assert np.abs(middle[[0, -1]] - centres).max() <= 1
