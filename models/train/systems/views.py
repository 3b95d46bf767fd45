"""Random views of prepared inputs [B, C, H, W]: the papers' augmentations, drawn from one generator per step."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from models.train.systems.recipes import Augment


@dataclass(frozen=True, eq=False)
class Look:
    """What views need to know beside the recipe."""

    size: int  #: side of what the network reads
    black: tuple[float, ...]  #: value per channel of a black pixel


def augment(images: Tensor, wish: Augment, look: Look, generator: torch.Generator) -> Tensor:
    """One random view of each image."""
    if wish.affine or wish.crop:
        images = _warped(images, _pose(len(images), wish, generator), look.size)
    images = _flipped(_flipped(images, wish.flip_across, 3, generator), wish.flip_down, 2, generator)
    if wish.swap_outer:
        swap = _happens(len(images), wish.swap_outer, generator)[:, None, None, None]
        images = torch.where(swap, images.flip(1), images)
    if wish.tone:
        images = _toned(images, wish, generator)
    return _erased(images, wish, look, generator) if wish.erase else images


def _uniform(count: int, low: float, high: float, generator: torch.Generator) -> Tensor:
    return torch.rand(count, generator=generator) * (high - low) + low


def _happens(count: int, chance: float, generator: torch.Generator) -> Tensor:
    return torch.rand(count, generator=generator) < chance


def _flipped(images: Tensor, chance: float, axis: int, generator: torch.Generator) -> Tensor:
    if not chance:
        return images
    return torch.where(_happens(len(images), chance, generator)[:, None, None, None], images.flip(axis), images)


def _pose(count: int, wish: Augment, generator: torch.Generator) -> Tensor:
    """[B, 2, 3] from output to input coordinates in -1..1."""
    on = _happens(count, wish.affine, generator).float()
    angle = on * _uniform(count, -wish.turn, wish.turn, generator) * (math.pi / 180)
    zoom = 1 + on * _uniform(count, -wish.scale, wish.scale, generator)
    aspect = 1 + on * _uniform(count, -wish.aspect, wish.aspect, generator)
    shift = on[:, None] * (torch.rand((count, 2), generator=generator) * 2 - 1) * (2 * wish.shift)
    low, high = wish.crop or (1.0, 1.0)
    share = _uniform(count, low, high, generator)
    corner = (torch.rand((count, 2), generator=generator) * 2 - 1) * (1 - share)[:, None]
    wide, tall = share / (zoom * aspect), share / zoom
    top = torch.stack([wide * angle.cos(), -tall * angle.sin(), corner[:, 0] - shift[:, 0]], 1)
    bottom = torch.stack([wide * angle.sin(), tall * angle.cos(), corner[:, 1] - shift[:, 1]], 1)
    return torch.stack([top, bottom], 1)


def _warped(images: Tensor, pose: Tensor, size: int) -> Tensor:
    grid = F.affine_grid(pose, [len(images), images.shape[1], size, size], align_corners=False)
    return F.grid_sample(images, grid, padding_mode="reflection", align_corners=False)


def _toned(images: Tensor, wish: Augment, generator: torch.Generator) -> Tensor:
    """Contrast times and brightness plus, of values in their normed units."""
    count = len(images)
    on = _happens(count, wish.tone, generator).float()
    gain = 1 + on * _uniform(count, -wish.contrast, wish.contrast, generator)
    lift = on * _uniform(count, -wish.brightness, wish.brightness, generator)
    return images * gain[:, None, None, None] + lift[:, None, None, None]


def _erased(images: Tensor, wish: Augment, look: Look, generator: torch.Generator) -> Tensor:
    """A rectangle of random area and shape becomes black."""
    count, _, height, width = images.shape
    area = _uniform(count, *_pair(wish.erase_area), generator) * height * width
    aspect = _uniform(count, *_pair(wish.erase_aspect), generator)
    tall, wide = (area * aspect).sqrt().clamp(max=height), (area / aspect).sqrt().clamp(max=width)
    top = torch.rand(count, generator=generator) * (height - tall)
    left = torch.rand(count, generator=generator) * (width - wide)
    rows, cols = torch.arange(height)[None, :], torch.arange(width)[None, :]
    down = (rows >= top[:, None]) & (rows < (top + tall)[:, None])
    across = (cols >= left[:, None]) & (cols < (left + wide)[:, None])
    inside = down[:, None, :, None] & across[:, None, None, :]
    inside = inside & _happens(count, wish.erase, generator)[:, None, None, None]
    return torch.where(inside, torch.tensor(look.black)[None, :, None, None], images)


def _pair(numbers: tuple[float, ...]) -> tuple[float, float]:
    return numbers[0], numbers[1]
