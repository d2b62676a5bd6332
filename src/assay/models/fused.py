"""The quick form of a net for training: the same weights and results, by steps that the hardware does faster.

Two rewritings around max pooling, and dropout by cheaper random numbers. What a net is stays in `net.py`, what a layer
means in `layers.py`.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from assay.models.sequential import Net

LANES = 8  # max_pool2d over another number of channels is not vectorized on a CPU and takes several times as long

Step = Callable[[Tensor], Tensor]


def fuse(net: nn.Module) -> Step:
    """A function from images (N, C, H, W) to what `net` gives for them; one's own module is left as it is.

    A ReLU before a max pool waits until after it, where there is less to do: outputs and gradients stay the same,
    because the largest of ReLUs is the ReLU of the largest. A convolution of six filters before a max pool has two
    more, all zero, while it runs. Dropout on a CPU draws other random numbers than torch's.
    """
    if not isinstance(net, Net):
        return net
    steps = _widened(_pooled_first(list(net.layers)))

    def forward(x: Tensor) -> Tensor:
        for step in steps:
            x = step(x)
        return x

    return forward


def _pooled_first(layers: list[nn.Module]) -> list[nn.Module]:
    """Every ReLU that stands right before a max pool, behind it."""
    match layers:
        case [nn.ReLU() as relu, nn.MaxPool2d() as pool, *rest]:
            return [pool, relu, *_pooled_first(rest)]
        case [layer, *rest]:
            return [layer, *_pooled_first(rest)]
    return []


def _widened(layers: Sequence[nn.Module]) -> list[Step]:
    """Convolutions right before a max pool made as many filters wide as that pool likes."""
    match layers:
        case [nn.Conv2d() as conv, nn.MaxPool2d() as pool, *rest] if conv.out_channels % LANES and _is_plain(conv):
            return [_wide_conv(conv), pool, _narrow(conv.out_channels), *_widened(rest)]
        case [nn.Dropout() as dropout, *rest]:
            return [_dropout(dropout), *_widened(rest)]
        case [layer, *rest]:
            return [layer, *_widened(rest)]
    return []


def _is_plain(conv: nn.Conv2d) -> bool:
    """Whether its forward pass is nn.Conv2d's own, with nothing that a subclass adds."""
    return type(conv).forward is nn.Conv2d.forward


def _wide_conv(conv: nn.Conv2d) -> Step:
    spare = -conv.out_channels % LANES

    def forward(x: Tensor) -> Tensor:
        weight = functional.pad(conv.weight, (0, 0, 0, 0, 0, 0, 0, spare))
        bias = None if conv.bias is None else functional.pad(conv.bias, (0, spare))
        return functional.conv2d(x, weight, bias, conv.stride, conv.padding)

    return forward


def _narrow(channels: int) -> Step:
    # Not a slice, whose gradient would come back in another memory format.
    return lambda x: functional.pad(x, (0, 0, 0, 0, 0, channels - x.shape[1]))


def _dropout(dropout: nn.Dropout) -> Step:
    """Dropout by fewer random numbers than torch's own on a CPU; elsewhere torch's."""

    def forward(x: Tensor) -> Tensor:
        if x.device.type != "cpu" or not dropout.training:
            return functional.dropout(x, dropout.p, dropout.training)
        return x * kept(x, dropout.p)

    return forward


def kept(like: Tensor, p: float, generator: torch.Generator | None = None) -> Tensor:
    """0 with probability p, else 1 / (1 - p), in shape, order in memory and numbers as `like`, on a CPU.

    torch draws a whole number for each value, one core at a time; here a draw serves four values.
    """
    dropped = min(round(p * 2**16), 2**16 - 1)
    draws = torch.randint(-(2**63), 2**63 - 1, (-(-like.numel() // 4),), generator=generator)
    mask = draws.view(torch.int16)[: like.numel()] >= dropped - 2**15
    mask = mask.as_strided(like.shape, torch.empty_like(like, device="meta").stride())
    return mask.to(like.dtype).mul_(1 / (1 - dropped / 2**16))
