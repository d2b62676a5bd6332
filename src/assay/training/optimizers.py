"""The built-in optimizers. Each is a class with its keys that builds torch's optimizer over a net's parameters.

To add one: write a class with the decorator `@optimizer(NAME)`, as below, and a test against a few steps of a textbook.
torch is imported where a net is at work, so that reading a recipe does not need it.
"""

from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat

from assay.recipes.epochs import STAGE
from assay.recipes.named_sections import Optimizer, optimizer
from assay.recipes.schema import Fraction

if TYPE_CHECKING:
    import torch
    from torch import nn

Groups = list[dict[str, Any]]

_STACKABLE = frozenset({"lr", "momentum", "weight_decay"})


def build_optimizer(spec: Optimizer, net: "nn.Module") -> "torch.optim.Optimizer":
    """The recipe's optimizer over the net's parameters, fused where torch has a fused one. Raises UsageError."""
    optimizer = spec.build(net)
    for group in optimizer.param_groups:
        group["initial_lr"] = group["lr"]  # torch's name for the rate that schedules are shares of
    return optimizer


class TorchOptimizer(Optimizer):
    """The keys of torch's own optimizers."""

    stackable_keys: ClassVar[frozenset[str] | None] = _STACKABLE

    weight_decay: NonNegativeFloat = 0.0
    below_head: Annotated[float, Field(gt=0, le=1)] = 1.0  # the share of lr for what is below a pretrained net's head

    @property
    def penalties(self) -> dict[str, float]:
        """The L2 penalty on the weights of each kind of layer."""
        return {}

    def build(self, net: "nn.Module") -> "torch.optim.Optimizer":
        """The optimizer over the parameters in groups of equal learning rate and weight decay."""
        from assay.training.parameter_groups import has_fused_optimizer, parameter_groups

        return self.make(parameter_groups(self, net), has_fused_optimizer(net))

    def make(self, groups: Groups, has_fused: bool) -> "torch.optim.Optimizer":
        """The torch optimizer of these groups."""
        raise NotImplementedError


class CoupledOptimizer(TorchOptimizer):
    """An optimizer whose weight decay is part of the gradient, which an L2 penalty is too."""

    # Keras's penalty l2 * sum(w^2) by kind of layer: {conv: 1e-4}
    l2: dict[str, PositiveFloat] = Field(default_factory=dict)

    @property
    def penalties(self) -> dict[str, float]:
        """The key `l2`."""
        return self.l2


@optimizer("sgd")
class Sgd(CoupledOptimizer):
    """Stochastic gradient descent, as torch.optim.SGD."""

    momentum: Fraction = 0.9
    nesterov: bool = False

    def make(self, groups: Groups, has_fused: bool) -> "torch.optim.Optimizer":
        """torch.optim.SGD."""
        return _make_sgd(groups, self.lr, self.momentum, self.nesterov, has_fused)


@optimizer("adam")
class Adam(CoupledOptimizer):
    """Adam with coupled weight decay (Kingma and Ba 2015), as torch.optim.Adam."""

    betas: tuple[Fraction, Fraction] = (0.9, 0.999)
    eps: PositiveFloat = 1e-8

    def make(self, groups: Groups, has_fused: bool) -> "torch.optim.Optimizer":
        """torch.optim.Adam."""
        from torch.optim import Adam

        return Adam(groups, self.lr, betas=self.betas, eps=self.eps, fused=has_fused)


@optimizer("adamw")
class AdamW(TorchOptimizer):
    """Adam with decoupled weight decay (Loshchilov and Hutter 2019), as torch.optim.AdamW."""

    betas: tuple[Fraction, Fraction] = (0.9, 0.999)
    eps: PositiveFloat = 1e-8

    def make(self, groups: Groups, has_fused: bool) -> "torch.optim.Optimizer":
        """torch.optim.AdamW."""
        from torch.optim import AdamW

        return AdamW(groups, self.lr, betas=self.betas, eps=self.eps, fused=has_fused)


@optimizer("muon")
class Muon(Optimizer):
    """Muon for the filters of convolutions, SGD for all other parameters (Jordan et al. 2024); `training/muon.py`.

    bias_lr: for biases and batch norm; head_lr: for linear layers; both for a loss that is a mean over images. decay:
    weight decay times the peak rate, as airbench has it. It is part of the gradient, so momentum adds it up: a step at
    the peak rate takes decay / (1 - sgd_momentum) off a weight, 6.7 times decay at 0.85. whitening_epochs: how long
    the bias of a whitening layer is trained (none: to the end); afterwards the backward pass ends earlier.
    """

    lr: PositiveFloat = 0.24
    momentum: Fraction = 0.6
    nesterov: bool = True
    bias_lr: PositiveFloat
    head_lr: PositiveFloat
    sgd_momentum: Fraction = 0.85
    decay: NonNegativeFloat = 0.0
    whitening_epochs: Annotated[NonNegativeInt | None, STAGE] = None

    def build(self, net: "nn.Module") -> "torch.optim.Optimizer":
        """Muon and torch.optim.SGD side by side."""
        from assay.training.muon import MuonFilters, OptimizerGroup
        from assay.training.parameter_groups import has_fused_optimizer, muon_parameters

        filters, biases, weights = muon_parameters(net)
        groups = [
            {"params": params, "lr": lr, "weight_decay": self.decay / lr}
            for params, lr in ((biases, self.bias_lr), (weights, self.head_lr))
        ]
        sgd = _make_sgd(groups, self.bias_lr, self.sgd_momentum, True, has_fused_optimizer(net))
        return OptimizerGroup([MuonFilters(filters, self.lr, self.momentum, self.nesterov), sgd])

    def begin_epoch(self, net: "nn.Module", epoch: int) -> None:
        """Train the biases of whitening layers in the first `whitening_epochs` epochs only."""
        if self.whitening_epochs is not None:
            from assay.training.parameter_groups import train_whitening_biases

            train_whitening_biases(net, epoch < self.whitening_epochs)


def _make_sgd(groups: Groups, lr: float, momentum: float, nesterov: bool, fused: bool) -> "torch.optim.Optimizer":
    """torch.optim.SGD for parameters that may get their first gradients at different steps."""
    from torch.optim import SGD

    from assay.training.optimizer_state import start_momentum

    sgd = SGD(groups, lr, momentum=momentum, nesterov=nesterov, fused=fused)
    sgd.register_step_pre_hook(start_momentum)
    return sgd
