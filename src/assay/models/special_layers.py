"""Layers whose weights start as something better than the usual noise. Their lines are in `layers.py`."""

from collections.abc import Callable

import torch
from torch import Tensor, nn


class DiracConv(nn.Conv2d):
    """A convolution that passes its input channels on: its first `in_channels` filters start as the identity.

    Dirac initialization (Zagoruyko and Komodakis 2017), as airbench94 uses it (Jordan 2024); further filters as usual.
    """

    def reset_parameters(self) -> None:
        super().reset_parameters()
        with torch.no_grad():
            nn.init.dirac_(self.weight[: self.in_channels])


class UnitLinear(nn.Linear):
    """A linear layer whose weights start with a standard deviation of 1, whatever its size: airbench94's head.

    Jordan 2024. Its logits would be large, so a `scale` follows it.
    """

    def reset_parameters(self) -> None:
        super().reset_parameters()
        with torch.no_grad():
            self.weight.div_(self.weight.square().mean().sqrt())  # their mean is about 0


class WhiteningConv(nn.Conv2d):
    """A first layer that decorrelates k x k patches, fixed but for its bias: 2 C k k filters, each with its negative.

    Page 2019, "How to train your ResNet 8"; Jordan 2024. Its weights come from the training images, by `fit`.
    """

    def __init__(self, channels: int, kernel: tuple[int, int]) -> None:
        super().__init__(channels, 2 * channels * kernel[0] * kernel[1], kernel)
        self.weight.requires_grad = False

    @torch.no_grad()
    def fit(self, pixels: Tensor, eps: float = 5e-4) -> None:
        """Take the filters from preprocessed training images (N, C, H, W), on the CPU.

        They are the eigenvectors of the patches' second moments, each over the root of its eigenvalue plus `eps`.
        """
        height, width = self.kernel_size
        total, count = torch.zeros(self.out_channels // 2, self.out_channels // 2, dtype=torch.float64), 0
        for images in torch.split(pixels, 100):  # all patches at once would be k * k times the images
            patches = nn.functional.unfold(images.double(), (height, width)).transpose(0, 1).flatten(1)
            total += patches @ patches.T
            count += patches.shape[1]
        values, vectors = torch.linalg.eigh(total / count)
        filters = (vectors / (values + eps).sqrt()).T.reshape(-1, *self.weight.shape[1:])
        self.weight.copy_(torch.cat([filters, -filters]))


def fit_layers(net: nn.Module, pixels: Callable[[], Tensor]) -> None:
    """Fit every layer of the net that starts from data; `pixels` gives preprocessed training images (N, C, H, W)."""
    for module in net.modules():
        if isinstance(module, WhiteningConv):
            module.fit(pixels())
