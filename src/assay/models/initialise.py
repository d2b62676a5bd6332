"""Layers whose weights begin as something better than noise: identity convolutions and the whitening first layer."""

import torch
from torch import Tensor, nn


class DiracConv(nn.Conv2d):
    """A convolution that passes its input channels on: its first `in_channels` filters start as the identity.

    Dirac initialisation (Zagoruyko and Komodakis 2017), as airbench94 uses it (Jordan 2024); further filters as usual.
    """

    def reset_parameters(self) -> None:
        super().reset_parameters()
        with torch.no_grad():
            nn.init.dirac_(self.weight[: self.in_channels])


class WhiteningConv(nn.Conv2d):
    """A first layer that decorrelates k x k patches, fixed but for its bias: 2 C k k filters, each with its negative.

    Page 2019, "How to train your ResNet 8"; Jordan 2024. Its weights come from the training images, by `fit`.
    """

    def __init__(self, channels: int, kernel: tuple[int, int]) -> None:
        super().__init__(channels, 2 * channels * kernel[0] * kernel[1], kernel)
        self.weight.requires_grad = False

    @torch.no_grad()
    def fit(self, pixels: Tensor, eps: float = 5e-4) -> None:
        """Take the filters from preprocessed training images (N, C, H, W): covariance eigenvectors over root eigenvalue."""
        height, width = self.kernel_size
        patches = nn.functional.unfold(pixels.float(), (height, width)).transpose(1, 2).flatten(0, 1).double()
        values, vectors = torch.linalg.eigh(patches.T @ patches / len(patches))
        filters = (vectors / (values + eps).sqrt()).T.reshape(-1, *self.weight.shape[1:])
        self.weight.copy_(torch.cat([filters, -filters]))


def fit_layers(net: nn.Module, pixels: Tensor) -> None:
    """Fit every layer of the net that starts from data, given preprocessed training images (N, C, H, W)."""
    for module in net.modules():
        if isinstance(module, WhiteningConv):
            module.fit(pixels)


class Scale(nn.Module):
    """Times a constant."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        return x * self.factor
