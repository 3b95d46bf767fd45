import shutil
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: install the 'train' extra")
pytest.importorskip("onnxscript", reason="onnxscript is not installed: install the 'train' extra")

from models import find_pack, load  # noqa: E402
from models.classify.bench import LocateBench  # noqa: E402
from models.classify.net import LocateNet  # noqa: E402
from models.errors import PackGraphMismatch  # noqa: E402
from models.export import check_parity  # noqa: E402

HERE = """
import sys
from pathlib import Path
from models.train.recipe import write_pack
write_pack(Path(sys.argv[1]), Path(sys.argv[2]), {})
"""


@pytest.fixture(scope="module")
def pack(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pack") / "fresh"
    shutil.copytree(find_pack("default").folder, folder)
    torch.manual_seed(3)
    torch.save({"net": LocateNet(6).state_dict()}, folder.parent / "checkpoint.pt")
    arguments = [str(folder), str(folder.parent / "checkpoint.pt")]
    subprocess.run([sys.executable, "-c", HERE, *arguments], check=True, capture_output=True, timeout=240)
    return folder


def test_a_fresh_export_loads_with_any_batch(pack):
    card = find_pack(pack)
    assert card.sha256 != find_pack("default").sha256
    session = load(card, device="cpu", threads=1)._session
    images = np.random.default_rng(0).uniform(-1, 1, (5, 3, 224, 224)).astype(np.float32)
    for count in (1, 2, 5):
        probabilities, features, cam = session.run(images[:count])
        assert len(probabilities) == len(features) == len(cam) == count


def test_nothing_of_this_machine_travels_along(pack):
    onnx = pytest.importorskip("onnx", reason="onnx is not installed: install the 'train' extra")
    graph = onnx.load(pack / "reader.onnx").graph
    assert not any(node.metadata_props or node.doc_string for node in graph.node)
    assert b"site-packages" not in (pack / "reader.onnx").read_bytes()


def test_a_wrong_graph_does_not_pass_for_the_net(pack):
    torch.manual_seed(4)
    card = replace(find_pack(pack))
    with pytest.raises(PackGraphMismatch, match="differs from torch"):
        check_parity(LocateBench(LocateNet(6), 1.0).eval(), card.weights_path, 224)
