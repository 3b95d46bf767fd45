import hashlib
import re

import pytest

from models.card import Card, bundled_packs, find_pack, verify
from models.errors import PackHashMismatch, PackNotFound, PackUnreadable

CARD = """
name = "toy"
version = "1"
architecture = "none"
weights = "w.onnx"
sha256 = "{sha256}"
labels = ["subdural", "any"]
slice_threshold = 0.4
temperature = 1.5
licence = "x"
intended_use = "x"
training_data = "x"
limits = "x"
[preprocess]
windows = [[40, 80]]
size = 64
mm_per_pixel = 0
neighbours = 0
[rule]
kind = "run"
run_mm = 10
[outputs]
probabilities = "p"
features = "f"
cam = "c"
[metrics]
auc = 0.5
"""


@pytest.fixture
def pack(tmp_path):
    (tmp_path / "w.onnx").write_bytes(b"weights")
    (tmp_path / "card.toml").write_text(CARD.format(sha256=hashlib.sha256(b"weights").hexdigest()))
    return tmp_path


def rewrite(pack, old, new):
    path = pack / "card.toml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_a_card_says_what_the_file_says(pack):
    card = find_pack(pack)
    assert card.labels == ("subdural", "any")
    assert card.label_index("any") == 1
    assert card.preprocess.windows == ((40, 80),)
    assert card.rule.kind == "run" and card.rule.numbers["run_mm"] == 10
    assert card.metrics["auc"] == 0.5
    verify(card)


def test_the_pack_hash_follows_meaning_not_layout(pack):
    before = Card.load(pack).pack_hash
    rewrite(pack, 'version = "1"', '# a remark\nversion    = "1"')
    assert Card.load(pack).pack_hash == before
    rewrite(pack, "slice_threshold = 0.4", "slice_threshold = 0.41")
    assert Card.load(pack).pack_hash != before


def test_changed_weights_are_refused(pack):
    (pack / "w.onnx").write_bytes(b"other")
    with pytest.raises(PackHashMismatch, match="install the pack again"):
        verify(find_pack(pack))


def test_missing_weights_are_named(pack):
    (pack / "w.onnx").unlink()
    with pytest.raises(PackUnreadable, match=re.escape("w.onnx is missing")):
        verify(find_pack(pack))


def test_an_unknown_pack_lists_the_known(tmp_path):
    with pytest.raises(PackNotFound, match="default"):
        find_pack(tmp_path / "nothing")


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ('version = "1"', "", "'version' is missing"),
        ('"any"]', '"epidural"]', "lack 'any'"),
        ('["subdural", "any"]', '["any", "any"]', "repeat"),
        ("slice_threshold = 0.4", "slice_threshold = 1.0", "slice_threshold"),
        ("temperature = 1.5", "temperature = 0", "temperature"),
        ('kind = "run"', 'kind = "guess"', "'guess'"),
        ("run_mm = 10", "", "rule run has no number"),
        ("run_mm = 10", "run_mm = 10\nrun_milimetres = 4", "rule run knows no run_milimetres"),
        ("neighbours = 0", "neighbours = 2", "neighbours"),
        ('weights = "w.onnx"', 'weights = "../w.onnx"', "plain file name"),
        ('version = "1"', 'version = "1"\ncolour = "red"', "unknown field colour"),
        ("[[40, 80]]", "[[40]]", "not enough values"),
        ("size = 64", 'size = "big"', "big"),
        ("[rule]", "[rule", "not valid TOML"),
    ],
)
def test_a_wrong_card_says_what_is_wrong(pack, old, new, why):
    rewrite(pack, old, new)
    with pytest.raises(PackUnreadable, match=why):
        find_pack(pack)


def test_the_default_pack_is_bundled():
    assert "default" in bundled_packs()
    card = find_pack("default")
    assert set(card.labels) >= {"any", "epidural", "subdural"}
    assert "not for diagnosis" in card.intended_use
    assert "synthetic data" in card.intended_use


def test_a_card_of_the_first_kind_keeps_its_hash_and_its_meaning(pack):
    card = find_pack(pack)
    assert card.pack_hash == "4a0022e43b33e427a5ba353bad3e24280b285d65524a5f6663a3209770c96af2"
    assert card.sequence is None and card.heatmap.kind == "closed" and card.rule.rounding == "half_even"
    assert card.preprocess.channels == len(card.preprocess.windows)


MORE = """
filter = "bilinear"
bytes = true
spread = true
mean = [0.456]
sd = [0.224]
through = 512
centre = 0.8
"""


