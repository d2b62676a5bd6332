"""The state of torch's fused optimizers, which they neither start nor arrange parameter by parameter."""

from typing import Any

import torch

from assay.training.muon import OptimizerGroup


def start_momentum(optimizer: torch.optim.Optimizer, args: Any = (), kwargs: Any = None) -> None:
    """A hook before each step of SGD: zeros as the momentum of each parameter that gets its first gradient.

    torch's fused SGD wants a momentum for every parameter of a group or for none, so a parameter that joins later, such
    as an unfrozen one, would stop it. From zeros the first step is the same: 0 * momentum + gradient.
    """
    for group in optimizer.param_groups:
        for parameter in group["params"] if group["momentum"] else ():
            if parameter.grad is not None and not optimizer.state[parameter]:
                optimizer.state[parameter]["momentum_buffer"] = torch.zeros_like(parameter)


def match_memory_formats(optimizer: torch.optim.Optimizer) -> None:
    """Arrange what the optimizer remembers of each parameter in memory as the parameter itself, after it was loaded.

    torch's fused optimizers on a CPU go through the memory of both in turn and do not look at strides, so a state that
    was saved in another memory format would silently meet the wrong weights.
    """
    parts = optimizer.optimizers if isinstance(optimizer, OptimizerGroup) else [optimizer]
    for part in parts:
        for parameter, values in part.state.items():
            for key, value in values.items():
                is_like = isinstance(value, torch.Tensor) and value.shape == parameter.shape
                if is_like and value.stride() != parameter.stride():
                    values[key] = torch.empty_like(parameter, dtype=value.dtype).copy_(value)
