"""The parameters of a net by what an optimizer does with them: learning rate, weight decay, or Muon's three kinds."""

from typing import Any

from torch import nn

from assay.core.errors import UsageError, unknown
from assay.models.head import Head
from assay.models.special_layers import WhiteningConv
from assay.training.optimizers import TorchOptimizer

# The layers that a recipe may put an L2 penalty on: each kind of layer with a weight.
LAYER_KINDS: dict[str, tuple[type[nn.Module], ...]] = {
    "conv": (nn.Conv2d,),
    "linear": (nn.Linear,),
    "batchnorm": (nn.BatchNorm1d, nn.BatchNorm2d),
}

Parameters = list[nn.Parameter]


def has_fused_optimizer(net: nn.Module) -> bool:
    """Whether torch has fused optimizers for the net's device."""
    return next(net.parameters()).device.type in ("cpu", "cuda")


def parameter_groups(spec: TorchOptimizer, net: nn.Module) -> list[dict[str, Any]]:
    """The trained parameters in groups of equal learning rate and weight decay, as torch's optimizers take them.

    Raises UsageError for a penalty on layers that the net does not have, or if nothing is trained.
    """
    decays, rates = _decays(spec, net), _rates(spec, net)
    members: dict[tuple[float, float], Parameters] = {}
    for parameter in net.parameters():
        if id(parameter) in decays:
            members.setdefault((rates[id(parameter)], decays[id(parameter)]), []).append(parameter)
    order = sorted(members, key=lambda pair: (-pair[0], pair[1]))  # the recipe's own rate comes first
    return [{"params": members[rate, decay], "weight_decay": decay, "lr": rate} for rate, decay in order]


def _decays(spec: TorchOptimizer, net: nn.Module) -> dict[int, float]:
    """The weight decay of each trained parameter, by its id.

    Keras's penalty l2 * sum(w^2) has the gradient 2 * l2 * w: a decay of 2 * l2.
    """
    decays = {id(p): spec.weight_decay for p in net.parameters() if p.requires_grad}
    for kind, penalty in spec.penalties.items():
        for weight in _weights(net, kind):
            decays[id(weight)] += 2 * penalty
    if not decays:
        raise UsageError("the net has no parameters to train")
    return decays


def _weights(net: nn.Module, kind: str) -> list[Any]:
    """The trained weights of one kind of layer."""
    if kind not in LAYER_KINDS:
        raise unknown("layer kind for l2", kind, LAYER_KINDS)
    layers = (module for module in net.modules() if isinstance(module, LAYER_KINDS[kind]))
    weights: list[Any] = [layer.weight for layer in layers if layer.weight.requires_grad]
    if not weights:
        raise UsageError(f"l2 on '{kind}': the net has no such layer", at=("l2", kind))
    return weights


def _rates(spec: TorchOptimizer, net: nn.Module) -> dict[int, float]:
    """The learning rate of each parameter, by its id: lower below a new head, where the recipe asks for it."""
    head = {id(p) for module in net.modules() if isinstance(module, Head) for p in module.parameters()}
    if spec.below_head != 1 and not head:
        raise UsageError("only a pretrained net has a new head", at=("below_head",))
    below = spec.lr * (spec.below_head if head else 1)
    return {id(p): spec.lr if id(p) in head else below for p in net.parameters()}


def muon_parameters(net: nn.Module) -> tuple[Parameters, Parameters, Parameters]:
    """The trained filters (for Muon), biases and gains, and all other weights. Raises UsageError without filters."""
    trainable = [p for p in net.parameters() if p.requires_grad]
    filters = [p for p in trainable if p.ndim == 4]
    if not filters:
        raise UsageError("muon needs a net with convolutions")
    biases = [p for p in trainable if p.ndim < 2]
    weights = [p for p in trainable if p.ndim >= 2 and p.ndim != 4]
    return filters, biases, weights


def train_whitening_biases(net: nn.Module, trainable: bool) -> None:
    """Train the biases of whitening layers, or leave them as they are."""
    for module in net.modules():
        if isinstance(module, WhiteningConv) and module.bias is not None:
            module.bias.requires_grad_(trainable)
