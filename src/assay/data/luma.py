"""Brightness of color images."""

import torch
from torch import Tensor

LUMA = (0.299, 0.587, 0.114)  # weights of red, green and blue, ITU-R BT.601


def luma(pixels: Tensor) -> Tensor:
    """The brightness of images (N, C, H, W) as (N, 1, H, W); gray images are returned as they are."""
    if pixels.shape[1] == 1:
        return pixels
    return (pixels * torch.tensor(LUMA).view(1, 3, 1, 1)).sum(1, keepdim=True)
