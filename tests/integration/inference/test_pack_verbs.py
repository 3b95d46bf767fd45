"""``ichor pack``: what it says of a pack, and that every broken part of one is named in one line."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from service.errors import BadSettings
from service.wiring import packs

PARTS = ["slice weights", "slice graph", "sequence weights", "sequence graph"]
Break = Callable[[Path], None]


def append(name: str) -> Break:
    def damage(folder: Path) -> None:
        with (folder / name).open("ab") as file:
            file.write(b"\0")

    return damage


def reword(old: str, new: str) -> Break:
    def damage(folder: Path) -> None:
        card = folder / "card.toml"
        text = card.read_text("utf-8")
        assert old in text
        card.write_text(text.replace(old, new), "utf-8")

    return damage


def lose(name: str) -> Break:
    return lambda folder: (folder / name).unlink()


@pytest.fixture
def copy(small_packs: dict[str, Path], tmp_path: Path) -> Callable[[str], Path]:
    return lambda system: Path(shutil.copytree(small_packs[system], tmp_path / system))


@pytest.mark.parametrize("system", ["effclass", "burduja", "wang", "saraswathi"])
def test_a_sound_pack_is_proven_part_by_part(small_packs: dict[str, Path], system: str) -> None:
    found = list(packs.verify(str(small_packs[system])))
    assert [one.subject for one in found] == (PARTS if system in ("burduja", "wang") else PARTS[:2])
    assert all(one.well for one in found), found
    assert packs.identity(str(small_packs[system])).startswith(f"small-{system} 0.1.0: pack hash ")


@pytest.mark.parametrize(("damage", "failed", "said"), [
    (append("reader.onnx"), ["slice weights", "slice graph", "sequence graph"], "the card expects"),
    (append("sequence.onnx"), ["sequence weights", "sequence graph"], "the card expects"),
    (lose("sequence.onnx"), ["sequence weights", "sequence graph"], "sequence.onnx is missing"),
    (reword('"spacing"', '"probabilities"'), ["sequence graph"], "probabilities"),
    (reword("size = 64", "size = 96"), ["slice graph", "sequence graph"], "96"),
])  # fmt: skip
def test_each_failure_has_its_line(copy: Callable[[str], Path], damage: Break, failed: list[str], said: str) -> None:
    folder = copy("wang")
    damage(folder)
    found = [one for one in packs.verify(str(folder)) if not one.well]
    assert [one.subject for one in found] == failed
    assert said in found[0].text
    assert all(len(one.text.splitlines()) == 1 for one in found)


def test_a_card_that_cannot_be_read_is_refused(copy: Callable[[str], Path]) -> None:
    folder = copy("effclass")
    reword("neighbours = 0", "neighbours = 2")(folder)
    with pytest.raises(BadSettings, match="neighbours is neither 0 nor 1"):
        list(packs.verify(str(folder)))


def test_the_card_is_told_in_lines(small_packs: dict[str, Path]) -> None:
    wang, effclass = (dict(packs.card(str(small_packs[system]))) for system in ("wang", "effclass"))
    assert wang["preprocess"].startswith("HU windows 40/80 of the slice with the one above and the one below; 64 x 64")
    assert wang["sequence"] == "sequence.onnx refines all slices of a scan from features, spacing"
    assert wang["rule"] == "share: one of the slices above 0.5, rounded half_even"
    assert effclass["rule"] == "share: 10 % of the slices above 0.8, rounded half_even"
    assert effclass["sequence"].startswith("none")
    assert effclass["labels"] == "any"
    assert "EfficientClassification" in effclass["system"]
    assert all("\n" not in text for card in (wang, effclass) for text in card.values())


def test_bundled_packs_are_listed_with_size_and_system() -> None:
    (line,) = [one for one in packs.names() if one.startswith("default\t")]
    _, _, size, labels, _ = line.split("\t")
    assert size.endswith(" MB")
    assert labels == "6 labels"
