"""Small variants of the four systems as ONNX graphs against torch, and their maps against autograd."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: install the 'train' extra")
pytest.importorskip("onnx", reason="onnx is not installed: install the 'train' extra")
onnxruntime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed: install the 'cpu' extra")

from models.seeds import burduja, graph, saraswathi, wang  # noqa: E402
from models.seeds.backbones import Backbone  # noqa: E402
from models.seeds.bench import SeedBench, smoothed, weighted  # noqa: E402
from models.seeds.effclass import EffClass, EffClassConfig  # noqa: E402
from models.seeds.features import pca  # noqa: E402
from models.seeds.systems import BURDUJA, EFFCLASS, SARASWATHI, WANG_SLICES  # noqa: E402

PARITY = 1e-4
NARROW = {"layers": (1, 1, 1, 1), "channels": (16, 16, 32, 32)}
EFF_SMALL = EffClassConfig(
    {"backbone_name": "test_efficientnet", "backbone_args": {}, "fpn_channels": 8, "fpn_cell_repeats": 1},
    Backbone("resnet18", NARROW),
)
SLICE_NETS = {
    "effclass": (lambda: EffClass(EFF_SMALL), EFFCLASS, 512),
    "burduja": (lambda: burduja.slice_net(Backbone("resnext50_32x4d", NARROW)), BURDUJA, 64),
    "wang-dense": (
        lambda: wang.slice_net(Backbone("densenet121", {"growth_rate": 8, "block_config": (1, 1, 1, 1)})),
        WANG_SLICES,
        64,
    ),
    "wang-se": (
        lambda: wang.slice_net(Backbone("legacy_seresnext101_32x4d", {"layers": (1, 1, 1, 1)})),
        WANG_SLICES,
        64,
    ),
    "saraswathi": (lambda: saraswathi.slice_net(Backbone("resnet50", NARROW)), SARASWATHI, 64),
}  # fmt: skip


def wake(net: torch.nn.Module) -> torch.nn.Module:
    """Random norms: timm starts each block's last norm at zero, where every comparison would pass unseen."""
    for part in net.modules():
        if isinstance(part, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(part.weight, 0.5, 1.5)
            torch.nn.init.normal_(part.bias, 0, 0.1)
    return net.eval()


@pytest.fixture(scope="module", params=SLICE_NETS)
def bench(request):
    torch.manual_seed(3)
    make, system, side = SLICE_NETS[request.param]
    return SeedBench(wake(make()), system, temperature=1.5).eval(), system, side


def images(count: int, side: int) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(count).uniform(-1, 1, (count, 3, side, side)).astype(np.float32))


def run(path, feeds: dict[str, torch.Tensor]) -> list[np.ndarray]:
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return session.run(None, {name: value.numpy() for name, value in feeds.items()})


def test_the_slice_graph_says_what_torch_says(bench, tmp_path):
    net, system, side = bench
    graph.write_graph(net, (images(2, side),), graph.SLICE, tmp_path / "reader.onnx")
    for count in (1, 3):
        given = images(count, side)
        with torch.inference_mode():
            ours = [one.numpy() for one in net(given)]
        theirs = run(tmp_path / "reader.onnx", {"images": given})
        assert ours[0].shape == (count, len(system.findings)) and ours[2].shape[:2] == ours[0].shape
        for one, other in zip(ours, theirs, strict=True):
            assert np.abs(one - other).max() <= PARITY * max(1, np.abs(one).max())
        assert np.abs(ours[0] - theirs[0]).max() <= PARITY
    assert str(tmp_path).encode() not in (tmp_path / "reader.onnx").read_bytes()


def test_the_map_is_grad_cam(bench):
    net, system, side = bench
    given = images(1, side)
    activation = net.net.activation(given).detach().requires_grad_()
    logits = net.net.fc(activation.mean((2, 3)))
    positions = activation.shape[2] * activation.shape[3]
    with torch.inference_mode():
        cam = net(given)[2] / positions
    for column, label in enumerate(system.findings):
        row = system.label_index("yes" if len(system.labels) == 2 else label)
        (gradient,) = torch.autograd.grad(logits[0, row], activation, retain_graph=True)
        expected = torch.relu((gradient.mean((2, 3), keepdim=True) * activation).sum(1))[0]
        assert torch.allclose(cam[0, column], expected, atol=1e-4, rtol=1e-4)
        signed = weighted(activation, net.net.fc.weight)[0, row] / positions
        assert signed.abs().max() > 1e-3, "an empty map would pass too"


