"""The command that proves the systems in full size, here on small ones."""

import sys

import pytest

pytest.importorskip("torch", reason="torch is not installed: install the 'train' extra")
pytest.importorskip("onnx", reason="onnx is not installed: install the 'train' extra")

from packs import SMALL

from models import find_pack, verify
from models.errors import ExtraMissing
from models.export.graph import write_graph
from models.seeds import prove
from models.seeds.registry import Config, build
from models.seeds.systems import SYSTEMS

CASES = tuple((f"small {system}", system, Config.read(SMALL[system])) for system in ("burduja", "saraswathi"))


def test_a_row_per_system_with_its_sizes_and_differences(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(prove, "CASES", CASES)
    monkeypatch.setattr(sys, "argv", ["prove", "--out", str(tmp_path), "--threads", "1"])
    prove.main()
    rows = [
        dict(zip(prove.HEADINGS, (cell.strip() for cell in line.strip("| \n").split(" | ")), strict=True))
        for line in capsys.readouterr().out.splitlines()
        if line.startswith("| small")
    ]
    burduja, saraswathi = rows
    assert burduja["input"] == saraswathi["input"] == "3x64^2" and burduja["features"] == "128"
    assert burduja["map"] == "6x2x2" and saraswathi["map"] == "1x2x2" and saraswathi["refined"] == "-"
    for row in rows:
        for column in ("probabilities", "map vs torch", "map vs autograd"):
            assert float(row[column]) <= 1e-4
        assert float(row["ms/slice"]) >= 0
    assert float(burduja["refined"]) <= 1e-4 and int(burduja["of which scan"].replace(",", "")) > 0
    verify(find_pack(tmp_path / "small burduja"))


def test_every_published_system_is_proven():
    assert {system for _, system, _ in prove.__dict__["CASES"]} == set(SYSTEMS)


def test_a_config_survives_its_record():
    config = Config.read(SMALL["wang-slices"])
    assert Config.read(config.as_dict()) == config and Config.read({}) == Config()
    with pytest.raises(TypeError, match="colour"):
        Config.read({"colour": 1})


def test_an_unknown_system_lists_the_known():
    with pytest.raises(ValueError, match="name one of effclass, burduja, wang-windows"):
        build("resnet")


def test_a_missing_library_is_told(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ExtraMissing, match="train"):
        write_graph(None, (), None, tmp_path / "x.onnx")
