"""What a phantom lacks: other poses, kernels, noise, contrast, shading, dark and bright things that are no blood."""

from collections.abc import Callable
from functools import partial

import torch
from torch import Generator, Tensor
from torch.nn import functional as F


def augment(hu: Tensor, blood: Tensor, generator: Generator, *, plain: bool = False) -> tuple[Tensor, Tensor]:
    """HU [B, H, W] and where blood is [B, K, m, m], moved together; every draw comes from the generator.

    `plain` leaves only mirrors and faint noise: what is usual, to measure what the rest brings.
    """
    if plain:
        mirror = torch.where(torch.rand(len(hu), generator=generator) < 0.5, -1.0, 1.0)
        pose = torch.eye(2, 3).repeat(len(hu), 1, 1)
        pose[:, 0, 0] = mirror
        hu, blood = moved(hu[:, None] + 1000, pose)[:, 0] - 1000, moved(blood, pose)
        return hu + 3 * torch.randn(hu.shape, generator=generator), blood
    turns = draw_turns(len(hu), generator)
    pose = draw_pose(len(hu), generator)
    hu = moved(turned(hu, turns)[:, None] + 1000, pose)[:, 0] - 1000
    blood = moved(turned(blood, turns), pose)
    hu = bloom(retone(hu, generator), generator)
    for share, change in RARE:
        hu = in_some(hu, share, change, generator)
    hu = add_noise(refilter(hu, generator), generator)
    return in_some(hu.round(), 0.1, retell, generator), blood


def in_some(hu: Tensor, share: float, change: Callable[[Tensor, Generator], Tensor], generator: Generator) -> Tensor:
    """Change a share of the slices, drawn one by one, and leave the others."""
    chosen = torch.nonzero(torch.rand(len(hu), generator=generator) < share)[:, 0]
    return hu.index_copy(0, chosen, change(hu[chosen], generator)) if len(chosen) else hu


def draw_turns(count: int, generator: Generator) -> list[int]:
    """Quarter turns (and 4 for upside down) of the few slices that an archive has stored another way round."""
    strange = torch.rand(count, generator=generator) < 0.12
    which = torch.randint(1, 5, (count,), generator=generator)
    return [int(each) for each in strange * which]


def turned(images: Tensor, turns: list[int]) -> Tensor:
    """Turn the last two axes of each image."""
    if not any(turns):
        return images
    ways = [one.flip(-2) if turn == 4 else one.rot90(turn, (-2, -1)) for one, turn in zip(images, turns, strict=True)]
    return torch.stack(ways)


def retell(hu: Tensor, generator: Generator) -> Tensor:
    """What a picture format leaves of a slice: a window's ends cut off and 256 steps in between."""
    shape = (len(hu), 1, 1)
    low, high = uniform(shape, -60, 0, generator), uniform(shape, 80, 200, generator)
    step = (high - low) / 255
    return low + ((hu.clamp(-1024, 3071).maximum(low).minimum(high) - low) / step).round() * step


def uniform(shape: tuple[int, ...], low: float, high: float, generator: Generator) -> Tensor:
    """Random numbers in low..high."""
    return torch.rand(shape, generator=generator) * (high - low) + low


def draw_pose(count: int, generator: Generator) -> Tensor:
    """Mirror, turn, scale, shear and shift as [B, 2, 3]."""
    angle = uniform((count,), -0.3, 0.3, generator)
    wide, tall = uniform((count,), 0.85, 1.15, generator), uniform((count,), 0.9, 1.1, generator)
    mirror = torch.where(torch.rand(count, generator=generator) < 0.5, -1.0, 1.0)
    shift = uniform((count, 2), -0.08, 0.08, generator)
    shear = uniform((count,), -0.08, 0.08, generator)
    top = torch.stack([mirror * wide * angle.cos(), shear - angle.sin(), shift[:, 0]], 1)
    bottom = torch.stack([mirror * angle.sin(), wide * tall * angle.cos(), shift[:, 1]], 1)
    return torch.stack([top, bottom], 1)


