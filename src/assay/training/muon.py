"""Muon: momentum whose update is made orthogonal, for the filters of convolutions; SGD for everything else.

torch.optim.Muon takes matrices only; this is here for the filters of a convolution, flattened to (out, in * k * k).
"""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

# Newton-Schulz's quintic, its coefficients chosen for the steepest slope at zero (Jordan et al. 2024).
_A, _B, _C = 3.4445, -4.7750, 2.0315


def orthogonalise(matrix: Tensor, steps: int = 3) -> Tensor:
    """About U V^T of the matrix's singular value decomposition U S V^T: singular values land near 1, (rows, columns).

    Newton-Schulz iteration, in bf16 where the matrix is on a GPU.
    """
    x: Tensor = matrix.bfloat16() if matrix.is_cuda else matrix.float()
    x = x / (x.norm() + 1e-7)
    tall = x.shape[0] > x.shape[1]
    x = x.T if tall else x
    for _ in range(steps):
        gram = x @ x.T
        x = _A * x + torch.addmm(gram, gram, gram, beta=_B, alpha=_C) @ x
    return (x.T if tall else x).to(matrix.dtype)


class MuonFilters(torch.optim.Optimizer):
    """Momentum, orthogonalised; before each step the filters are put back to a norm of sqrt(out channels).

    Jordan et al. 2024, "Muon", in the form of airbench94_muon. Parameters of at least two dimensions.
    """

    def __init__(self, params: Iterable[Any], lr: float, momentum: float = 0.6, nesterov: bool = True) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "nesterov": nesterov})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """One update of every parameter that has a gradient."""
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
        update = orthogonalise(direction.reshape(len(parameter), -1)).view(parameter.shape)
        parameter.add_(update, alpha=-group["lr"])


class OptimizerGroup(torch.optim.Optimizer):
    """Several optimizers, each with parameters of its own, as one."""

    def __init__(self, parts: list[torch.optim.Optimizer]) -> None:
        self.parts = parts
        super().__init__([group for part in parts for group in part.param_groups], {})
        self.param_groups = [group for part in parts for group in part.param_groups]  # the very ones that they use

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """One step of each."""
        for part in self.parts:
            part.step()

    def state_dict(self) -> dict[str, Any]:
        """The state of each."""
        return {"parts": [part.state_dict() for part in self.parts]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take up what `state_dict` gave."""
        for part, state in zip(self.parts, state_dict["parts"], strict=True):
            part.load_state_dict(state)
        self.param_groups = [group for part in self.parts for group in part.param_groups]
