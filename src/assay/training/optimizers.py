"""Optimizers: from the recipe's words to torch's, with the penalties on the layers they belong to."""

from typing import Any

import torch
from torch import nn

from assay.core.errors import UsageError, unknown
from assay.models.pretrained import Head
from assay.models.special_layers import WhiteningConv
from assay.recipes.schema import Adam, AdamW, Muon, Sgd
from assay.training.muon import MuonFilters, OptimizerGroup

# What a recipe may put an L2 penalty on; one line for each kind of layer that has a weight.
LAYER_KINDS: dict[str, tuple[type[nn.Module], ...]] = {
    "conv": (nn.Conv2d,),
    "linear": (nn.Linear,),
    "batchnorm": (nn.BatchNorm1d, nn.BatchNorm2d),
}


def build_optimizer(spec: Sgd | Adam | AdamW | Muon, net: nn.Module) -> torch.optim.Optimizer:
    """torch's own optimizer over the net's parameters, fused where there is a fused one; or Muon. Raises UsageError."""
    optimizer = _muon(spec, net) if isinstance(spec, Muon) else _torchs(spec, net)
    for group in optimizer.param_groups:
        group["initial_lr"] = group["lr"]  # torch's own name for the rate that schedules are shares of
    return optimizer


def choose_trained(spec: Sgd | Adam | AdamW | Muon, net: nn.Module, epoch: int) -> None:
    """Leave the biases of whitening layers as they are from the epoch (counted from 0) on that the recipe says."""
    if isinstance(spec, Muon) and spec.whitening_epochs is not None:
        for module in net.modules():
            if isinstance(module, WhiteningConv) and module.bias is not None:
                module.bias.requires_grad_(epoch < spec.whitening_epochs)


def _torchs(spec: Sgd | Adam | AdamW, net: nn.Module) -> torch.optim.Optimizer:
    groups = _groups(spec, net)
    if isinstance(spec, Sgd):
        return torch.optim.SGD(groups, spec.lr, momentum=spec.momentum, nesterov=spec.nesterov, fused=_fused(net))
    kind = torch.optim.Adam if isinstance(spec, Adam) else torch.optim.AdamW
    return kind(groups, spec.lr, betas=spec.betas, eps=spec.eps, fused=_fused(net))


def _fused(net: nn.Module) -> bool:
    return next(net.parameters()).device.type in ("cpu", "cuda")


def _muon(spec: Muon, net: nn.Module) -> torch.optim.Optimizer:
    """Filters to Muon; biases and gains, and the weights of linear and all other layers, to SGD at their own rates."""
    trained = [p for p in net.parameters() if p.requires_grad]
    filters = [p for p in trained if p.ndim == 4]
    if not filters:
        raise UsageError("muon needs a net with convolutions")
    biases, others = [p for p in trained if p.ndim < 2], [p for p in trained if p.ndim >= 2 and p.ndim != 4]
    groups = [
        {"params": params, "lr": lr, "weight_decay": spec.decay / lr}
        for params, lr in ((biases, spec.bias_lr), (others, spec.head_lr))
    ]
    sgd = torch.optim.SGD(groups, momentum=spec.sgd_momentum, nesterov=True, fused=_fused(net))
    return OptimizerGroup([MuonFilters(filters, spec.lr, spec.momentum, spec.nesterov), sgd])


def _groups(spec: Sgd | Adam | AdamW, net: nn.Module) -> list[dict[str, Any]]:
    """Parameters by weight decay. Keras's penalty l2 * sum(w^2) has the gradient 2 * l2 * w: a decay of 2 * l2."""
    decay = {id(p): spec.weight_decay for p in net.parameters() if p.requires_grad}
    for kind, l2 in ({} if isinstance(spec, AdamW) else spec.l2).items():
        if kind not in LAYER_KINDS:
            raise unknown("layer kind for l2", kind, LAYER_KINDS)
        weights = [m.weight for m in net.modules() if isinstance(m, LAYER_KINDS[kind]) and m.weight.requires_grad]
        if not weights:
            raise UsageError(f"l2 on '{kind}': the net has no such layer", at=("l2", kind))
        for weight in weights:
            decay[id(weight)] += 2 * l2
    if not decay:
        raise UsageError("the net has no parameters to train")
    rates = _rates(spec, net)
    kinds = {(rates[one], value) for one, value in decay.items()}
    return [
        {
            "params": [p for p in net.parameters() if id(p) in decay and (rates[id(p)], decay[id(p)]) == (rate, value)],
            "weight_decay": value,
            "lr": rate,
        }
        for rate, value in sorted(kinds, key=lambda kind: (-kind[0], kind[1]))  # the recipe's own rate comes first
    ]


def _rates(spec: Sgd | Adam | AdamW, net: nn.Module) -> dict[int, float]:
    """The learning rate of each parameter: lower below a new head, where the recipe says so."""
    head = {id(p) for module in net.modules() if isinstance(module, Head) for p in module.parameters()}
    if spec.below_head != 1 and not head:
        raise UsageError("only a pretrained net has a new head", at=("below_head",))
    return {id(p): spec.lr * (spec.below_head if head and id(p) not in head else 1) for p in net.parameters()}
