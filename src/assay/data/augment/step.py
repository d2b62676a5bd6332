"""What a line of augmentation becomes, and the random numbers that such lines share."""

from collections.abc import Callable

import torch
from torch import Generator, Tensor

# (pixels float32 (N, C, H, W), indices int64 (N,), epoch, generator) -> pixels
Step = Callable[[Tensor, Tensor, int, Generator], Tensor]


def uniform(n: int, low: float, high: float, generator: Generator) -> Tensor:
    """n numbers from [low, high), on the generator's device."""
    return torch.rand(n, generator=generator, device=generator.device) * (high - low) + low
