"""The four published systems as packs, opened and run as the node does it: without torch."""

import hashlib
import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
from packs import beside, scan

from models import find_pack, load, verify
from models.errors import PackGraphMismatch, PackHashMismatch, PackUnreadable, ReaderMisused

KINDS = ("epidural", "intraparenchymal", "intraventricular", "subarachnoid", "subdural")
LABELS = {
    "effclass": ("any",),
    "burduja": (*KINDS, "any"),
    "wang": ("any", *KINDS),
    "saraswathi": ("any",),
}
PLACES = (0.0, 5.0, 10.0, 12.5, 15.0)


@pytest.fixture(params=LABELS)
def key(request):
    return request.param


def test_a_small_pack_opens_and_reads(small_packs, key):
    card = find_pack(small_packs[key])
    verify(card)
    reader, slices = load(card, "cpu", 1), scan()
    parts = reader.read(slices, beside(slices))
    table = np.stack([one.probabilities for one in parts])
    assert card.labels == LABELS[key] and table.shape == (5, len(card.labels))
    assert np.isfinite(table).all() and table.min() >= 0 and table.max() <= 1 and np.ptp(table, axis=0).max() > 0.01
    assert all(one.cam.shape[0] == len(card.labels) for one in parts) and any(one.cam.any() for one in parts)
    assert (card.sequence is not None) == (key in ("burduja", "wang"))


def test_no_torch_is_needed(small_packs, key, tmp_path):
    """In a process where torch cannot be imported at all."""
    np.save(tmp_path / "hu.npy", np.stack([one.hu for one in scan()]))
    code = f"""
import sys
for name in ("torch", "timm", "effdet", "scipy", "onnx", "matplotlib"):
    sys.modules[name] = None
import numpy as np, models
reader = models.load(models.find_pack({str(small_packs[key])!r}), "cpu", 1)
slices = [models.SliceInput(hu, 2.0, 2.0) for hu in np.load({str(tmp_path / "hu.npy")!r})]
padded = [None, *slices, None]
parts = reader.read(slices, [(padded[at + 2], padded[at]) for at in range(len(slices))])
table = np.stack([one.probabilities for one in parts])
if reader.card.sequence:
    table = reader.refine(np.stack([one.features for one in parts]), table, {PLACES})
import json; print(json.dumps(table.tolist()))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert np.asarray(json.loads(done.stdout)).shape == (5, len(LABELS[key]))


def test_neighbours_change_what_is_read(small_packs):
    reader, slices = load(find_pack(small_packs["wang"]), "cpu", 1), scan()
    with_them = reader.read(slices, beside(slices))[2].probabilities
    alone = reader.read(slices, [(None, None)] * 5)[2].probabilities
    turned = reader.read(slices, [(below, above) for above, below in beside(slices)])[2].probabilities
    assert np.abs(with_them - alone).max() > 1e-3 and np.abs(with_them - turned).max() > 1e-3
    with pytest.raises(ReaderMisused, match="beside their neighbours"):
        reader.read(slices)
    with pytest.raises(ReaderMisused, match="beside their neighbours"):
        reader.read(slices, beside(slices)[1:])


@pytest.mark.parametrize("key", ["burduja", "wang"])
def test_refinement_is_what_torch_says(small_packs, key):
    torch = pytest.importorskip("torch", reason="torch is not installed: install the 'train' extra")
    from packs import KEYS, small_nets

    from models.sequence import spacing

    nets, reader, slices = small_nets(KEYS[key]), load(find_pack(small_packs[key]), "cpu", 1), scan()
    for count in (1, 2, 5):
        parts = reader.read(slices[:count], beside(slices[:count]))
        features = np.stack([one.features for one in parts]).astype(np.float32)
        table = np.stack([one.probabilities for one in parts])
        refined = reader.refine(features, table, PLACES[:count])
        given = {"features": features, "probabilities": table, "spacing": spacing(PLACES[:count])}
        with torch.inference_mode():
            ours = nets.scan(*(torch.from_numpy(given[name])[None] for name in nets.scan.inputs))[0].numpy()
        assert refined.shape == (count, 6) and refined.dtype == np.float32
        assert np.abs(refined - ours).max() <= 1e-4 and not np.allclose(refined, table, atol=0.01)


def test_spacing_matters_to_wang(small_packs):
    reader, slices = load(find_pack(small_packs["wang"]), "cpu", 1), scan()
    parts = reader.read(slices, beside(slices))
    given = np.stack([one.features for one in parts]), np.stack([one.probabilities for one in parts])
    assert not np.allclose(reader.refine(*given, PLACES), reader.refine(*given, np.arange(5) * 0.6), atol=1e-4)
    with pytest.raises(ValueError, match="ascend"):
        reader.refine(*given, PLACES[::-1])
    with pytest.raises(ValueError, match="T positions"):
        reader.refine(*given, PLACES[1:])


def test_one_stage_packs_do_not_refine(small_packs):
    reader = load(find_pack(small_packs["saraswathi"]), "cpu", 1)
    with pytest.raises(ReaderMisused, match="no sequence stage"):
        reader.refine(np.zeros((1, 32)), np.zeros((1, 1)), [0])


def test_the_smoothed_map_comes_with_a_card_that_asks_for_it(small_packs, tmp_path):
    torch = pytest.importorskip("torch", reason="torch is not installed: install the 'train' extra")
    from packs import small_nets

    from models.export.packs import write_pack
    from models.preprocess import prepare
    from models.seeds.bench import smoothed
    from models.seeds.cards import Told

    nets, slices = small_nets("saraswathi"), scan()
    reader = load(write_pack(nets, Told("smooth", smoothed=True), tmp_path), "cpu", 1)
    images = np.stack([prepare(one, reader.card.preprocess).image for one in slices])
    expected = smoothed(nets.members[0], torch.from_numpy(images), 1).numpy()
    maps = np.stack([one.cam for one in reader.read(slices)])
    assert maps.shape == (5, 1, 2, 2) and np.abs(maps[:, 0] - expected).max() <= 1e-3, "stored in half precision"
    closed = load(find_pack(small_packs["saraswathi"]), "cpu", 1).read(slices)
    plain = [one.probabilities for one in reader.read(slices)]
    assert np.allclose(plain, [one.probabilities for one in closed], atol=1e-6)


def copied(small_packs, key, tmp_path):
    folder = tmp_path / "pack"
    shutil.copytree(small_packs[key], folder)
    return folder


@pytest.mark.parametrize(
    ("key", "old", "new", "why"),
    [
        ("saraswathi", "[[40, 80], [40, 80], [40, 80]]", "[[40, 80]]", r"reads \[3, 64, 64\], the card prepares \[1,"),
        ("saraswathi", "size = 64", "size = 96", r"the card prepares \[3, 96, 96\]"),
        ("wang", "neighbours = 1", "neighbours = 0", r"the card prepares \[1, 64, 64\]"),
        ("saraswathi", '["any"]', '["any", "subdural"]', "1 columns for 2 labels"),
        ("burduja", '"subdural", "any"]', '"any"]', "6 columns for 5 labels"),
        ("burduja", 'cam = "cam"', 'cam = "heat"', "no output 'heat', it has cam, features, probabilities"),
        ("burduja", '["features", "probabilities"]', '["features"]', "asks for features, probabilities, the card"),
        ("wang", '["features", "spacing"]', '["features", "spacing", "probabilities"]', "asks for features, spacing"),
        ("saraswathi", 'cam = "cam"', 'cam = "cam"\nweighted = "weighted"', "no output 'weighted'"),
    ],
)  # fmt: skip
def test_a_card_that_does_not_fit_its_graph_is_refused(small_packs, tmp_path, key, old, new, why):
    path = copied(small_packs, key, tmp_path) / "card.toml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(PackGraphMismatch, match=why):
        load(find_pack(path.parent), "cpu", 1)


@pytest.mark.parametrize("stage", ["reader", "sequence"])
def test_either_file_is_proven(small_packs, tmp_path, stage):
    folder = copied(small_packs, "burduja", tmp_path)
    weights = folder / f"{stage}.onnx"
    weights.write_bytes(weights.read_bytes() + b"\0")
    with pytest.raises(PackHashMismatch, match=f"{stage}.onnx has sha256"):
        verify(find_pack(folder))
    weights.unlink()
    with pytest.raises(PackUnreadable, match=f"{stage}.onnx is missing"):
        verify(find_pack(folder))


def mixed(small_packs, tmp_path, change):
    """Burduja's pack with another sequence file, its hash put right."""
    folder = copied(small_packs, "burduja", tmp_path)
    before = hashlib.sha256((folder / "sequence.onnx").read_bytes()).hexdigest()
    change(folder / "sequence.onnx")
    after = hashlib.sha256((folder / "sequence.onnx").read_bytes()).hexdigest()
    text = (folder / "card.toml").read_text()
    assert before != after and before in text
    (folder / "card.toml").write_text(text.replace(before, after))
    return find_pack(folder)


