"""One update for the stacked parameters of several nets: SGD, Adam and AdamW, each net with rates of its own.

The formulas are torch's own, of torch.optim; Muon, whose update mixes the numbers of a filter, is not here.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from assay.recipes.schema import Adam, AdamW, Muon, Sgd

Spec = Sgd | Adam | AdamW | Muon


class StackedOptimizer:
    """Holds all trained parameters of a net (K, ...) in one flat vector, so that a step is a few operations in all.

    specs: for each of the K nets; they differ in lr, momentum and weight decay alone. decays: the weight decay of each
    parameter by its name, for each net.
    """

    def __init__(self, wide: nn.Module, specs: Sequence[Spec], decays: Sequence[Mapping[str, float]]) -> None:
        named = [(name, p) for name, p in wide.named_parameters() if p.requires_grad]
        self.spec, self.parameters = specs[0], [p for _, p in named]
        self.values = torch.cat([p.detach().flatten() for p in self.parameters])
        self.gradients = torch.zeros_like(self.values)
        start = 0
        for p in self.parameters:  # each becomes a view of its part
            part = slice(start, start := start + p.numel())
            p.data, p.grad = self.values[part].view(p.shape), self.gradients[part].view(p.shape)
        self.owner = torch.cat([_spread(torch.arange(len(specs)), p) for p in self.parameters]).to(self.values.device)
        decay = [_spread(torch.tensor([one[name] for one in decays]), p) for name, p in named]
        self.decay = torch.cat(decay).to(self.values.device)
        self.momentum = self._everywhere([one.momentum if isinstance(one, Sgd) else 0.0 for one in specs])
        self.first, self.second = torch.zeros_like(self.values), torch.zeros_like(self.values)
        self.steps, self.rates, self.rate = 0, [0.0], self.values

    def zero_gradients(self) -> None:
        """Before a backward pass, which adds to them."""
        self.gradients.zero_()

    @torch.no_grad()
    def step(self, rates: list[float]) -> None:
        """One update, at a learning rate for each net."""
        if rates != self.rates:
            self.rates, self.rate = rates, self._everywhere(rates)
        self.steps += 1
        if self.spec.clip_norm is not None:
            self._clip(self.spec.clip_norm)
        if isinstance(self.spec, Sgd):
            self._sgd(self.spec)
        elif isinstance(self.spec, (Adam, AdamW)):
            self._adam(self.spec)

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
        one, two = spec.betas
        self.first.lerp_(self.gradients, 1 - one)
        self.second.mul_(two).addcmul_(self.gradients, self.gradients, value=1 - two)
        scale = (self.second / (1 - two**self.steps)).sqrt_().add_(spec.eps)
        self.values.addcdiv_(self.rate * self.first, scale, value=-1 / (1 - one**self.steps))

    def _clip(self, norm: float) -> None:
        """As torch's clip_grad_norm_, for each net by itself."""
        norms = torch.stack([p.grad.flatten(1).norm(dim=1) for p in self.parameters if p.grad is not None])
        factors = (norm / (norms.norm(dim=0) + 1e-6)).clamp_max(1)
        for p in self.parameters:
            if p.grad is not None:
                p.grad.mul_(factors.view(-1, *[1] * (p.ndim - 1)))

    def _everywhere(self, values: Sequence[float]) -> Tensor:
        """One number for each net, at the places of all its parameters."""
        return torch.tensor(values, device=self.values.device).index_select(0, self.owner)


def _spread(values: Tensor, parameter: Tensor) -> Tensor:
    """Each net's value as often as it has numbers in this parameter (K, ...)."""
    return values.repeat_interleave(parameter.numel() // len(parameter))