def moved(image: Tensor, pose: Tensor) -> Tensor:
    """Resample [B, C, H, W]; outside is 0."""
    grid = F.affine_grid(pose, list(image.shape), align_corners=False)
    return F.grid_sample(image, grid, align_corners=False)


def retone(hu: Tensor, generator: Generator) -> Tensor:
    """Calibration offset, grey and white matter nearer or farther apart, slow shading, cupping and unevenness."""
    count, height, width = hu.shape
    gain, offset = uniform((count, 1, 1), 0.4, 1.7, generator), uniform((count, 1, 1), -6, 5, generator)
    slow = _ripple(count, (height, width), 4, 4, generator) + _ripple(count, (height, width), 24, 3, generator)
    rows, cols = torch.linspace(-1, 1, height)[None, :, None], torch.linspace(-1, 1, width)[None, None, :]
    cupping = uniform((count, 1, 1), -5, 7, generator) * (rows**2 + cols**2)
    brain = ((hu > -20) & (hu < 120)).float()
    hu = hu + brain * ((hu.clamp(16, 42) - 30) * (gain - 1) + offset + slow + cupping)
    return torch.where(hu > 250, 250 + (hu - 250) * uniform((count, 1, 1), 0.6, 1.4, generator), hu)


def bloom(hu: Tensor, generator: Generator) -> Tensor:
    """Bone that shines into what lies beside it, a bright rim that is no blood."""
    bone = (hu - 100).clamp(0, 1600)
    near = _spread(bone, 2, float(uniform((1,), 0.4, 1.0, generator)))
    far = _spread(bone, 4, float(uniform((1,), 0.7, 1.7, generator)))
    shape = (len(hu), 1, 1)
    share = uniform(shape, 0, 1, generator) ** 2 * 0.2 * near + uniform(shape, 0, 1, generator) ** 2 * 0.06 * far
    edge = (hu < 100).float() * (hu > -60).float()
    return hu + edge * share


def _spread(image: Tensor, step: int, sigma: float) -> Tensor:
    """Blur a slice on a grid `step` times as coarse, where a wide kernel is a small one."""
    coarse = blur(F.avg_pool2d(image[:, None], step)[:, 0], sigma)
    return F.interpolate(coarse[:, None], image.shape[1:], mode="bilinear", align_corners=False)[:, 0]


def _ripple(count: int, shape: tuple[int, int], knots: int, most: float, generator: Generator) -> Tensor:
    """A smooth random surface of up to `most` HU, weak in most slices."""
    rough = torch.randn((count, 1, knots, knots), generator=generator)
    rough = rough * most * uniform((count, 1, 1, 1), 0, 1, generator) ** 2
    return F.interpolate(rough, shape, mode="bilinear", align_corners=False)[:, 0]


def add_spot(hu: Tensor, generator: Generator, radii: tuple[float, float], depth: tuple[float, float]) -> Tensor:
    """A ragged spot somewhere in the brain."""
    count, height, width = hu.shape
    rows, cols = torch.arange(height)[None, :, None].float(), torch.arange(width)[None, None, :].float()
    brain = ((hu > 5) & (hu < 60)).float()
    at, radius = (
        uniform((count, 2, 1, 1), 0.23 * height, 0.77 * height, generator),
        uniform((count, 1, 1), *radii, generator),
    )
    power = uniform((count, 1, 1), *depth, generator)
    ragged = F.interpolate(torch.randn((count, 1, 16, 16), generator=generator), (height, width), mode="bilinear")
    distance = ((rows - at[:, 0]) ** 2 + (cols - at[:, 1]) ** 2).sqrt() / radius + 0.25 * ragged[:, 0]
    return hu + brain * power * (1.5 - distance).clamp(0, 1)


