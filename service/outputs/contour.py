"""The line around a part of a map: closed loops between the pixels, as smooth as the map is (marching squares)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from service.outputs.heat import Heat

#: (N, 2) of (column, row), 0, 0 at the outer corner of the first pixel (PS3.3 C.10.5.1.2); closed: the first comes last
Loop = NDArray[np.float64]
#: an edge of the grid: across (0) or down (1), row, column of its first corner
Edge = tuple[int, int, int]

#: a grid of about this many points a side holds more than a heat map has to say
FINEST = 256
#: loops smaller than this share of the picture are noise to the eye
LEAST_SHARE = 1e-4

#: by which corners of a cell are inside (1 first row left, 2 right, 4 next row right, 8 left): from which side to which
#: the line runs with the inside on its right; sides are top, right, bottom, left
_TOP, _RIGHT, _BOTTOM, _LEFT = range(4)
_STEPS: dict[int, tuple[tuple[int, int], ...]] = {
    1: ((_LEFT, _TOP),),
    2: ((_TOP, _RIGHT),),
    3: ((_LEFT, _RIGHT),),
    4: ((_RIGHT, _BOTTOM),),
    5: ((_LEFT, _TOP), (_RIGHT, _BOTTOM)),
    6: ((_TOP, _BOTTOM),),
    7: ((_LEFT, _BOTTOM),),
    8: ((_BOTTOM, _LEFT),),
    9: ((_BOTTOM, _TOP),),
    10: ((_TOP, _RIGHT), (_BOTTOM, _LEFT)),
    11: ((_BOTTOM, _RIGHT),),
    12: ((_RIGHT, _LEFT),),
    13: ((_RIGHT, _TOP),),
    14: ((_TOP, _LEFT),),
}


def outlines(heat: Heat, level: float) -> list[Loop]:
    """Return the loops around everything above ``level``, the largest first."""
    step = max(1, max(heat.shape) // FINEST)
    grid = np.pad(heat[::step, ::step].astype(np.float64), 1, constant_values=-1.0)
    loops = [_placed(loop, grid, level, step, heat.shape) for loop in _loops(_links(grid > level))]
    sized = [(abs(_area(loop)), loop) for loop in loops]
    least = LEAST_SHARE * heat.size
    return [loop for size, loop in sorted(sized, key=lambda one: -one[0]) if size >= least]


def _links(inside: NDArray[np.bool_]) -> dict[Edge, Edge]:
    """Return for each crossed edge the one that the line crosses next."""
    cells = inside[:-1, :-1] + 2 * inside[:-1, 1:] + 4 * inside[1:, 1:] + 8 * inside[1:, :-1]
    links: dict[Edge, Edge] = {}
    for row, column in np.argwhere((cells > 0) & (cells < 15)).tolist():
        sides: tuple[Edge, ...] = ((0, row, column), (1, row, column + 1), (0, row + 1, column), (1, row, column))
        for start, end in _STEPS[int(cells[row, column])]:
            links[sides[start]] = sides[end]
    return links


def _loops(links: dict[Edge, Edge]) -> list[list[Edge]]:
    loops = []
    while links:
        first, at = links.popitem()
        loop = [first]
        while at != first:
            loop.append(at)
            at = links.pop(at)
        loops.append([*loop, first])
    return loops


def _placed(loop: list[Edge], grid: Loop, level: float, step: int, shape: tuple[int, ...]) -> Loop:
    """Put each crossing where the level lies between its two corners, in picture coordinates."""
    edges = np.array(loop)
    across, rows, columns = edges[:, 0] == 0, edges[:, 1], edges[:, 2]
    near = grid[rows, columns]
    far = grid[np.where(across, rows, rows + 1), np.where(across, columns + 1, columns)]
    share = np.clip((level - near) / np.where(far == near, 1.0, far - near), 0.0, 1.0)
    # the grid is padded by one, and a sample stands in the middle of its pixel
    column = (columns + np.where(across, share, 0.0) - 1) * step + 0.5
    row = (rows + np.where(across, 0.0, share) - 1) * step + 0.5
    return np.stack([np.clip(column, 0, shape[1]), np.clip(row, 0, shape[0])], axis=1)


def _area(loop: Loop) -> float:
    x, y = loop[:, 0], loop[:, 1]
    return float(np.sum(x[:-1] * y[1:] - x[1:] * y[:-1]) / 2)
