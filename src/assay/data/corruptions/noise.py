"""Noise: of electronics, of few photons, of broken pixels."""

import torch
from torch import Generator, Tensor


def gaussian_noise(pixels: Tensor, severity: int, generator: Generator) -> Tensor:
    """Normal noise on every value."""
    scale = (0.04, 0.06, 0.08, 0.09, 0.10)[severity - 1]
    return pixels + scale * torch.randn(pixels.shape, generator=generator)


def shot_noise(pixels: Tensor, severity: int, generator: Generator) -> Tensor:
    """As if white were so many photons."""
    photons = (500, 250, 100, 75, 50)[severity - 1]
    return torch.poisson(pixels * photons, generator=generator) / photons


def impulse_noise(pixels: Tensor, severity: int, generator: Generator) -> Tensor:
    """A share of the values becomes 0 or 1."""
    amount = (0.01, 0.02, 0.03, 0.05, 0.07)[severity - 1]
    hit = torch.rand(pixels.shape, generator=generator) < amount
    salt = torch.rand(pixels.shape, generator=generator) < 0.5
    return salt.float().where(hit, pixels)
