"""Cases from a data set or from the phantom generator, each read once and kept."""

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from models import Reader
from models.datasets import Case, LoadedCase, load_case, open_dataset
from models.errors import ModelError
from models.judge.nouns import CaseReading
from models.judge.options import EvaluateOptions
from models.judge.read import PHANTOM, read_case
from models.judge.shelf import Shelf, generator_digest, mixture, take
from models.judge.store import Store

Say = Callable[[str], None]
EVERY_SECONDS = 20.0


@dataclass
class Progress:
    """A line now and then."""

    say: Say
    total: int
    done: int = 0
    told: float = field(default_factory=time.monotonic)
    began: float = field(default_factory=time.monotonic)

    def step(self) -> None:
        """One more; says so every EVERY_SECONDS and at the end."""
        self.done += 1
        now = time.monotonic()
        if now - self.told >= EVERY_SECONDS or self.done == self.total:
            self.say(f"{self.done} of {self.total} series read, {now - self.began:.0f} s")
            self.told = now


@dataclass(frozen=True, eq=False)
class Gathered:
    """What was read, what was not and why, and how to get a case's pixels again."""

    readings: list[CaseReading]
    unread: list[tuple[str, str]]  #: series, reason
    cases: dict[str, Case]  #: by name of the reading, see `name_of`
    shelf: Shelf
    sources: list[str]  #: one sentence per source

    def load(self, reading: CaseReading) -> LoadedCase:
        """The pixels behind a reading."""
        case = self.cases[name_of(reading)]
        if case.source != PHANTOM:
            return load_case(case)
        ((_, path),) = self.shelf.drawn([case])
        return take(case, path)


def name_of(case: Case | CaseReading) -> str:
    """One name per series."""
    return f"{case.source}/{case.patient}/{case.study}/{case.series}"


def gather(options: EvaluateOptions, reader: Reader, say: Say) -> Gathered:
    """Read everything that was asked for; what an earlier run read is taken from disk."""
    store = Store.of(options.out, reader.card)
    shelf = Shelf(options.out / "phantoms", options.workers)
    found = Gathered([], [], {}, shelf, [])
    if options.path is not None:
        cases = open_dataset(options.path, options.layout, say)
        found.sources.append(f"data set `{options.path.name}`, layout {cases[0].source}: {len(cases)} series")
        _gather(found, cases, _readings_of_files(cases, reader, (store, found, say)))
    if options.phantoms:
        cases = mixture(options.phantoms, options.seed)
        last = options.seed + options.phantoms - 1
        found.sources.append(
            f"{len(cases)} phantoms, seeds {options.seed}-{last}, {generator_name()}: half without a bleed, "
            "five kinds, four vendors, slices of 1 to 8 mm"
        )
        _gather(found, cases, _readings_of_phantoms(cases, reader, (store, shelf, say)))
    return found


def generator_name() -> str:
    """Version and digest of the generator."""
    from models.phantom import PHANTOM_VERSION

    return f"generator {PHANTOM_VERSION} ({generator_digest()})"


def _gather(found: Gathered, cases: Sequence[Case], readings: Iterator[CaseReading]) -> None:
    found.cases.update({name_of(case): case for case in cases})
    found.readings.extend(readings)


def _readings_of_files(
    cases: Sequence[Case], reader: Reader, tools: tuple[Store, Gathered, Say]
) -> Iterator[CaseReading]:
    store, found, say = tools
    progress = Progress(say, len(cases))
    for case in cases:
        try:
            kept = store.get(_key(case)) or _read(store, _key(case), reader, load_case(case))
        except (ModelError, OSError) as problem:
            found.unread.append((case.series, str(problem)))
            say(f"not read: {case.series}: {problem}")
        else:
            yield kept
        progress.step()


def _readings_of_phantoms(
    cases: Sequence[Case], reader: Reader, tools: tuple[Store, Shelf, Say]
) -> Iterator[CaseReading]:
    store, shelf, say = tools
    progress = Progress(say, len(cases))
    unread = [case for case in cases if store.get(_key(case)) is None]
    progress.done = len(cases) - len(unread)
    for case, path in shelf.drawn(unread):
        _read(store, _key(case), reader, take(case, path))
        progress.step()
    for case in cases:
        kept = store.get(_key(case))
        assert kept is not None
        yield kept


def _read(store: Store, key: str, reader: Reader, loaded: LoadedCase) -> CaseReading:
    reading = read_case(reader, loaded)
    store.put(key, reading)
    return reading


def _key(case: Case) -> str:
    """All that decides a reading apart from pack and code: labels, files with size and age, or the generator."""
    files = [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in (*case.files, *_mask(case))]
    origin = generator_digest() if case.source == PHANTOM else files
    plain = replace(case, files=(), mask=None)
    return hashlib.sha256(f"{plain!r}{origin!r}".encode()).hexdigest()


def _mask(case: Case) -> tuple[Path, ...]:
    return () if case.mask is None else (case.mask,)
