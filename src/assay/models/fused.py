"""A faster equivalent of a net for training: the same weights and results, by steps that suit the hardware.

Two rewrites around max pooling, and dropout with cheaper random numbers.
"""

from collections.abc import Callable
from itertools import pairwise
from typing import TypeGuard

from torch import Tensor, nn
from torch.nn import functional

from assay.models.sequential import Net
from assay.models.special_layers import dropout_mask

LANES = 8  # on a CPU, max_pool2d over another number of channels is not vectorized and several times slower

Step = Callable[[Tensor], Tensor]


def fuse(net: nn.Module) -> Step:
    """A function from images (N, C, H, W) to the logits of `net`; a module that is no Net is returned as it is.

    A ReLU before a max pool moves behind it, where there is less to compute: outputs and gradients stay the same,
    because the maximum of ReLUs is the ReLU of the maximum. A convolution of six filters before a max pool runs with
    two more, all zero. Dropout on a CPU draws other random numbers than torch's.
    """
    if not isinstance(net, Net):
        return net
    steps: list[Step] = []
    for previous, layer in pairwise([None, *_relus_after_pools(list(net.layers))]):
        if isinstance(layer, nn.MaxPool2d) and _needs_padding(previous):
            steps[-1:] = [_padded_conv(previous), layer, _drop_padding(previous.out_channels)]
        elif isinstance(layer, nn.Dropout):
            steps.append(_fast_dropout(layer))
        elif layer is not None:
            steps.append(layer)

    def forward(x: Tensor) -> Tensor:
        for step in steps:
            x = step(x)
        return x

    return forward


def _relus_after_pools(layers: list[nn.Module]) -> list[nn.Module]:
    """The layers, with every ReLU that stands right before a max pool behind it."""
    result = list(layers)
    for i, (first, second) in enumerate(pairwise(layers)):
        if isinstance(first, nn.ReLU) and isinstance(second, nn.MaxPool2d):
            result[i : i + 2] = second, first
    return result


def _needs_padding(layer: nn.Module | None) -> TypeGuard[nn.Conv2d]:
    """Whether it is a convolution with a slow number of filters and torch's own forward pass."""
    if not isinstance(layer, nn.Conv2d) or layer.out_channels % LANES == 0:
        return False
    return type(layer).forward is nn.Conv2d.forward


def _padded_conv(conv: nn.Conv2d) -> Step:
    spare = -conv.out_channels % LANES

    def forward(x: Tensor) -> Tensor:
        weight = functional.pad(conv.weight, (0, 0, 0, 0, 0, 0, 0, spare))
        bias = None if conv.bias is None else functional.pad(conv.bias, (0, spare))
        return functional.conv2d(x, weight, bias, conv.stride, conv.padding)

    return forward


def _drop_padding(channels: int) -> Step:
    # Not a slice: its gradient would come back in another memory format.
    return lambda x: functional.pad(x, (0, 0, 0, 0, 0, channels - x.shape[1]))


def _fast_dropout(dropout: nn.Dropout) -> Step:
    """Dropout with fewer random numbers than torch's on a CPU; elsewhere torch's."""

    def forward(x: Tensor) -> Tensor:
        if x.device.type != "cpu" or not dropout.training:
            return functional.dropout(x, dropout.p, dropout.training)
        return x * dropout_mask(x, dropout.p)

    return forward