def test_a_card_of_two_stages(pack):
    (pack / "scan.onnx").write_bytes(b"scan")
    digest = hashlib.sha256(b"scan").hexdigest()
    rewrite(pack, "neighbours = 0", "neighbours = 1" + MORE)
    rewrite(pack, 'kind = "run"\nrun_mm = 10', 'kind = "share"\nshare_percent = 10\nrounding = "ceil"')
    before = Card.load(pack).pack_hash
    with (pack / "card.toml").open("a") as card:
        card.write(f'[sequence]\nweights = "scan.onnx"\nsha256 = "{digest}"\ninputs = ["features", "spacing"]\n')
    card = Card.load(pack)
    verify(card)
    spec = card.preprocess
    assert (spec.filter, spec.bytes, spec.spread, spec.through, spec.centre) == ("bilinear", True, True, 512, 0.8)
    assert (spec.mean, spec.sd, spec.channels) == ((0.456,), (0.224,), 3)
    assert card.rule.rounding == "ceil" and dict(card.rule.numbers) == {"share_percent": 10}
    assert card.sequence is not None and card.sequence.inputs == ("features", "spacing")
    assert card.pack_hash != before, "another second stage is another pack"
    (pack / "scan.onnx").write_bytes(b"other")
    with pytest.raises(PackHashMismatch, match=r"scan\.onnx"):
        verify(card)


SEQUENCE = "[outputs]\n", '[sequence]\nweights = "{}"\nsha256 = "0"\ninputs = [{}]\n[outputs]\n'


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("neighbours = 0", 'neighbours = 0\nfilter = "cubic"', "'cubic' is not one of triangle, bilinear, pillow"),
        ("neighbours = 0", "neighbours = 0\nfliter = 1", "unknown field fliter"),
        ("mm_per_pixel = 0", 'mm_per_pixel = 1\nfilter = "pillow"', "mm_per_pixel must be 0"),
        ("neighbours = 0", "neighbours = 0\nspread = true", "need filter bilinear or pillow"),
        ("neighbours = 0", "neighbours = 0\ncentre = 0.8", "need filter bilinear or pillow"),
        ("neighbours = 0", 'neighbours = 0\nfilter = "pillow"\ncentre = 0', "centre is not inside"),
        ("neighbours = 0", 'neighbours = 0\nfilter = "pillow"\nthrough = -1', "through is negative"),
        ("neighbours = 0", "neighbours = 0\nslab_mm = -1", "slab_mm is negative"),
        ("neighbours = 0", "neighbours = 1\nslab_mm = 5", "slab_mm needs neighbours = 0"),
        ("neighbours = 0", "neighbours = 0\nmean = [0.1, 0.2]", "one number or one per window"),
        ("neighbours = 0", "neighbours = 0\nsd = [0.0]", "sd is not positive"),
        ("[[40, 80]]", "[]", "windows are empty"),
        ("[[40, 80]]", "[[40, 1]]", "narrower than 2 HU"),
        ('kind = "run"', 'kind = "share"\nrounding = "up"', "'up' is not one of half_even, ceil"),
        ("[metrics]", '[heatmap]\nkind = "soft"\n[metrics]', "'soft' is not one of closed, smoothed"),
        ("[metrics]", '[heatmap]\nkind = "smoothed"\n[metrics]', "needs one label and outputs.weighted"),
        ("[metrics]", '[heatmap]\ncolour = "jet"\n[metrics]', "unknown field colour"),
        (SEQUENCE[0], SEQUENCE[1].format("s.onnx", ""), "sequence.inputs are not some of"),
        (SEQUENCE[0], SEQUENCE[1].format("s.onnx", '"age"'), "sequence.inputs are not some of"),
        (SEQUENCE[0], SEQUENCE[1].format("../s.onnx", '"features"'), "plain file name"),
        (SEQUENCE[0], SEQUENCE[1].format("w.onnx", '"features"'), "both stages name the same weights"),
        (SEQUENCE[0], '[sequence]\nweights = "s.onnx"\n[outputs]\n', "'sha256' is missing"),
        ('cam = "c"', 'cam = "c"\nmap = "m"', "unknown field map"),
        ("labels =", "folder = 1\nlabels =", "unknown field folder"),
    ],
)
def test_a_wrong_section_says_what_is_wrong(pack, old, new, why):
    rewrite(pack, old, new)
    with pytest.raises(PackUnreadable, match=why):
        find_pack(pack)
