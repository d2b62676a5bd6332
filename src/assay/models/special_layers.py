"""Modules that torch lacks: other initial weights, uneven padding, maxout, and dropout with fewer random numbers.

The lines that use them are in `layers.py`.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional


class DiracConv(nn.Conv2d):
    """A convolution that passes its input on: the first `in_channels` filters start as the identity.

    Dirac initialization (Zagoruyko and Komodakis 2017), as in airbench94 (Jordan 2024); further filters start as usual.
    """

    def reset_parameters(self) -> None:
        super().reset_parameters()
        with torch.no_grad():
            nn.init.dirac_(self.weight[: self.in_channels])


class UnevenConv(nn.Conv2d):
    """The 'same' convolution of an even kernel: as in Keras and torch, the odd row and column of zeros come last.

    torch's `padding="same"` computes the same, but warns at each use and refuses a stride.
    """

    def forward(self, x: Tensor) -> Tensor:
        height, width = (1 - side % 2 for side in self.kernel_size)
        return super().forward(functional.pad(x, (0, width, 0, height)))


class UnitLinear(nn.Linear):
    """A linear layer whose weights start with a standard deviation of 1 at any size: airbench94's head (Jordan 2024).

    Its logits are large, so a `scale` follows it.
    """

    def reset_parameters(self) -> None:
        super().reset_parameters()
        with torch.no_grad():
            self.weight.div_(self.weight.square().mean().sqrt())  # their mean is about 0


class WhiteningConv(nn.Conv2d):
    """A first layer that decorrelates k x k patches: 2 C k k filters, each with its negative; only its bias is trained.

    Page 2019, "How to train your ResNet 8"; Jordan 2024. `fit` computes its weights from the training images.
    """

    def __init__(self, channels: int, kernel: tuple[int, int]) -> None:
        super().__init__(channels, 2 * channels * kernel[0] * kernel[1], kernel)
        self.weight.requires_grad = False

    @torch.no_grad()
    def fit(self, pixels: Tensor, eps: float = 5e-4) -> None:
        """Compute the filters from preprocessed training images (N, C, H, W) on the CPU.

        They are the eigenvectors of the patches' second moments, each divided by the root of its eigenvalue plus `eps`.
        """
        height, width = self.kernel_size
        total, count = torch.zeros(self.out_channels // 2, self.out_channels // 2, dtype=torch.float64), 0
        for images in torch.split(pixels, 100):  # all patches at once would be k * k times the images
            patches = functional.unfold(images.double(), (height, width)).transpose(0, 1).flatten(1)
            total += patches @ patches.T
            count += patches.shape[1]
        values, vectors = torch.linalg.eigh(total / count)
        filters = (vectors / (values + eps).sqrt()).T.reshape(-1, *self.weight.shape[1:])
        self.weight.copy_(torch.cat([filters, -filters]))


class Scale(nn.Module):
    """Multiplication by a constant."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        return x * self.factor


class Maxout(nn.Module):
    """The maximum of each `pieces` adjacent channels: (N, C, ...) -> (N, C / pieces, ...)."""

    def __init__(self, pieces: int) -> None:
        super().__init__()
        self.pieces = pieces

    def forward(self, x: Tensor) -> Tensor:
        return torch.unflatten(x, 1, (-1, self.pieces)).amax(2)


def fit_layers(net: nn.Module, pixels: Callable[[], Tensor]) -> None:
    """Fit every layer that starts from data. pixels: returns preprocessed training images (N, C, H, W)."""
    for module in net.modules():
        if isinstance(module, WhiteningConv):
            module.fit(pixels())


def dropout_mask(like: Tensor, p: float, generator: torch.Generator | None = None) -> Tensor:
    """A dropout mask for a CPU: 0 with probability p, else 1 / (1 - p), with the shape, strides and dtype of `like`.

    torch draws one whole number per value, on one core; here one draw serves four values.
    """
    threshold = min(round(p * 2**16), 2**16 - 1)
    draws = torch.randint(-(2**63), 2**63 - 1, (-(-like.numel() // 4),), generator=generator)
    mask = draws.view(torch.int16)[: like.numel()] >= threshold - 2**15
    mask = mask.as_strided(like.shape, torch.empty_like(like, device="meta").stride())
    return mask.to(like.dtype).mul_(1 / (1 - threshold / 2**16))
