"""The windows a head CT is looked at in: a centre and a width in HU each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, kw_only=True)
class Window:
    """Black below centre - width / 2, white above centre + width / 2."""

    name: str
    centre: float
    width: float

    @property
    def title(self) -> str:
        """Return the name and its numbers, as the corner of the picture says them."""
        return f"{self.name.capitalize()} {self.centre:g} / {self.width:g}"


#: in the order of the keys 1 to 4
WINDOWS: Final = (
    Window(name="brain", centre=40, width=80),
    Window(name="subdural", centre=80, width=200),
    Window(name="bone", centre=600, width=2800),
    # narrow windows show early ischaemia (Lev, Radiology 1999;213:150, began at 32/8 and widened by hand; Turner,
    # Br J Radiol 2011;84:1061, reads at 40/40); as a button it must also be legible on noisy thin slices
    Window(name="stroke", centre=35, width=30),
)


def window_named(name: str) -> Window | None:
    """Return a window, None where there is none of this name."""
    return next((one for one in WINDOWS if one.name == name), None)
