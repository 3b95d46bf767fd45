"""`ichor evaluate`: read, judge, write."""

from collections.abc import Callable, Iterator

from models import find_pack, load
from models.datasets import LoadedCase
from models.errors import DatasetUnusable
from models.judge.gather import Gathered, gather
from models.judge.judgement import judge
from models.judge.options import EvaluateOptions
from models.judge.read import PHANTOM
from models.judge.report import Findings, write
from models.judge.timing import TIMED, clock
from models.judge.worst import write_sheets

__all__ = ["EvaluateOptions", "evaluate"]

Say = Callable[[str], None]


def evaluate(options: EvaluateOptions, say: Say) -> Findings:
    """The whole walk from cases to report; after a kill the same command goes on where it stopped."""
    card = find_pack(options.pack)
    reader = load(card, options.device, options.threads)
    if reader.device_note:
        say(reader.device_note)
    options.out.mkdir(parents=True, exist_ok=True)
    gathered = gather(options, reader, say)
    if not gathered.readings:
        where = options.path or options.out
        raise DatasetUnusable(where, "no series could be read", "the lines above say what is wrong with each")
    say(f"judging {len(gathered.readings)} series of pack {card.name} {card.version}")
    readings = gathered.readings
    timing = clock(reader, spread(gathered))
    shown = [case for case in readings if case.source == PHANTOM or options.pictures]
    sheets = write_sheets(shown, reader, gathered.load, options.out)
    found = Findings(
        card, judge(readings, card, options.resamples), timing, tuple(gathered.sources), tuple(gathered.unread), sheets
    )
    write(found, readings, options.out)
    for line in summary(found):
        say(line)
    say(f"written: {options.out / 'report.md'}, report.json, cases.csv and pictures")
    return found


def summary(found: Findings) -> list[str]:
    """The first figures, for the terminal."""
    patient = found.judged.levels["patient"]
    rates = "; ".join(f"{name} {rate.percent()}" for name, rate in patient.rates.exact.items())
    return [f"patients: {patient.units}, ROC AUC {patient.areas.roc.text()}", f"patients, percent: {rates}"]


def spread(gathered: Gathered) -> Iterator[LoadedCase]:
    """A few series from all over the set, for the clock."""
    step = max(1, len(gathered.readings) // TIMED)
    return (gathered.load(reading) for reading in gathered.readings[::step][:TIMED])
