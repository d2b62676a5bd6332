"""An optimizer for the stacked parameters of several nets: SGD, Adam and AdamW, with learning rates per net.

The formulas are those of torch.optim. Muon's update mixes the values of a filter, so it is not here.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from assay.recipes.named_sections import Optimizer
from assay.training.optimizers import Adam, AdamW, Sgd


class StackedOptimizer:
    """Holds all trained parameters (K, ...) of K stacked nets in one flat vector, so that a step is a few operations.

    specs: one per net; they differ in lr, momentum and weight decay only. decays: the weight decay of each parameter by
    name, one mapping per net. penalties: likewise, the factors of the L2 penalties that clipping has to see.
    """

    def __init__(
        self, stacked_net: nn.Module, specs: Sequence[Optimizer], decays: Sequence[Mapping[str, float]],
        penalties: Sequence[Mapping[str, float]] = (),
    ) -> None:  # fmt: skip
        parameters = {name: p for name, p in stacked_net.named_parameters() if p.requires_grad}
        self.spec, self.parameters = specs[0], list(parameters.values())
        self.values = torch.cat([p.detach().flatten() for p in self.parameters])
        self.gradients = torch.zeros_like(self.values)
        self._make_parameters_views()
        nets = torch.arange(len(specs))
        self.net_of_value = torch.cat([_repeat(nets, p) for p in self.parameters]).to(self.values.device)
        self.decay = _factors(decays, parameters).to(self.values.device)
        self.penalty = _factors(penalties, parameters).to(self.values.device) if penalties else None
        self.momentum = self._per_value([spec.momentum if isinstance(spec, Sgd) else 0.0 for spec in specs])
        self.first, self.second = torch.zeros_like(self.values), torch.zeros_like(self.values)  # moments
        self.steps, self.rates, self.rate = 0, [0.0], self.values

    def zero_grad(self) -> None:
        """Set all gradients to zero, before a backward pass."""
        self.gradients.zero_()

    @torch.no_grad()
    def step(self, rates: list[float]) -> None:
        """Update all parameters, with one learning rate per net."""
        if rates != self.rates:
            self.rates, self.rate = rates, self._per_value(rates)
        self.steps += 1
        if self.penalty is not None:
            self.gradients.addcmul_(self.penalty, self.values)
        if self.spec.clip_norm is not None:
            self._clip(self.spec.clip_norm)
        if isinstance(self.spec, Sgd):
            self._sgd(self.spec)
        elif isinstance(self.spec, (Adam, AdamW)):
            self._adam(self.spec)

    def _make_parameters_views(self) -> None:
        """Let each parameter and its gradient be a view of its range of the flat vectors."""
        start = 0
        for p in self.parameters:
            end = start + p.numel()
            p.data, p.grad = self.values[start:end].view(p.shape), self.gradients[start:end].view(p.shape)
            start = end

    def _sgd(self, spec: Sgd) -> None:
        gradient = self.gradients.addcmul_(self.decay, self.values)
        self.first.mul_(self.momentum).add_(gradient)
        direction = gradient.addcmul_(self.momentum, self.first) if spec.nesterov else self.first
        self.values.addcmul_(self.rate, direction, value=-1)

    def _adam(self, spec: Adam | AdamW) -> None:
        """Kingma and Ba 2015; decoupled decay: Loshchilov and Hutter 2019."""
        if isinstance(spec, AdamW):
            self.values.addcmul_(self.rate * self.decay, self.values, value=-1)
        else:
            self.gradients.addcmul_(self.decay, self.values)
        beta1, beta2 = spec.betas
        self.first.lerp_(self.gradients, 1 - beta1)
        self.second.mul_(beta2).addcmul_(self.gradients, self.gradients, value=1 - beta2)
        scale = (self.second / (1 - beta2**self.steps)).sqrt_().add_(spec.eps)
        self.values.addcdiv_(self.rate * self.first, scale, value=-1 / (1 - beta1**self.steps))

    def _clip(self, norm: float) -> None:
        """Clip each net's gradient norm, as torch.nn.utils.clip_grad_norm_ does."""
        norms = torch.stack([p.grad.flatten(1).norm(dim=1) for p in self.parameters if p.grad is not None])
        factors = (norm / (norms.norm(dim=0) + 1e-6)).clamp_max(1)
        for p in self.parameters:
            if p.grad is not None:
                p.grad.mul_(factors.view(-1, *[1] * (p.ndim - 1)))

    def _per_value(self, per_net: Sequence[float]) -> Tensor:
        """One number per net, repeated for each of its values in the flat vector."""
        return torch.tensor(per_net, device=self.values.device).index_select(0, self.net_of_value)


def _factors(by_net: Sequence[Mapping[str, float]], parameters: Mapping[str, Tensor]) -> Tensor:
    """One number per net and parameter, given by net and name, repeated for each value of the flat vector."""
    return torch.cat(
        [_repeat(torch.tensor([by_name[name] for by_name in by_net]), p) for name, p in parameters.items()]
    )


def _repeat(per_net: Tensor, parameter: Tensor) -> Tensor:
    """One number per net (K,), repeated for each of its values in a parameter (K, ...), flattened."""
    return per_net.repeat_interleave(parameter.numel() // len(parameter))
