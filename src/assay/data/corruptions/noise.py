"""Noise: electronic noise, too few photons, broken pixels."""

import torch
from torch import Generator, Tensor

from assay.data.corruptions.registry import corruption


@corruption("gaussian-noise", "noise")
def gaussian_noise(pixels: Tensor, severity: int, generator: Generator) -> Tensor:
    """Add normal noise to every value."""
    scale = (0.04, 0.06, 0.08, 0.09, 0.10)[severity - 1]
    return pixels + scale * torch.randn(pixels.shape, generator=generator)


@corruption("shot-noise", "noise")
def shot_noise(pixels: Tensor, severity: int, generator: Generator) -> Tensor:
    """Draw Poisson counts, as if white were 500 to 50 photons."""
    photons = (500, 250, 100, 75, 50)[severity - 1]
    return torch.poisson(pixels * photons, generator=generator) / photons


@corruption("impulse-noise", "noise")
def impulse_noise(pixels: Tensor, severity: int, generator: Generator) -> Tensor:
    """Set a share of the values to 0 or 1."""
    amount = (0.01, 0.02, 0.03, 0.05, 0.07)[severity - 1]
    hit = torch.rand(pixels.shape, generator=generator) < amount
    salt = torch.rand(pixels.shape, generator=generator) < 0.5
    return salt.float().where(hit, pixels)
