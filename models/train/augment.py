"""What a phantom lacks: other poses, other kernels, other noise, shading, dark and bright things that are no blood."""

import torch
from torch import Tensor
from torch.nn import functional as F

SPOTS = ((6, 22, (-22, -4)), (5, 16, (-16, -4)), (0.8, 2.0, (60, 400)))  #: radius in pixels, HU added


def augment(hu: Tensor, blood: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """HU [B, H, W] and where blood is [B, m, m], moved together; every draw comes from the generator."""
    pose = draw_pose(len(hu), generator)
    hu, blood = moved(hu + 1000, pose) - 1000, moved(blood, pose)
    hu = retone(hu, generator)
    hu = add_streaks(add_spots(hu, generator), generator)
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
    """Calibration offset, soft-tissue contrast, and a slow shading across the slice."""
    count = len(hu)
    gain, offset = uniform((count, 1, 1), 0.85, 1.2, generator), uniform((count, 1, 1), -4, 4, generator)
    shade = torch.randn((count, 1, 4, 4), generator=generator) * uniform((count, 1, 1, 1), 0, 3, generator)
    slow = F.interpolate(shade, hu.shape[1:], mode="bicubic", align_corners=False)[:, 0]
    brain = ((hu > -20) & (hu < 120)).float()
    return hu + brain * ((hu - 32) * (gain - 1) + offset + slow)


def add_spots(hu: Tensor, generator: torch.Generator) -> Tensor:
    """An old infarct (dark, soft) or a calcification (small, very bright) in half of the slices."""
    count, height, width = hu.shape
    rows, cols = torch.arange(height)[None, :, None].float(), torch.arange(width)[None, None, :].float()
    brain = ((hu > 5) & (hu < 60)).float()
    low, high, depth = SPOTS[int(torch.randint(len(SPOTS), (1,), generator=generator))]
    at, radius = uniform((count, 2, 1, 1), 60, 196, generator), uniform((count, 1, 1), low, high, generator)
    power = uniform((count, 1, 1), *depth, generator) * (torch.rand((count, 1, 1), generator=generator) < 0.5)
    ragged = F.interpolate(torch.randn((count, 1, 16, 16), generator=generator), (height, width), mode="bilinear")
    distance = ((rows - at[:, 0]) ** 2 + (cols - at[:, 1]) ** 2).sqrt() / radius + 0.25 * ragged[:, 0]
    return hu + brain * power * (1.5 - distance).clamp(0, 1)


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
    keep = uniform((len(hu), 1, 1), 0.0, 1.5, generator)
    return soft + keep * (hu - soft)


def add_noise(hu: Tensor, generator: torch.Generator) -> Tensor:
    """Grain of random size and strength; as strong as thin slices, as weak as smooth ones."""
    grain = torch.randn(hu.shape, generator=generator)
    smooth = blur(grain, float(uniform((1,), 0.5, 1.3, generator)))
    smooth = smooth / smooth.std()
    mix = uniform((len(hu), 1, 1), 0, 1, generator)
    strength = uniform((len(hu), 1, 1), 0, 1, generator) ** 2 * 6 + 0.5
    return hu + strength * (mix * grain + (1 - mix) * smooth) * (0.3 + 0.7 * (hu > -500).float())
