"""Small variants of the four systems as ONNX graphs against torch, and their maps against autograd."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: install the 'train' extra")
pytest.importorskip("onnx", reason="onnx is not installed: install the 'train' extra")
pytest.importorskip("onnxruntime", reason="onnxruntime is not installed: install the 'cpu' extra")

from packs import KEYS, SCAN, small_nets  # noqa: E402

from models.errors import PackGraphMismatch  # noqa: E402
from models.explain import one_map  # noqa: E402
from models.explain import smoothed as smoothed_in_numpy  # noqa: E402
from models.export import export  # noqa: E402
from models.export.graph import scan_signature, write_graph  # noqa: E402
from models.export.packs import write_scan  # noqa: E402
from models.export.parity import LENGTHS, check_parity, check_scan, onnx_says  # noqa: E402
from models.seeds import burduja, wang  # noqa: E402
from models.seeds.awake import pictures, wake  # noqa: E402
from models.seeds.bench import grad_cam, same_side, smoothed  # noqa: E402
from models.seeds.features import pca  # noqa: E402

PARITY = 1e-4
#: one by one: the members of an ensemble have maps of their own
CASES = [*KEYS.values()]


@pytest.fixture(autouse=True)
def same_pictures():
    torch.manual_seed(5)


@pytest.fixture(scope="module", params=CASES)
def nets(request):
    torch.set_num_threads(1)
    return small_nets(request.param)


@pytest.fixture(scope="module")
def graph(nets, tmp_path_factory):
    """The slice graph, with the weighted map where the system has one finding; writing it compares it with torch."""
    target = tmp_path_factory.mktemp("graph") / "reader.onnx"
    alone = len(nets.system.findings) == 1
    export(nets.bench(1.5, weighted=alone), nets.size, target, weighted=alone)
    return target


def images(count: int, side: int) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(count).uniform(-1, 1, (count, 3, side, side)).astype(np.float32))


def test_the_slice_graph_says_what_torch_says(nets, graph):
    given = pictures(nets.size)[:2]
    with torch.inference_mode():
        ours = [one.numpy() for one in nets.bench(1.5)(given)]
    theirs = onnx_says(graph, {"images": given.numpy()})
    assert list(theirs)[:3] == ["probabilities", "features", "cam"]
    assert ours[0].shape == (2, len(nets.system.findings)) and ours[2].shape[:2] == ours[0].shape
    assert ours[1].shape == (2, nets.feature_width)
    for one, other in zip(ours, theirs.values(), strict=False):
        assert np.abs(one - other).max() <= PARITY * max(1, np.abs(one).max()) and np.ptp(one) > 1e-3
    assert np.abs(ours[0] - theirs["probabilities"]).max() <= PARITY
    content = graph.read_bytes()
    assert str(graph.parent).encode() not in content and b"site-packages" not in content and b".py" not in content


def test_the_exported_map_is_grad_cam(nets, graph):
    given = pictures(nets.size)[:2]
    cam = onnx_says(graph, {"images": given.numpy()})["cam"]
    peaks = []
    for column, label in enumerate(nets.system.findings):
        row = nets.system.label_index("yes" if len(nets.system.labels) == 2 else label)
        maps = [grad_cam(net, given, row) * net.activation(given)[0, 0].numel() for net in nets.members]
        expected = torch.stack([one[:, 0] for one in same_side([one[:, None] for one in maps])]).mean(0)
        assert np.abs(cam[:, column] - expected.numpy()).max() <= PARITY * max(1, float(expected.max()))
        peaks.append(float(expected.max()))
    assert max(peaks) > 1e-2, "empty maps would pass too"


def test_two_logits_report_the_finding_alone():
    nets = small_nets("saraswathi")
    given = images(2, 64)
    with torch.inference_mode():
        logits, _ = nets.members[0](given)
        reported = nets.bench(2.0)(given)[0]
    assert reported.shape == (2, 1)
    assert torch.allclose(reported[:, 0], torch.sigmoid((logits[:, 1] - logits[:, 0]) / 2), atol=1e-6)


def test_members_are_averaged_and_each_one_kept_among_the_features():
    nets = small_nets("wang-slices")
    given = images(2, 64)
    with torch.inference_mode():
        probabilities, features, cam = nets.bench()(given)
        each = [torch.sigmoid(net(given)[0]) for net in nets.members]
        pooled = [net(given)[1].mean((2, 3)) for net in nets.members]
    assert torch.allclose(probabilities, torch.stack(each).mean(0), atol=1e-6)
    assert torch.allclose(features, torch.cat([*pooled, *each], 1), atol=1e-6)
    assert cam.shape == (2, 6, 2, 2) and features.shape[1] == nets.feature_width == sum(nets.widths) + 18


def test_maps_of_unlike_members_meet_at_the_finest():
    coarse, fine = torch.ones(1, 6, 2, 2), torch.zeros(1, 6, 4, 4)
    assert [tuple(one.shape) for one in same_side([coarse, fine])] == [(1, 6, 4, 4)] * 2


def test_every_part_learns(nets):
    for net in small_nets(nets.system.name).members:
        logits, _ = net.train()(images(2, nets.size))
        torch.nn.functional.cross_entropy(logits, torch.tensor([0, 1])).backward()
        assert not [name for name, value in net.named_parameters() if value.grad is None or not value.grad.any()]


@pytest.mark.parametrize("eigen", [False, True])
def test_the_smoothed_map_needs_no_torch(nets, graph, eigen):
    if len(nets.system.findings) > 1:
        with pytest.raises(ValueError, match="one net with one finding"):
            nets.bench(weighted=True)
        return
    given = pictures(nets.size)[3:]
    ours = smoothed(nets.members[0], given, 1, eigen).numpy()
    theirs = smoothed_in_numpy(lambda copy: onnx_says(graph, {"images": copy})["weighted"], given.numpy(), eigen)
    assert theirs.shape == ours.shape and np.abs(ours - theirs).max() <= PARITY
    assert float(ours.max()) > 0.3 and float(ours.max()) <= 1 and float(ours.min()) >= 0


@pytest.mark.parametrize("eigen", [False, True])
def test_the_smoothed_map_is_mirrored_with_its_image(eigen):
    net = small_nets("saraswathi").members[0]
    given = images(2, 96)
    made, mirrored = smoothed(net, given, 1, eigen), smoothed(net, given.flip(3), 1, eigen)
    assert made.shape == (2, 3, 3) and made.any()
    assert torch.allclose(made, mirrored.flip(2), atol=1e-4)


def test_the_axis_of_a_smoothed_map_agrees_with_grad_cam():
    parts = np.random.default_rng(5).normal(size=(6, 12, 4, 4)).astype(np.float32)
    along, summed = (one_map(parts, eigen).reshape(6, -1) for eigen in (True, False))
    assert (along * summed).sum(axis=1).min() > 0
    assert np.allclose(one_map(-parts, True).reshape(6, -1), -along, atol=1e-5)


@pytest.mark.parametrize(
    ("system", "changes"),
    [
        ("burduja", {}),
        ("wang-slices", {}),
        ("wang-slices", {"chains": True}),
        ("wang-windows", {}),
        ("wang-windows", {"backbones": [{"name": "resnet18", "options": {"channels": (8, 8, 8, 8)}}]}),
    ],
    ids=["burduja", "wang-joint", "wang-chains", "wang-windows", "wang-one-member"],
)
def test_the_scan_graph_reads_any_length(system, changes, tmp_path):
    nets = small_nets(system, **changes)
    write_scan(nets, tmp_path / "scan.onnx")
    worst = check_scan(nets.scan, tmp_path / "scan.onnx", nets.feature_width, 6)
    assert LENGTHS == (1, 2, 17, 40) and worst["refined"] <= PARITY
    with torch.no_grad():
        [part for name, part in nets.scan.named_modules() if name.endswith("head")][-1].bias.add_(0.05)
    with pytest.raises(PackGraphMismatch, match="refined"):
        check_scan(nets.scan, tmp_path / "scan.onnx", nets.feature_width, 6)


def test_a_fitted_reduction_travels_in_the_graph(tmp_path):
    torch.manual_seed(0)
    reduction = pca(np.random.default_rng(0).normal(size=(40, 24)), 10)
    reader = wake(burduja.ScanReader(reduction, burduja.ScanLstm(burduja.LstmConfig(features=10, hidden=12))))
    given = torch.randn(1, 9, 24), torch.rand(1, 9, 6)
    write_graph(reader, given, scan_signature(reader.inputs), tmp_path / "scan.onnx")
    feeds = dict(zip(reader.inputs, (one.numpy() for one in given), strict=True))
    with torch.inference_mode():
        by_hand = torch.sigmoid(
            reader.stage(torch.from_numpy(reduction(given[0][0]).astype(np.float32))[None], given[1])
        )
    assert np.abs(onnx_says(tmp_path / "scan.onnx", feeds)["refined"] - by_hand.numpy()).max() <= PARITY


def test_wang_finds_each_members_own_vector_and_probabilities():
    seen = {}

    class Spy(torch.nn.Module):
        def forward(self, features, probabilities, spacing):
            seen.update(features=features, probabilities=probabilities, spacing=spacing)
            return probabilities.mean(2)

    scan = wang.WangScan((4, 5), Spy(), 6)
    row = torch.arange(9 + 12).float().expand(1, 3, -1)
    scan(row, torch.tensor([[5.0, 5, 5]]))
    assert scan.inputs == ("features", "spacing")
    assert seen["features"][0, 0].tolist() == [[0, 1, 2, 3, 0, 0], [4, 5, 6, 7, 8, 0]]
    assert seen["probabilities"][0, 0].tolist() == [list(range(9, 15)), list(range(15, 21))]
    assert seen["spacing"].tolist() == [[5, 5, 5]] and SCAN["features"] == 64


def test_another_nets_graph_does_not_pass(tmp_path):
    nets = small_nets("saraswathi")
    export(nets.bench(), 64, tmp_path / "reader.onnx")
    with torch.no_grad():
        nets.members[0].fc.bias[1] += 0.01
    with pytest.raises(PackGraphMismatch, match="'probabilities' differs from torch"):
        check_parity(nets.bench(), tmp_path / "reader.onnx", 64)
