"""What a phantom lacks: other poses, kernels, noise, contrast, shading, dark and bright things that are no blood."""

import torch
from torch import Tensor
from torch.nn import functional as F

#: radius in pixels, HU added: old infarct, calcification, vessel
SPOTS = (((5, 24), (-24, -4)), ((0.8, 2.2), (60, 500)), ((0.8, 1.6), (12, 35)))


def augment(hu: Tensor, blood: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """HU [B, H, W] and where blood is [B, m, m], moved together; every draw comes from the generator."""
    pose = draw_pose(len(hu), generator)
    hu, blood = moved(hu + 1000, pose) - 1000, moved(blood, pose)
    hu = retone(hu, generator)
    hu = add_rails(add_streaks(add_spots(hu, generator), generator), generator)
    hu = refilter(hu, generator)
    return add_noise(hu, generator), blood


def uniform(shape: tuple[int, ...], low: float, high: float, generator: torch.Generator) -> Tensor:
    """Random numbers in low..high."""
    return torch.rand(shape, generator=generator) * (high - low) + low


def draw_pose(count: int, generator: torch.Generator) -> Tensor:
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
    """Resample [B, H, W]; outside is 0."""
    grid = F.affine_grid(pose, [len(image), 1, *image.shape[1:]], align_corners=False)
    return F.grid_sample(image[:, None], grid, align_corners=False)[:, 0]


def retone(hu: Tensor, generator: torch.Generator) -> Tensor:
    """Calibration offset, grey and white matter nearer or farther apart, slow shading, cupping and unevenness."""
    count, height, width = hu.shape
    gain, offset = uniform((count, 1, 1), 0.4, 1.7, generator), uniform((count, 1, 1), -6, 5, generator)
    slow = _ripple(count, (height, width), 4, 4, generator) + _ripple(count, (height, width), 24, 3, generator)
    rows, cols = torch.linspace(-1, 1, height)[None, :, None], torch.linspace(-1, 1, width)[None, None, :]
    cupping = uniform((count, 1, 1), -5, 7, generator) * (rows**2 + cols**2)
    brain = ((hu > -20) & (hu < 120)).float()
    hu = hu + brain * ((hu.clamp(16, 42) - 30) * (gain - 1) + offset + slow + cupping)
    return torch.where(hu > 250, 250 + (hu - 250) * uniform((count, 1, 1), 0.6, 1.4, generator), hu)


def _ripple(count: int, shape: tuple[int, int], knots: int, most: float, generator: torch.Generator) -> Tensor:
    """A smooth random surface of up to `most` HU, weak in most slices."""
    rough = torch.randn((count, 1, knots, knots), generator=generator)
    rough = rough * most * uniform((count, 1, 1, 1), 0, 1, generator) ** 2
    return F.interpolate(rough, shape, mode="bilinear", align_corners=False)[:, 0]


def add_spots(hu: Tensor, generator: torch.Generator) -> Tensor:
    """Three spots per slice: an old infarct, a calcification or a bright vessel, each in half of the slices."""
    for radius, depth in SPOTS:
        hu = _spot(hu, radius, depth, generator)
    return hu


def _spot(hu: Tensor, radii: tuple[float, float], depth: tuple[float, float], generator: torch.Generator) -> Tensor:
    count, height, width = hu.shape
    rows, cols = torch.arange(height)[None, :, None].float(), torch.arange(width)[None, None, :].float()
    brain = ((hu > 5) & (hu < 60)).float()
    at, radius = uniform((count, 2, 1, 1), 60, 196, generator), uniform((count, 1, 1), *radii, generator)
    power = uniform((count, 1, 1), *depth, generator) * (torch.rand((count, 1, 1), generator=generator) < 0.5)
    ragged = F.interpolate(torch.randn((count, 1, 16, 16), generator=generator), (height, width), mode="bilinear")
    distance = ((rows - at[:, 0]) ** 2 + (cols - at[:, 1]) ** 2).sqrt() / radius + 0.25 * ragged[:, 0]
    return hu + brain * power * (1.5 - distance).clamp(0, 1)


def add_rails(hu: Tensor, generator: torch.Generator) -> Tensor:
    """A head holder: two bright arcs in the air beside the head, in half of the slices."""
    count, height, width = hu.shape
    rows, cols = torch.arange(height)[None, :, None].float(), torch.arange(width)[None, None, :].float()
    middle = uniform((count, 1, 1), 100, 150, generator)
    radius = ((rows - middle) ** 2 + (cols - 128) ** 2).sqrt()
    arc = torch.exp(-(((radius - uniform((count, 1, 1), 96, 126, generator)) / 1.2) ** 2))
    low = (rows > middle + uniform((count, 1, 1), -20, 60, generator)).float()
    bright = uniform((count, 1, 1), 300, 1400, generator) * (torch.rand((count, 1, 1), generator=generator) < 0.5)
    return hu + arc * low * bright * (hu < -600)


def add_streaks(hu: Tensor, generator: torch.Generator) -> Tensor:
    """Faint straight bands, bright or dark, across a quarter of the slices."""
    count, height, width = hu.shape
    rows, cols = torch.arange(height)[None, :, None].float(), torch.arange(width)[None, None, :].float()
    angle, phase = uniform((count, 1, 1), 0, 3.14159, generator), uniform((count, 1, 1), 0, 256, generator)
    across = (rows - 128) * angle.cos() + (cols - 128) * angle.sin() + 128 - phase
    strength = uniform((count, 1, 1), -12, 12, generator) * (torch.rand((count, 1, 1), generator=generator) < 0.25)
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


def refilter(hu: Tensor, generator: torch.Generator) -> Tensor:
    """Soft or sharp kernel: a mix of the slice and its blur, beyond 1 to sharpen."""
    soft = blur(hu, float(uniform((1,), 0.6, 1.4, generator)))
    keep = uniform((len(hu), 1, 1), 0.0, 2.0, generator)
    return soft + keep * (hu - soft)


def add_noise(hu: Tensor, generator: torch.Generator) -> Tensor:
    """Grain of random size and strength; as strong as thin slices, as weak as smooth ones."""
    grain = torch.randn(hu.shape, generator=generator)
    smooth = blur(grain, float(uniform((1,), 0.5, 1.3, generator)))
    smooth = smooth / smooth.std()
    mix = uniform((len(hu), 1, 1), 0, 1, generator)
    strength = uniform((len(hu), 1, 1), 0, 1, generator) ** 1.5 * 8 + 0.5
    return hu + strength * (mix * grain + (1 - mix) * smooth) * (0.3 + 0.7 * (hu > -500).float())
