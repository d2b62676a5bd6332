"""Batch norm over the batch of all processes together. torch.nn.SyncBatchNorm needs a GPU; this runs anywhere."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from assay.core.errors import UsageError
from assay.training.collectives import sum_over_processes


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


class _SyncBatchNorm:
    """In training, normalizes by the mean and variance of the batch of all processes together."""

    def forward(self: Any, x: Tensor) -> Tensor:
        if not self.training:
            return functional.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps)
        values, axes = x.float(), [0, *range(2, x.ndim)]
        channels = (1, -1, *[1] * (x.ndim - 2))
        count = sum_over_processes(torch.tensor(float(x.numel() // x.shape[1]), device=x.device))
        mean = _Sum.apply(values.sum(axes)) / count  # type: ignore[no-untyped-call]
        deviations = values - mean.view(channels)
        variance = _Sum.apply(deviations.square().sum(axes)) / count  # type: ignore[no-untyped-call]
        with torch.no_grad():
            self.num_batches_tracked += 1
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * count / (count - 1).clamp_min(1), self.momentum)
        standard_scores = deviations * (variance + self.eps).rsqrt().view(channels)
        out: Tensor = standard_scores * self.weight.view(channels) + self.bias.view(channels)
        return out.to(x.dtype)


class _SyncBatchNorm1d(_SyncBatchNorm, nn.BatchNorm1d): ...


class _SyncBatchNorm2d(_SyncBatchNorm, nn.BatchNorm2d): ...


_SYNC_CLASSES: dict[type[nn.Module], type[nn.Module]] = {
    nn.BatchNorm1d: _SyncBatchNorm1d, nn.BatchNorm2d: _SyncBatchNorm2d,
}  # fmt: skip


def swap_batch_norm_classes(net: nn.Module) -> None:
    """Assign a synchronized class to the `__class__` of each batch norm in the net.

    The modules keep their identity, tensors and names; only their computation changes. Raises UsageError for batch norm
    without gain, bias, running statistics or momentum.
    """
    for module in net.modules():
        sync_class = _SYNC_CLASSES.get(type(module))
        if sync_class is None:
            continue
        if not (module.affine and module.track_running_stats and module.momentum):
            raise UsageError(f"several processes cannot train {module} together: it needs gain, bias and momentum")
        module.__class__ = sync_class
