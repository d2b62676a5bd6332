"""The head of a pretrained net, its last linear layer: finding it, and replacing it for your classes."""

from collections.abc import Container, Iterator
from copy import deepcopy

from torch import Tensor, nn
from torch.nn import functional

from assay.core.errors import UsageError
from assay.core.randomness import Stream, seeded, stream_seed
from assay.models.special_layers import dropout_mask
from assay.recipes.schema import Model


class Head(nn.Linear):
    """The last layer of a pretrained net, re-initialized for your classes, with dropout before it."""

    p: float = 0.0

    def forward(self, x: Tensor) -> Tensor:
        """Features (N, F) to logits (N, classes). On a CPU, dropout draws as in other nets (`dropout_mask`)."""
        if self.training and self.p:
            x = x * dropout_mask(x, self.p) if x.device.type == "cpu" else functional.dropout(x, self.p)
        return super().forward(x)


def find_head(net: nn.Module, classes: int, model: Model) -> str:
    """The name of the linear layer that gives the logits: the last of the net. Raises UsageError if there is none."""
    outputs = {name: module.out_features for name, module in net.named_modules() if isinstance(module, nn.Linear)}
    name = list(outputs)[-1] if outputs else ""
    if outputs.get(name) != classes:
        raise UsageError(f"{model.name} does not end in a linear layer, so its head cannot be replaced", at=("name",))
    return name


def replace_head(net: nn.Module, classes: int, model: Model, seed: int) -> None:
    """Put a fresh Head, with the dropout of the recipe, in the place of the net's last linear layer."""
    name = find_head(net, classes, model)
    parent, _, attribute = name.rpartition(".")
    linear = net.get_submodule(name)
    assert isinstance(linear, nn.Linear)
    head = Head(linear.in_features, classes, bias=linear.bias is not None)
    head.p = model.dropout
    setattr(net.get_submodule(parent), attribute, head)
    initialize_head(head, seed)


def initialize_head(head: nn.Module, seed: int) -> None:
    """Draw fresh weights, torch's for a linear layer, that depend on the seed alone and not on the layers below."""
    assert isinstance(head, nn.Linear)
    with seeded(stream_seed(seed, Stream.WEIGHTS, 1)):
        head.reset_parameters()


def copy_with_new_head(
    net: nn.Module, shared_names: Container[str], model: Model, classes: int, seed: int
) -> tuple[nn.Module, Head]:
    """A copy of the net with another fresh head, and that head. shared_names: the tensors that are not copied."""
    originals = {id(tensor): tensor for name, tensor in _named_tensors(net) if name in shared_names}
    copy = deepcopy(net, originals)
    head = copy.get_submodule(find_head(copy, classes, model))
    assert isinstance(head, Head)
    initialize_head(head, seed)
    return copy, head


def _named_tensors(net: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """The parameters and buffers themselves; a state dict has detached ones."""
    yield from net.named_parameters()
    yield from net.named_buffers()
