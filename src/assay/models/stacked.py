"""K nets of the same lines as one wide net, so that each training step computes all of them.

Only for training; each net is evaluated by itself. How a layer of K nets becomes one: `stacked_layers.py`.
"""

from collections import OrderedDict
from collections.abc import Sequence

import torch
from torch import Generator, Tensor, nn

from assay.models.layer import LAYERS
from assay.models.sequential import Net
from assay.models.stacked_layers import StackedDropout


class StackedNet(nn.Module):
    """K nets of the same lines. Parameters and buffers have their names in one net and shapes (K, ...)."""

    def __init__(self, nets: Sequence[Net]) -> None:
        super().__init__()
        layers = zip(*(net.layers.named_children() for net in nets), strict=True)
        self.layers = nn.Sequential(OrderedDict((copies[0][0], _stack(copies)) for copies in layers))

    def forward(self, x: Tensor, generators: Sequence[Generator] = ()) -> Tensor:
        """Images of all nets, (N, K C, H, W), to their logits (N, K classes). generators: for dropout, one per net."""
        for layer in self.layers:
            x = layer(x, generators) if isinstance(layer, StackedDropout) else layer(x)
        return x

    @property
    def has_dropout(self) -> bool:
        """Whether `forward` needs generators."""
        return any(isinstance(layer, StackedDropout) for layer in self.layers)

    @torch.no_grad()
    def copy_to(self, net: Net, place: int) -> None:
        """Copy the weights and statistics of the net at this place into `net`."""
        tensors = self.state_dict()
        for name, tensor in net.state_dict().items():
            tensor.copy_(tensors[name][place])


def can_stack_lines(lines: Sequence[str]) -> bool:
    """Whether nets of these lines can be trained as one."""
    words = {line.split()[0] for line in lines}
    return all(word in LAYERS and LAYERS[word].stack for word in words)


def _stack(copies: Sequence[tuple[str, nn.Module]]) -> nn.Module:
    """One layer from its copies in each net, all named alike: `conv_1`."""
    word = copies[0][0].rpartition("_")[0]
    stack = LAYERS[word].stack
    assert stack
    return stack([module for _, module in copies])
