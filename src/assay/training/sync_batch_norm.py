"""Batch norm over the batch of all processes together. torch.nn.SyncBatchNorm needs a GPU; this runs anywhere.

Libraries derive classes of their own from torch's batch norm, with an activation in their forward pass. So a class is
not replaced: within its own forward pass, the call of `torch.nn.functional.batch_norm` becomes one over all processes.
"""

from collections.abc import Callable
from copy import deepcopy
from math import prod
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.modules.batchnorm import _BatchNorm
from torch.overrides import TorchFunctionMode

from assay.core.errors import UsageError
from assay.training.collectives import sum_over_processes

BatchNormFunction = Callable[..., Tensor]


def swap_batch_norm_classes(net: nn.Module) -> None:
    """Assign a synchronized class to the `__class__` of each batch norm in the net, of whatever class it is.

    The modules keep their identity, tensors and names, and what their own forward pass adds, such as an activation;
    only the statistics of a batch change. Raises UsageError for a layer that keeps statistics of each batch and cannot
    be synchronized.
    """
    for name, module in net.named_modules():
        if getattr(module, "is_synchronized", False):
            continue
        if isinstance(module, nn.SyncBatchNorm):
            if next(module.parameters()).device.type == "cpu":  # torch's own works on a GPU only
                raise _refusal(name, module)
        elif isinstance(module, _BatchNorm):
            if not _calls_batch_norm(module):
                raise _refusal(name, module)
            module.__class__ = _synchronized(type(module))
        elif _updates_statistics(module):
            raise _refusal(name, module)


def sync_batch_norm(
    input: Tensor,  # the names of torch's arguments, which callers may use
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """As torch's functional.batch_norm, by the mean and variance of the batch of all processes together."""
    if not training:
        return functional.batch_norm(input, running_mean, running_var, weight, bias, False, momentum, eps)
    values = input.to(torch.promote_types(input.dtype, torch.float32))
    axes = [0, *range(2, input.ndim)]
    channels = (1, -1, *[1] * (input.ndim - 2))
    n = values.new_tensor([input.numel() // input.shape[1]])
    totals = _Sum.apply(torch.cat([values.sum(axes), n]))  # type: ignore[no-untyped-call]
    count = totals[-1].detach()
    mean = totals[:-1] / count
    deviations = values - mean.view(channels)
    variance = _Sum.apply(deviations.square().sum(axes)) / count  # type: ignore[no-untyped-call]
    with torch.no_grad():
        if running_mean is not None:
            running_mean.lerp_(mean, momentum)
        if running_var is not None:
            running_var.lerp_(variance * count / (count - 1).clamp_min(1), momentum)
    out: Tensor = deviations * (variance + eps).rsqrt().view(channels)
    if weight is not None:
        out = out * weight.view(channels)
    if bias is not None:
        out = out + bias.view(channels)
    return out.to(input.dtype)


class _Sum(torch.autograd.Function):
    """The sum over all processes. Its gradient is summed over all processes too.

    torch.distributed.nn.functional.all_reduce does the same and is deprecated.
    """

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        return sum_over_processes(values.clone())

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return sum_over_processes(gradient.clone())


class _ReplaceBatchNorm(TorchFunctionMode):
    """Within it, in this thread, calls of `torch.nn.functional.batch_norm` go to another function."""

    def __init__(self, function: BatchNormFunction) -> None:
        super().__init__()
        self.function = function

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        function = self.function if func is functional.batch_norm else func
        return function(*args, **(kwargs or {}))


def _synchronized(batch_norm: type[_BatchNorm]) -> type[_BatchNorm]:
    """The class of batch norm with all processes' batch statistics in training."""

    def forward(self: _BatchNorm, *args: Any, **kwargs: Any) -> Any:
        if not self.training:
            return batch_norm.forward(self, *args, **kwargs)
        with _ReplaceBatchNorm(sync_batch_norm):
            return batch_norm.forward(self, *args, **kwargs)

    return type(f"Sync{batch_norm.__name__}", (batch_norm,), {"forward": forward, "is_synchronized": True})


def _calls_batch_norm(module: _BatchNorm) -> bool:
    """Whether its forward pass in training asks torch's batch norm for the statistics of the batch."""
    calls: list[Tensor] = []

    def record(input: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        calls.append(input)
        return input

    with _ReplaceBatchNorm(record):
        _try_forward(module, module.num_features)
    return bool(calls)


def _updates_statistics(module: nn.Module) -> bool:
    """Whether a layer that is no batch norm has running statistics which its forward pass in training changes."""
    statistics = {name: buffer for name, buffer in module.named_buffers(recurse=False) if name.startswith("running_")}
    if not statistics:
        return False
    copy = _try_forward(module, len(next(iter(statistics.values()))))
    return copy is None or any(not torch.equal(buffer, copy.get_buffer(name)) for name, buffer in statistics.items())


def _try_forward(module: nn.Module, channels: int) -> nn.Module | None:
    """A copy of the layer after one forward pass in training; None if it takes neither images nor features."""
    device = next((tensor.device for tensor in module.state_dict().values()), torch.device("cpu"))
    for sides in ((4, 4), (), (4,), (4, 4, 4)):
        copy = deepcopy(module).train()
        values = torch.linspace(-1, 1, 2 * channels * prod(sides), device=device).view(2, channels, *sides)
        try:
            with torch.no_grad():
                copy(values)
        except Exception:  # a layer of a library or of your own may raise anything
            continue
        return copy
    return None


def _refusal(name: str, module: nn.Module) -> UsageError:
    return UsageError(
        f"several processes cannot train this net together: its layer {name} ({type(module).__name__}) keeps "
        "statistics of a batch, which cannot be synchronized; train in one process, or use nn.BatchNorm2d there"
    )
