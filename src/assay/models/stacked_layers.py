"""How one layer of K nets computes all K at once: convolutions become grouped, linear layers batched.

Channels of the nets stand side by side. Activations, pools and batch norm treat every channel by itself, so that one
layer serves all nets. Each layer of `layers.py` declares which of these it takes.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional

from assay.models.special_layers import UnevenConv, dropout_mask


def share_module(modules: Sequence[nn.Module]) -> nn.Module:
    """The first module, for layers without weights that treat every channel by itself."""
    return modules[0]


class StackedLayer(nn.Module):
    """The same layer of K nets. Its tensors keep their names and have the shape (K, ...)."""

    weight: Tensor
    bias: Tensor | None

    def __init__(self, layers: Sequence[Any]) -> None:
        super().__init__()
        self.k, first = len(layers), layers[0]
        for name, parameter in first.named_parameters():
            values = torch.stack([getattr(layer, name).detach() for layer in layers])
            self.register_parameter(name, nn.Parameter(values, parameter.requires_grad))
        for name, _ in first.named_buffers():
            self.register_buffer(name, torch.stack([getattr(layer, name) for layer in layers]))
        if getattr(first, "bias", self) is None:
            self.bias = None


class StackedConv(StackedLayer):
    """K convolutions as one grouped convolution."""

    def __init__(self, layers: Sequence[nn.Conv2d]) -> None:
        super().__init__(layers)
        first = layers[0]
        self.stride, self.padding = first.stride, first.padding
        height, width = (1 - side % 2 if isinstance(first, UnevenConv) else 0 for side in first.kernel_size)
        self.uneven = (0, width, 0, height)

    def forward(self, x: Tensor) -> Tensor:
        """(N, K C, H, W) to (N, K filters, H, W)."""
        x = functional.pad(x, self.uneven) if any(self.uneven) else x
        bias = None if self.bias is None else self.bias.flatten()
        return functional.conv2d(x, self.weight.flatten(0, 1), bias, self.stride, self.padding, groups=self.k)


class StackedLinear(StackedLayer):
    """K linear layers as one batched matrix product."""

    def forward(self, x: Tensor) -> Tensor:
        """(N, K features) to (N, K outputs)."""
        features = torch.unflatten(x, 1, (self.k, -1)).transpose(0, 1)  # (K, N, features)
        weight = self.weight.transpose(1, 2)
        out = torch.bmm(features, weight) if self.bias is None else torch.baddbmm(self.bias[:, None], features, weight)
        return out.transpose(0, 1).flatten(1)


class StackedBatchNorm(StackedLayer):
    """K batch norms as one."""

    running_mean: Tensor
    running_var: Tensor
    num_batches_tracked: Tensor

    def __init__(self, layers: Sequence[nn.BatchNorm1d | nn.BatchNorm2d]) -> None:
        super().__init__(layers)
        self.momentum, self.eps = layers[0].momentum or 0.0, layers[0].eps

    def forward(self, x: Tensor) -> Tensor:
        """(N, K C, ...), unchanged in shape; training mode only."""
        self.num_batches_tracked += 1
        mean, variance = self.running_mean.flatten(), self.running_var.flatten()  # views, changed in place
        bias = None if self.bias is None else self.bias.flatten()
        return functional.batch_norm(x, mean, variance, self.weight.flatten(), bias, True, self.momentum, self.eps)


class StackedSoftmax(StackedLayer):
    """Softmax or log-softmax over the channels of each net."""

    def __init__(self, layers: Sequence[nn.Softmax | nn.LogSoftmax]) -> None:
        super().__init__(layers)
        self.function = torch.log_softmax if isinstance(layers[0], nn.LogSoftmax) else torch.softmax

    def forward(self, x: Tensor) -> Tensor:
        """(N, K C, ...), unchanged in shape."""
        return self.function(torch.unflatten(x, 1, (self.k, -1)), 2).flatten(1, 2)


class StackedDropout(StackedLayer):
    """Dropout with a generator for each net; nets that share a generator share its draw."""

    def __init__(self, layers: Sequence[nn.Dropout]) -> None:
        super().__init__(layers)
        self.p = layers[0].p

    def forward(self, x: Tensor, generators: Sequence[Generator]) -> Tensor:
        """(N, K C, ...), unchanged in shape."""
        like = x[:, : x.shape[1] // self.k]
        if x.ndim == 4 and x.is_contiguous(memory_format=torch.channels_last):
            like = torch.empty_like(like, memory_format=torch.channels_last)
        else:
            like = torch.empty_like(like, memory_format=torch.contiguous_format)
        masks = {generator: self._mask(like, generator) for generator in dict.fromkeys(generators)}
        return x * torch.cat([masks[generator] for generator in generators], 1)

    def _mask(self, like: Tensor, generator: Generator) -> Tensor:
        if like.device.type == "cpu":
            return dropout_mask(like, self.p, generator)
        draws = torch.rand(like.shape, generator=generator, device=like.device)
        return (draws >= self.p).to(like.dtype) / (1 - self.p)
