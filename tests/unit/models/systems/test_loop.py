"""The loop on a line through the origin: curve, checkpoints, the best epoch, and going on as if nothing happened."""

import csv

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: install the 'train' extra")

from models.train.systems import loop  # noqa: E402
from models.train.systems.recipes import Optimiser, Rate  # noqa: E402


class Line:
    """Learns y = 2 x with dropout, five steps per epoch; `judged` are the losses that its epochs are told to have."""

    name, epochs, per_epoch = "line", 4, 5
    optimiser = Optimiser("adam", Rate(0.1, at=(2,), factor=0.5))

    def __init__(self, best="loss", judged=()):
        torch.manual_seed(1)
        self.net = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Dropout(0.5), torch.nn.Linear(8, 1))
        self.best, self.judged = best, list(judged)

    def batches(self, first, last):
        for step in range(first, last):
            yield torch.rand((6, 4), generator=torch.Generator().manual_seed(step))

    def loss(self, batch):
        return ((self.net(batch) - 2 * batch.sum(1, keepdim=True)) ** 2).mean()

    def look(self):
        self.net.eval()
        with torch.no_grad():
            own = float(self.loss(torch.ones(1, 4)))
        return {"loss": self.judged.pop(0) if self.judged else own, "accuracy": 0.5, "auc": 0.5}


def track(folder, **changes):
    given = {"seed": 3, "device": "cpu", "precision": "fp32", "report": 2, "keep": 3, **changes}
    return loop.Track(folder / "stage", folder / "curve.csv", **given)


def rows(folder):
    return list(csv.DictReader((folder / "curve.csv").read_text().splitlines()))


def test_a_stage_that_stopped_anywhere_goes_on_alike(tmp_path):
    (tmp_path / "whole").mkdir()
    whole = Line()
    loop.fit(whole, track(tmp_path / "whole"), lambda line: None)
    for stop in (1, 4, 7, 13, 18):
        folder = tmp_path / f"stop{stop}"
        folder.mkdir()

        class Cut(Line):
            """A power cut in the middle of a step's data."""

            def batches(self, first, last, stop=stop):
                for step, batch in enumerate(super().batches(first, last), first):
                    if step == stop:
                        raise KeyboardInterrupt
                    yield batch

        with pytest.raises(KeyboardInterrupt):
            loop.fit(Cut(), track(folder), lambda line: None)
        again, said = Line(), []
        loop.fit(again, track(folder), said.append)
        assert rows(folder) == rows(tmp_path / "whole")
        assert all(torch.equal(a, b) for a, b in zip(again.net.parameters(), whole.net.parameters(), strict=True))
        assert any("goes on after step" in line for line in said) == (stop >= 3)


def test_the_curve_has_a_line_per_report_and_epoch(tmp_path):
    loop.fit(Line(), track(tmp_path), lambda line: None)
    made = rows(tmp_path)
    assert [int(one["step"]) for one in made] == [2, 4, 5, 6, 8, 10, 12, 14, 15, 16, 18, 20]
    assert [one["rate"] for one in made] == ["0.1"] * 6 + ["0.05"] * 6
    assert [one["step"] for one in made if one["validation_loss"]] == ["5", "10", "15", "20"]


def test_other_stages_keep_their_lines(tmp_path):
    loop.fit(Line(), track(tmp_path), lambda line: None)
    before = rows(tmp_path)
    other = Line()
    other.name = "other"
    loop.fit(other, track(tmp_path, most=3), lambda line: None)
    assert rows(tmp_path)[: len(before)] == before
    assert [one["stage"] for one in rows(tmp_path)[len(before) :]] == ["other", "other"]
    loop.cut(tmp_path / "curve.csv", "line", 5)
    assert [(one["stage"], one["step"]) for one in rows(tmp_path)] == [
        ("line", "2"), ("line", "4"), ("line", "5"), ("other", "2"), ("other", "3"),
    ]  # fmt: skip


@pytest.mark.parametrize(("best", "kept"), [("loss", 10), ("last", 20)])
def test_the_epoch_that_is_kept_is_the_one_asked_for(tmp_path, best, kept):
    stage = Line(best, judged=[0.5, 0.1, 0.2, 0.3])
    loop.fit(stage, track(tmp_path), lambda line: None)
    (tmp_path / "short").mkdir()
    short = Line("last")
    loop.fit(short, track(tmp_path / "short", most=kept), lambda line: None)
    assert all(torch.equal(a, b) for a, b in zip(stage.net.parameters(), short.net.parameters(), strict=True))


def test_long_work_is_heard_of(tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "EVERY_SECONDS", 0.0)
    said = []
    loop.fit(Line(), track(tmp_path), said.append)
    assert sum("steps/s" in line and "min left" in line for line in said) == 20
    assert not any("nan" in line for line in said)


def test_half_precision_is_taken_where_it_is_built_in(monkeypatch, tmp_path):
    monkeypatch.setattr(loop, "has_bf16", lambda device: True)
    assert torch.get_autocast_dtype("cpu") is torch.bfloat16
    with loop.precise(track(tmp_path, precision="auto")):
        assert torch.is_autocast_enabled("cpu")
    with loop.precise(track(tmp_path)):
        assert not torch.is_autocast_enabled("cpu")
    loop.fit(Line(), track(tmp_path, precision="auto"), lambda line: None)
    assert float(rows(tmp_path)[-1]["loss"]) < float(rows(tmp_path)[0]["loss"])