def edited(path, change):
    onnx = pytest.importorskip("onnx", reason="onnx is not installed: install the 'train' extra")
    graph = onnx.load(path)
    change(graph.graph)
    path.write_bytes(graph.SerializeToString())


def test_a_sequence_file_that_is_no_graph_is_refused(small_packs, tmp_path):
    card = mixed(small_packs, tmp_path, lambda path: path.write_bytes(b"no graph"))
    with pytest.raises(PackGraphMismatch, match=r"sequence.onnx is not a usable ONNX graph"):
        load(card, "cpu", 1)


def test_another_packs_sequence_stage_is_refused(small_packs, tmp_path):
    card = mixed(small_packs, tmp_path, lambda path: shutil.copy(small_packs["wang"] / "sequence.onnx", path))
    with pytest.raises(PackGraphMismatch, match="asks for features, spacing, the card feeds it features, prob"):
        load(card, "cpu", 1)


def test_a_sequence_stage_for_other_vectors_is_refused(small_packs, tmp_path):
    torch = pytest.importorskip("torch", reason="torch is not installed: install the 'train' extra")
    from models.export.graph import scan_signature, write_graph
    from models.seeds.burduja import LstmConfig, scan_reader

    def wider(path):
        stage = scan_reader(96, LstmConfig(features=10, hidden=4))
        write_graph(stage, (torch.rand(1, 5, 96), torch.rand(1, 5, 6)), scan_signature(stage.inputs), path)

    card = mixed(small_packs, tmp_path, wider)
    with pytest.raises(PackGraphMismatch, match="reads 96 features per slice, the slice graph gives"):
        load(card, "cpu", 1)


def test_a_sequence_stage_of_a_fixed_length_is_refused(small_packs, tmp_path):
    def freeze(graph):
        for one in graph.input:
            one.type.tensor_type.shape.dim[1].dim_value = 40

    card = mixed(small_packs, tmp_path, lambda path: edited(path, freeze))
    with pytest.raises(PackGraphMismatch, match="scans of any length are expected"):
        load(card, "cpu", 1)


def test_a_sequence_stage_without_its_output_is_refused(small_packs, tmp_path):
    def rename(graph):
        for node in graph.node:
            node.output[:] = ["other" if name == "refined" else name for name in node.output]
        graph.output[0].name = "other"

    card = mixed(small_packs, tmp_path, lambda path: edited(path, rename))
    with pytest.raises(PackGraphMismatch, match="no output 'refined', it has other"):
        load(card, "cpu", 1)
