"""What can go wrong in `models`, drawn as a tree; each leaf says what is wrong and what mends it.

ModelError
├── PackError                 the pack folder cannot be used
│   ├── PackNotFound          no such pack: the known names are listed
│   ├── PackUnreadable        card.toml is missing, malformed or lacks a field
│   ├── PackHashMismatch      the weights are not the ones the card was written for
│   └── PackGraphMismatch     card and graph disagree on inputs, outputs or labels
├── DeviceUnknown             the caller asked for a device that does not exist
├── DatasetUnusable           a folder is no labelled data set, or not a whole one
├── RunUnusable               a training run is not finished, or its recipe is wrong
├── SliceUnreadable           a slice is not a two-dimensional image with a positive pixel size
├── ReaderMisused             the caller left out what the pack needs, or asked for what it has not
└── ExtraMissing              a workshop verb was called without the `train` extra
"""

from pathlib import Path


class ModelError(Exception):
    """Base of everything `models` raises on purpose."""


class PackError(ModelError):
    """The pack folder cannot be used."""


class PackNotFound(PackError):
    """Neither a bundled pack nor a folder with a card."""

    def __init__(self, asked: str, known: tuple[str, ...]) -> None:
        names = ", ".join(known) or "none"
        super().__init__(f"no model pack '{asked}': name a bundled pack ({names}) or a folder that holds card.toml")
        self.asked = asked
        self.known = known


class PackUnreadable(PackError):
    """card.toml is missing, malformed or lacks a field."""

    def __init__(self, folder: Path, why: str) -> None:
        super().__init__(f"card of pack {folder}: {why}; mend card.toml or install the pack again")


class PackHashMismatch(PackError):
    """The weights are not the ones the card was written for."""

    def __init__(self, weights: Path, expected: str, found: str) -> None:
        super().__init__(
            f"{weights} has sha256 {found[:16]}..., the card expects {expected[:16]}...; "
            "install the pack again, or write a new card for new weights"
        )
        self.expected = expected
        self.found = found


class PackGraphMismatch(PackError):
    """Card and graph disagree on inputs, outputs or labels."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(
            f"pack '{name}': {why}; card.toml and the weights do not belong together, export the pack again"
        )


class DeviceUnknown(ModelError):
    """The caller asked for a device that does not exist."""

    def __init__(self, asked: str) -> None:
        super().__init__(f"unknown device '{asked}': use auto, cpu or cuda")


class SliceUnreadable(ModelError):
    """A slice is not a two-dimensional image with a positive pixel size."""

    def __init__(self, why: str) -> None:
        super().__init__(f"slice cannot be read: {why}; give float HU of shape [rows, columns] and pixel sizes in mm")


class DatasetUnusable(ModelError):
    """A folder is no labelled data set, or not a whole one."""

    def __init__(self, folder: Path, why: str, mend: str) -> None:
        super().__init__(f"data set {folder}: {why}; {mend}")
        self.folder = folder


class ReaderMisused(ModelError):
    """The caller left out what the pack needs, or asked for what it has not."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"pack '{name}' {why}")


class RunUnusable(ModelError):
    """A training run is not finished, or its recipe is wrong."""

    def __init__(self, run: Path, why: str, mend: str) -> None:
        super().__init__(f"run {run}: {why}; {mend}")
        self.run = run


class ExtraMissing(ModelError):
    """A workshop verb was called without the `train` extra."""

    def __init__(self, package: str) -> None:
        super().__init__(f"{package} is not installed; install the 'train' extra: pip install '.[train]'")
