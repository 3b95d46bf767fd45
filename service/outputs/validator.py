"""What dicom3tools' dciodvfy, where it is installed, says about an object."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

PROGRAM = "dciodvfy"
INSTALL = "install dicom3tools (Debian, Ubuntu: apt-get install dicom3tools)"
SECONDS = 60


@dataclass(frozen=True)
class Judgement:
    """``known`` is False when nobody judged: no validator, or it does not know the object's class."""

    known: bool
    errors: tuple[str, ...] = ()
    text: str = ""

    @property
    def valid(self) -> bool:
        """Tell whether the validator knew the object and found no error."""
        return self.known and not self.errors


def validate(path: Path) -> Judgement:
    """Let the validator read a file."""
    program = shutil.which(PROGRAM)
    if program is None:
        return Judgement(known=False, text=f"{PROGRAM} is not installed: {INSTALL}")
    try:
        done = subprocess.run([program, "-new", str(path)], capture_output=True, timeout=SECONDS, check=False)  # noqa: S603
    except subprocess.TimeoutExpired:
        return Judgement(known=False, text=f"{PROGRAM} did not answer within {SECONDS} s")
    said = (done.stdout + done.stderr).decode("utf-8", "replace").splitlines()
    errors = tuple(line.strip() for line in said if line.startswith("Error"))
    if done.returncode and not errors:
        return Judgement(known=False, text=f"{PROGRAM} ended with {done.returncode}: {' '.join(said[-1:])}")
    return Judgement(known=True, errors=errors)
