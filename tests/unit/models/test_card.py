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