def test_two_logits_report_the_finding_alone():
    net = SeedBench(wake(SLICE_NETS["saraswathi"][0]()), SARASWATHI, temperature=2).eval()
    given = images(2, 64)
    with torch.inference_mode():
        logits, _ = net.net(given)
        assert torch.allclose(net(given)[0][:, 0], torch.sigmoid((logits[:, 1] - logits[:, 0]) / 2), atol=1e-6)


def test_every_part_learns(bench):
    net, _, side = bench
    trained = net.net.train()
    logits, _ = trained(images(2, side))
    torch.nn.functional.cross_entropy(logits, torch.tensor([0, 1])).backward()
    still = [name for name, value in trained.named_parameters() if value.grad is None or not value.grad.any()]
    trained.eval().zero_grad(set_to_none=True)
    assert not still


@pytest.mark.parametrize("eigen", [False, True])
def test_the_smoothed_map_is_mirrored_with_its_image(eigen):
    torch.manual_seed(5)
    net = wake(saraswathi.slice_net(Backbone("resnet50", NARROW)))
    given = images(2, 96)
    made, mirrored = smoothed(net, given, 1, eigen), smoothed(net, given.flip(3), 1, eigen)
    assert made.shape == (2, 3, 3) and float(made.min()) >= 0 and float(made.max()) <= 1 and made.any()
    assert torch.allclose(made, mirrored.flip(2), atol=1e-4)


@pytest.fixture(scope="module")
def lstm_reader():
    torch.manual_seed(0)
    reduction = pca(np.random.default_rng(0).normal(size=(40, 24)), 10)
    stage = burduja.ScanLstm(burduja.LstmConfig(features=10, hidden=12))
    return burduja.ScanReader(reduction, stage).eval()


def scan(slices: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(seed)
    return torch.randn(1, slices, 24), torch.rand(1, slices, 6)


def test_the_lstm_graph_reads_any_length(lstm_reader, tmp_path):
    graph.write_graph(lstm_reader, scan(9), graph.LSTM_SCAN, tmp_path / "scan.onnx")
    for slices in (9, 1, 31):
        given = scan(slices, slices)
        with torch.inference_mode():
            ours = lstm_reader(*given).numpy()
        (theirs,) = run(tmp_path / "scan.onnx", dict(zip(graph.LSTM_SCAN.inputs, given, strict=True)))
        assert theirs.shape == (1, slices, 6) and np.abs(ours - theirs).max() <= PARITY


@pytest.mark.parametrize("joint", [True, False])
def test_the_wang_graphs_read_any_length(joint, tmp_path):
    torch.manual_seed(2)
    sizes = {"features": 20, "hidden": 16, "squeezed": 8, "gru": 6, "wide": 12, "narrow": 8}
    if joint:
        reader = wang.BothWays(wang.SequenceModel(wang.SequenceConfig(3, **sizes)))
    else:
        reader = wang.ChainAverage([wang.SequenceModel(wang.SequenceConfig(1, **sizes)) for _ in range(3)])
    wake(reader)

    def given(slices: int) -> tuple[torch.Tensor, ...]:
        return torch.randn(1, slices, 3, 20), torch.rand(1, slices, 3, 6), torch.full((1, slices), 5.0)

    graph.write_graph(reader, given(8), graph.GRU_SCAN, tmp_path / "scan.onnx")
    for slices in (8, 1, 27):
        one = given(slices)
        with torch.inference_mode():
            ours = reader(*one).numpy()
        (theirs,) = run(tmp_path / "scan.onnx", dict(zip(graph.GRU_SCAN.inputs, one, strict=True)))
        assert theirs.shape == (1, slices, 6) and np.abs(ours - theirs).max() <= PARITY
