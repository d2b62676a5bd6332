"""Muon: momentum with orthogonalized updates, for the filters of convolutions; and several optimizers used as one.

torch.optim.Muon takes matrices only; this one takes filters and flattens them to (out, in * k * k).
"""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

# The Newton-Schulz quintic, with coefficients for the steepest slope at zero (Jordan et al. 2024).
_A, _B, _C = 3.4445, -4.7750, 2.0315


def orthogonalize(matrix: Tensor, steps: int = 3) -> Tensor:
    """Approximate U V^T of a matrix (rows, columns) with the singular value decomposition U S V^T.

    Singular values land near 1. Newton-Schulz iteration, in bf16 on a GPU.
    """
    x: Tensor = matrix.bfloat16() if matrix.is_cuda else matrix.float()
    x = x / (x.norm() + 1e-7)
    is_tall = x.shape[0] > x.shape[1]
    x = x.T if is_tall else x
    for _ in range(steps):
        gram = x @ x.T
        x = _A * x + torch.addmm(gram, gram, gram, beta=_B, alpha=_C) @ x
    return (x.T if is_tall else x).to(matrix.dtype)


class MuonFilters(torch.optim.Optimizer):
    """Momentum with orthogonalized updates. Each step first rescales the filters to a norm of sqrt(out channels).

    Jordan et al. 2024, "Muon", as in airbench94_muon. Parameters need at least two dimensions.
    """

    def __init__(self, params: Iterable[Any], lr: float, momentum: float = 0.6, nesterov: bool = True) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "nesterov": nesterov})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Update every parameter that has a gradient."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._update(parameter, group)

    def _update(self, parameter: Tensor, group: dict[str, Any]) -> None:
        state, gradient = self.state[parameter], parameter.grad
        assert gradient is not None
        if not state:
            state["momentum_buffer"] = torch.zeros_like(gradient)
        velocity = state["momentum_buffer"]
        velocity.mul_(group["momentum"]).add_(gradient)
        direction = gradient.add(velocity, alpha=group["momentum"]) if group["nesterov"] else velocity
        parameter.mul_(len(parameter) ** 0.5 / parameter.norm())
        update = orthogonalize(direction.reshape(len(parameter), -1)).view(parameter.shape)
        parameter.add_(update, alpha=-group["lr"])


class OptimizerGroup(torch.optim.Optimizer):
    """Several optimizers with separate parameters, used as one."""

    def __init__(self, optimizers: list[torch.optim.Optimizer]) -> None:
        self.optimizers = optimizers
        super().__init__(self._groups(), {})
        self.param_groups = self._groups()  # the same objects, so that a changed learning rate takes effect

    def _groups(self) -> list[dict[str, Any]]:
        return [group for optimizer in self.optimizers for group in optimizer.param_groups]

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Update the parameters of every optimizer."""
        for optimizer in self.optimizers:
            optimizer.step()

    def state_dict(self) -> dict[str, Any]:
        """The states of all optimizers."""
        return {"parts": [optimizer.state_dict() for optimizer in self.optimizers]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the states of all optimizers."""
        for optimizer, state in zip(self.optimizers, state_dict["parts"], strict=True):
            optimizer.load_state_dict(state)
        self.param_groups = self._groups()
