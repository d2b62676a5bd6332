"""Nets of the same lines as one wide net: their channels side by side, so that each step computes all of them.

Whatever treats every channel by itself, activations, pools and batch norm too, computes several nets as it computes
one. Convolutions become grouped, linear layers batched, and dropout draws for each net what that net alone would draw.
For training; the nets themselves stay as they are in `net.py` and judge by themselves.
"""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional

from assay.models.fused import kept
from assay.models.layers import UnevenConv
from assay.models.sequential import Net


class StackedNet(nn.Module):
    """K nets of the same lines; every parameter and buffer has the name that it has in one net, and K in front."""

    def __init__(self, nets: Sequence[Net]) -> None:
        super().__init__()
        parts = zip(*(net.layers.named_children() for net in nets), strict=True)
        self.layers = nn.Sequential(OrderedDict((same[0][0], _side_by_side(same)) for same in parts))

    def forward(self, x: Tensor, generators: Sequence[Generator] = ()) -> Tensor:
        """Images of all nets, (N, K C, H, W), to their logits (N, K classes); a generator of dropout for each net."""
        for layer in self.layers:
            x = layer(x, generators) if isinstance(layer, _Dropout) else layer(x)
        return x

    @property
    def draws(self) -> bool:
        """Whether there is dropout, which needs generators."""
        return any(isinstance(layer, _Dropout) for layer in self.layers)

    @torch.no_grad()
    def hand_back(self, net: Net, place: int) -> None:
        """Copy the weights and statistics of one of the nets into it."""
        wide = self.state_dict()
        for name, tensor in net.state_dict().items():
            tensor.copy_(wide[name][place])


def knows(lines: Sequence[str]) -> bool:
    """Whether nets of these lines can be put side by side."""
    return {line.split()[0] for line in lines} <= {*_RULES, *_BY_CHANNEL}


class _Stacked(nn.Module):
    """The same layer of K nets, its tensors under their own names, (K, ...)."""

    weight: Tensor
    bias: Tensor | None

    def __init__(self, layers: Sequence[Any]) -> None:
        super().__init__()
        self.k, first = len(layers), layers[0]
        for name, parameter in first.named_parameters():
            stacked = torch.stack([getattr(layer, name).detach() for layer in layers])
            self.register_parameter(name, nn.Parameter(stacked, parameter.requires_grad))
        for name, _ in first.named_buffers():
            self.register_buffer(name, torch.stack([getattr(layer, name) for layer in layers]))
        if getattr(first, "bias", self) is None:
            self.bias = None


class _Conv(_Stacked):
    def __init__(self, layers: Sequence[nn.Conv2d]) -> None:
        super().__init__(layers)
        first = layers[0]
        self.stride, self.padding = first.stride, first.padding
        height, width = (1 - side % 2 if isinstance(first, UnevenConv) else 0 for side in first.kernel_size)
        self.uneven = (0, width, 0, height)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.pad(x, self.uneven) if any(self.uneven) else x
        bias = None if self.bias is None else self.bias.flatten()
        return functional.conv2d(x, self.weight.flatten(0, 1), bias, self.stride, self.padding, groups=self.k)


class _Linear(_Stacked):
    def forward(self, x: Tensor) -> Tensor:
        each = torch.unflatten(x, 1, (self.k, -1)).transpose(0, 1)  # (K, N, features)
        weight = self.weight.transpose(1, 2)
        out = torch.bmm(each, weight) if self.bias is None else torch.baddbmm(self.bias[:, None], each, weight)
        return out.transpose(0, 1).flatten(1)


class _BatchNorm(_Stacked):
    running_mean: Tensor
    running_var: Tensor
    num_batches_tracked: Tensor

    def __init__(self, layers: Sequence[nn.BatchNorm1d | nn.BatchNorm2d]) -> None:
        super().__init__(layers)
        self.momentum, self.eps = layers[0].momentum or 0.0, layers[0].eps

    def forward(self, x: Tensor) -> Tensor:
        self.num_batches_tracked += 1
        mean, variance = self.running_mean.flatten(), self.running_var.flatten()  # views, changed in place
        bias = None if self.bias is None else self.bias.flatten()
        return functional.batch_norm(x, mean, variance, self.weight.flatten(), bias, True, self.momentum, self.eps)


class _Softmax(_Stacked):
    def __init__(self, layers: Sequence[nn.Softmax | nn.LogSoftmax]) -> None:
        super().__init__(layers)
        self.function = torch.log_softmax if isinstance(layers[0], nn.LogSoftmax) else torch.softmax

    def forward(self, x: Tensor) -> Tensor:
        return self.function(torch.unflatten(x, 1, (self.k, -1)), 2).flatten(1, 2)


class _Dropout(_Stacked):
    """Each net draws from its own generator; nets with one and the same generator share its draw."""

    def __init__(self, layers: Sequence[nn.Dropout]) -> None:
        super().__init__(layers)
        self.p = layers[0].p

    def forward(self, x: Tensor, generators: Sequence[Generator]) -> Tensor:
        like = x[:, : x.shape[1] // self.k]
        if x.ndim == 4 and x.is_contiguous(memory_format=torch.channels_last):
            like = torch.empty_like(like, memory_format=torch.channels_last)
        else:
            like = torch.empty_like(like, memory_format=torch.contiguous_format)
        masks = {one: self._mask(like, one) for one in dict.fromkeys(generators)}
        return x * torch.cat([masks[one] for one in generators], 1)

    def _mask(self, like: Tensor, generator: Generator) -> Tensor:
        if like.device.type == "cpu":
            return kept(like, self.p, generator)
        draws = torch.rand(like.shape, generator=generator, device=like.device)
        return (draws >= self.p).to(like.dtype) / (1 - self.p)


# How a layer of `layers.py` computes several nets at once; those of the second kind need no change.
_RULES: dict[str, type[_Stacked]] = {
    "conv": _Conv, "whitening": _Conv, "linear": _Linear, "batchnorm": _BatchNorm, "softmax": _Softmax,
    "log_softmax": _Softmax, "dropout": _Dropout,
}  # fmt: skip
_BY_CHANNEL = frozenset((
    "maxpool", "avgpool", "globalavgpool", "globalmaxpool", "scale", "flatten", "maxout", "leaky_relu", "elu", "relu",
    "gelu", "sigmoid", "tanh",
))  # fmt: skip


def _side_by_side(same: Sequence[tuple[str, nn.Module]]) -> nn.Module:
    """One layer of each net, named `conv_1`, as one."""
    kind = same[0][0].rpartition("_")[0]
    return same[0][1] if kind in _BY_CHANNEL else _RULES[kind]([module for _, module in same])
