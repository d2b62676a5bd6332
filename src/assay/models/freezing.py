"""What of a pretrained net is trained, and from which epoch on. What is frozen is in evaluation mode while it trains:
its weights, its batch norm's statistics and its dropout stand still.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from assay.core.errors import UsageError, unknown
from assay.models.inspection import in_order, layers_of
from assay.models.pretrained import head_name
from assay.recipes.schema import Model


@dataclass(frozen=True)
class Frozen:
    """The layers in the order in which they run, and the place of the first that is trained, by epoch (from 0).

    batch_norm: whether the statistics of frozen batch norm stay as they are.
    """

    order: tuple[str, ...]
    starts: Mapping[int, int]
    batch_norm: bool = True

    @classmethod
    def of(cls, model: Model, net: nn.Module, shape: tuple[int, int, int], classes: int) -> "Frozen":
        """What a recipe's model says of its net, for images (C, H, W).

        Raises UsageError, `at` the key, for a layer that the net has not; ShapeError for images it does not take.
        """
        order, head = in_order(net, shape), head_name(net, classes, model)

        def start(words: str, *at: str | int) -> int:
            return _place(words, order, net, head, at)

        starts = {epoch: start(words, "unfreeze", epoch) for epoch, words in model.unfreeze.items()}
        return cls(tuple(order), {0: start(model.train_only, "train_only"), **starts}, model.frozen_batch_norm)

    @property
    def widest(self) -> int:
        """The place of the first layer that is ever trained."""
        return min(self.starts.values())

    @property
    def keeps(self) -> bool:
        """Whether a first part of the net gives the same for the same image throughout the training."""
        return self.widest > 0 and self.batch_norm

    def at(self, epoch: int) -> int:
        """The place of the first layer trained in this epoch, counted from 0."""
        return self.starts[max(one for one in self.starts if one <= epoch)]

    def apply(self, net: nn.Module, start: int) -> None:
        """Freeze the layers before this place, and no others; for a net in training mode."""
        named = layers_of(net)
        for place, name in enumerate(self.order):
            layer, trained = named[name], place >= start
            for parameter in layer.parameters(recurse=False):
                parameter.requires_grad_(trained)
            if not trained:
                layer.training = isinstance(layer, _BatchNorm) and not self.batch_norm

    def fixed(self, net: nn.Module) -> frozenset[str]:
        """The names of the net's tensors that training never changes."""
        if not self.batch_norm:
            return frozenset()
        named = layers_of(net)
        return frozenset(
            f"{name}.{tensor}" if name else tensor
            for name in self.order[: self.widest]
            for tensor in named[name].state_dict()
            if "." not in tensor
        )


def _place(words: str, order: list[str], net: nn.Module, head: str, at: tuple[str | int, ...]) -> int:
    if words == "all":
        return 0
    if words == "head":
        return order.index(head)
    named = layers_of(net)
    if words == "last-conv":
        convolutions = [i for i, name in enumerate(order) if isinstance(named[name], nn.Conv2d)]
        if not convolutions:
            raise UsageError("the net has no convolution", at=at)
        return convolutions[-1]
    wanted = words.removeprefix("from:")
    places = [i for i, name in enumerate(order) if f"{name}.".startswith(f"{wanted}.")]
    if not places:
        error = unknown("layer", wanted, [name for name, _ in net.named_modules() if name])
        error.at = at
        raise error
    return places[0]