def add_rails(hu: Tensor, generator: Generator) -> Tensor:
    """A head holder: two bright arcs in the air beside the head."""
    count, height, width = hu.shape
    rows, cols = torch.arange(height)[None, :, None].float(), torch.arange(width)[None, None, :].float()
    middle = uniform((count, 1, 1), 0.4 * height, 0.6 * height, generator)
    radius = ((rows - middle) ** 2 + (cols - width / 2) ** 2).sqrt()
    arc = torch.exp(-(((radius - uniform((count, 1, 1), 0.38 * width, 0.5 * width, generator)) / 1.2) ** 2))
    low = (rows > middle + uniform((count, 1, 1), -20, 60, generator)).float()
    bright = uniform((count, 1, 1), 300, 1400, generator)
    return hu + arc * low * bright * (hu < -600)


def add_streaks(hu: Tensor, generator: Generator) -> Tensor:
    """A faint straight band, bright or dark."""
    count, height, width = hu.shape
    rows, cols = torch.arange(height)[None, :, None].float(), torch.arange(width)[None, None, :].float()
    angle, phase = uniform((count, 1, 1), 0, 3.14159, generator), uniform((count, 1, 1), -0.5, 0.5, generator) * height
    across = (rows - height / 2) * angle.cos() + (cols - width / 2) * angle.sin() - phase
    strength = uniform((count, 1, 1), -12, 12, generator)
    return hu + strength * torch.exp(-((across / uniform((count, 1, 1), 2, 8, generator)) ** 2)) * (hu > -300)


def blur(image: Tensor, sigma: float) -> Tensor:
    """Separable Gaussian over [B, H, W]."""
    reach = max(1, round(2.2 * sigma))
    taps = torch.exp(-0.5 * (torch.arange(-reach, reach + 1) / max(sigma, 1e-3)) ** 2)
    weights: list[float] = (taps / taps.sum()).tolist()
    height, width = image.shape[1:]
    tall = F.pad(image[:, None], [0, 0, reach, reach], mode="replicate")[:, 0]
    down = sum(tap * tall[:, at : at + height] for at, tap in enumerate(weights))
    wide = F.pad(torch.as_tensor(down)[:, None], [reach, reach, 0, 0], mode="replicate")[:, 0]
    return torch.as_tensor(sum(tap * wide[:, :, at : at + width] for at, tap in enumerate(weights)))


def refilter(hu: Tensor, generator: Generator) -> Tensor:
    """Soft or sharp kernel: a mix of the slice and its blur, beyond 1 to sharpen."""
    soft = blur(hu, float(uniform((1,), 0.6, 1.4, generator)))
    keep = uniform((len(hu), 1, 1), 0.0, 2.0, generator)
    return soft + keep * (hu - soft)


def add_noise(hu: Tensor, generator: Generator) -> Tensor:
    """Grain of random size and strength; as strong as thin slices, as weak as smooth ones."""
    grain = torch.randn(hu.shape, generator=generator)
    smooth = blur(grain, float(uniform((1,), 0.5, 1.3, generator)))
    smooth = smooth / smooth.std()
    mix = uniform((len(hu), 1, 1), 0, 1, generator)
    strength = uniform((len(hu), 1, 1), 0, 1, generator) ** 1.5 * 8 + 0.5
    return hu + strength * (mix * grain + (1 - mix) * smooth) * (0.3 + 0.7 * (hu > -500).float())


#: in what share of the slices, and what is done to them: old infarct, calcification, vessel, streaks, head holder
RARE: tuple[tuple[float, Callable[[Tensor, Generator], Tensor]], ...] = (
    (0.35, partial(add_spot, radii=(5, 24), depth=(-24, -4))),
    (0.35, partial(add_spot, radii=(0.7, 2.0), depth=(40, 400))),
    (0.35, partial(add_spot, radii=(0.7, 1.5), depth=(10, 30))),
    (0.25, add_streaks),
    (0.5, add_rails),
)
