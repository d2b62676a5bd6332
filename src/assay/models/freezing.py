"""Which layers of a pretrained net are trained, and from which epoch on.

Frozen layers run in eval mode: weights, batch-norm statistics and dropout stay fixed.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from assay.core.errors import UsageError, unknown
from assay.models.head import find_head
from assay.models.inspection import execution_order, leaf_layers
from assay.recipes.schema import Model


@dataclass(frozen=True)
class FreezePlan:
    """order: the layers in the order they run. starts: the place of the first trained layer, by epoch (from 0).

    batch_norm: whether frozen batch norm keeps its statistics.
    """

    order: tuple[str, ...]
    starts: Mapping[int, int]
    batch_norm: bool = True

    @classmethod
    def from_model(cls, model: Model, net: nn.Module, shape: tuple[int, int, int], classes: int) -> "FreezePlan":
        """The plan of a recipe's model for its net and images (C, H, W).

        Raises UsageError, `at` the key, for a layer that the net does not have; ShapeError for images that it does not
        take.
        """
        order, head = execution_order(net, shape), find_head(net, classes, model)

        def start(words: str, *at: str | int) -> int:
            return _place(words, order, net, head, at)

        starts = {epoch: start(words, "unfreeze", epoch) for epoch, words in model.unfreeze.items()}
        return cls(tuple(order), {0: start(model.train_only, "train_only"), **starts}, model.frozen_batch_norm)

    @property
    def first_trained(self) -> int:
        """The place of the first layer that any epoch trains."""
        return min(self.starts.values())

    @property
    def has_fixed_part(self) -> bool:
        """Whether the first part of the net gives the same features for an image in every epoch."""
        return self.first_trained > 0 and self.batch_norm

    def start_at(self, epoch: int) -> int:
        """The place of the first layer trained in this epoch (from 0)."""
        return self.starts[max(start for start in self.starts if start <= epoch)]

    def apply(self, net: nn.Module, start: int) -> None:
        """Freeze the layers before this place and unfreeze the rest; the net is in training mode."""
        layers = leaf_layers(net)
        for place, name in enumerate(self.order):
            layer, trainable = layers[name], place >= start
            for parameter in layer.parameters(recurse=False):
                parameter.requires_grad_(trainable)
            if not trainable:
                layer.training = isinstance(layer, _BatchNorm) and not self.batch_norm

    def fixed_tensors(self, net: nn.Module) -> frozenset[str]:
        """The names of the net's tensors that training never changes."""
        if not self.batch_norm:
            return frozenset()
        layers = leaf_layers(net)
        return frozenset(
            f"{name}.{tensor}" if name else tensor
            for name in self.order[: self.first_trained]
            for tensor in layers[name].state_dict()
            if "." not in tensor
        )


def _place(words: str, order: list[str], net: nn.Module, head: str, at: tuple[str | int, ...]) -> int:
    """The place of the first layer that `all`, `head`, `last-conv` or `from:LAYER` trains."""
    if words == "all":
        return 0
    if words == "head":
        return order.index(head)
    if words == "last-conv":
        layers = leaf_layers(net)
        convolutions = [i for i, name in enumerate(order) if isinstance(layers[name], nn.Conv2d)]
        if not convolutions:
            raise UsageError("the net has no convolution", at=at)
        return convolutions[-1]
    layer = words.removeprefix("from:")
    places = [i for i, name in enumerate(order) if f"{name}.".startswith(f"{layer}.")]
    if not places:
        error = unknown("layer", layer, [name for name, _ in net.named_modules() if name])
        error.at = at
        raise error
    return places[0]
