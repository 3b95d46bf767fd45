"""Times a 40-slice series from files on disk to the verdict, in one process, and prints the medians.

scripts/measure-read [--pack P] [--times N]
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

from service.settings import Settings
from service.wiring import scans

SLICES, THICKNESS, SEED = 40, 4.0, 7


def main() -> None:
    """Write the series once, read it several times."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pack", default="default")
    parser.add_argument("--times", type=int, default=7)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        wish = scans.PhantomWish(finding="subdural", seed=SEED, slices=SLICES, thickness=THICKNESS)
        scans.write_phantom(wish, Path(folder) / "scan")
        inside = [_seconds(lambda: _read(Path(folder) / "scan", asked.pack)) for _ in range(asked.times)]
        command = [sys.executable, "-m", "service", "read", str(Path(folder) / "scan"), "--pack", asked.pack]
        whole = [_seconds(lambda: subprocess.run(command, check=True, capture_output=True)) for _ in range(3)]  # noqa: S603
    print(
        f"{SLICES} slices of 512 x 512 from files to verdict: median {statistics.median(inside):.2f} s "
        f"({min(inside):.2f} to {max(inside):.2f}, {asked.times} times, the pack opened each time); "
        f"`ichor read` as a command {statistics.median(whole):.2f} s; pack {asked.pack}, "
        f"{os.cpu_count()} cores, {date.today()}"
    )


def _read(path: Path, pack: str) -> None:
    answer = scans.read_folder(Settings(), path, pack)
    assert len(answer["slices"]) == SLICES, answer["why"]


def _seconds(act) -> float:  # type: ignore[no-untyped-def]
    start = time.perf_counter()
    act()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
