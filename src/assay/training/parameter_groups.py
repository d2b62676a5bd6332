"""The parameters of a net by what an optimizer does with them: learning rate, weight decay, or Muon's three kinds."""

from typing import Any

import torch
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

    An L2 penalty is part of the gradient, as weight decay is, so it goes into the group's `weight_decay`. But clipping
    sees the penalty, as in Keras, and not weight decay, as in torch: with `clip_norm` the penalty's factor is kept by
    itself, as `penalty`.

    Raises UsageError for a penalty on layers that the net does not have, or if nothing is trained.
    """
    penalties, rates = _penalties(spec, net), _rates(spec, net)
    members: dict[tuple[float, float], Parameters] = {}
    for parameter in net.parameters():
        if id(parameter) in penalties:
            members.setdefault((rates[id(parameter)], penalties[id(parameter)]), []).append(parameter)
    order = sorted(members, key=lambda pair: (-pair[0], pair[1]))  # the recipe's own rate comes first
    groups: list[dict[str, Any]] = []
    for rate, penalty in order:
        factors = {"weight_decay": spec.weight_decay + penalty}
        if spec.clip_norm is not None:
            factors = {"weight_decay": spec.weight_decay, "penalty": penalty}
        groups.append({"params": members[rate, penalty], "lr": rate, **factors})
    return groups


@torch.no_grad()
def add_penalties(optimizer: torch.optim.Optimizer) -> None:
    """Add the gradients of the L2 penalties that clipping has to see to the parameters' gradients."""
    for group in optimizer.param_groups:
        penalty = group.get("penalty", 0.0)
        for parameter in group["params"] if penalty else ():
            if parameter.grad is not None:
                parameter.grad.add_(parameter, alpha=penalty)


def _penalties(spec: TorchOptimizer, net: nn.Module) -> dict[int, float]:
    """The factor of each trained parameter in the gradient of its L2 penalty, by the parameter's id.

    Keras's penalty l2 * sum(w^2) has the gradient 2 * l2 * w.
    """
    penalties = {id(p): 0.0 for p in net.parameters() if p.requires_grad}
    for kind, penalty in spec.penalties.items():
        for weight in _weights(net, kind):
            penalties[id(weight)] += 2 * penalty
    if not penalties:
        raise UsageError("the net has no parameters to train")
    return penalties


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
