"""One training spread over several processes that torchrun started: all of it is here.

Every process goes through the same batches in the same order, trains on its slice of each, and takes part in sums over
all of them; so all hold the same weights after every step. Without torchrun there is one process, SINGLE_PROCESS, and
each of these functions gives back what it got.
"""

import atexit
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn import functional

from assay.core.errors import AssayError, Interrupted, NonFiniteError, UsageError
from assay.core.runtime import Runtime


@dataclass(frozen=True)
class ProcessGroup:
    """Which of the processes this is; the first leads: it alone writes, talks and judges."""

    rank: int = 0
    size: int = 1

    @property
    def is_main(self) -> bool:
        """Whether this is the first process."""
        return self.rank == 0

    @property
    def seed_suffix(self) -> tuple[int, ...]:
        """What sets this process's dropout apart from the others'; nothing for a single process."""
        return (self.rank,) if self.size > 1 else ()

    def assign_gpu(self, runtime: Runtime) -> Runtime:
        """A GPU for each process of a machine."""
        if self.size == 1 or runtime.device != "cuda":
            return runtime
        device = f"cuda:{os.environ['LOCAL_RANK']}"
        torch.cuda.set_device(device)
        return replace(runtime, device=device, compiled=False)  # sums over processes do not go into a CUDA graph

    def synchronize(self, net: nn.Module) -> nn.Module:
        """The net with the first process's weights, and batch norm that sees whole batches."""
        if self.size == 1:
            return net
        for tensor in net.state_dict().values():
            dist.broadcast(tensor, 0)
        return _with_whole_batches(net)

    def shard(self, batch: Tensor) -> Tensor:
        """This process's slice of a batch (N, ...); sizes differ by one at most."""
        return batch if self.size == 1 else batch.tensor_split(self.size)[self.rank]

    def scale_loss(self, loss: Tensor, mine: int, whole: int) -> Tensor:
        """A slice's mean loss as its part of the whole batch's mean: the sum over all slices is that mean."""
        if mine == whole:
            return loss
        return loss * (mine / whole) if mine else loss.nan_to_num()  # the mean over no images is NaN

    def all_reduce(self, net: nn.Module, sums: Tensor) -> Tensor:
        """Sum over all processes: the gradients of the net, in place, and `sums`, which are returned."""
        if self.size == 1:
            return sums
        gradients = [p.grad for p in net.parameters() if p.grad is not None]
        flat = _sum(torch.cat([*(one.flatten() for one in gradients), sums.float()]))
        *parts, sums = flat.split([*(one.numel() for one in gradients), len(sums)])  # type: ignore[no-untyped-call]
        for gradient, part in zip(gradients, parts, strict=True):
            gradient.copy_(part.view(gradient.shape))
        return sums

    def reduce_mean(self, value: float, n: int) -> float:
        """The mean over the images of all processes, from each one's mean over its n."""
        if self.size == 1:
            return value
        total = _sum(torch.tensor([value * n if n else 0.0, n], dtype=torch.float64, device=_device()))
        return float(total[0] / total[1])

    def reduce_any(self, flag: bool) -> bool:
        """Whether it is so in any process; all get the same answer."""
        return flag if self.size == 1 else bool(_sum(torch.tensor([float(flag)], device=_device())) > 0)

    def broadcast(self, text: str = "") -> str:
        """The first process's text, in all of them; they wait for it."""
        said: list[str] = [text]
        if self.size > 1:
            with _lost():
                dist.broadcast_object_list(said, 0, device=torch.device(_device()))
        return said[0]

    @contextmanager
    def exit_together(self) -> Iterator[None]:
        """What stops all processes at the same step ends them only when the first has written it down.

        Of a process that ends in error torchrun would not wait for the others.
        """
        try:
            yield
        except (Interrupted, NonFiniteError):
            self.broadcast()
            raise


SINGLE_PROCESS = ProcessGroup()


def under_torchrun() -> bool:
    """Whether torchrun started this process as one of several."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1 and "RANK" in os.environ


def join_process_group(device: str) -> ProcessGroup:
    """Join the processes that torchrun started; without it SINGLE_PROCESS. device: `cpu` or `cuda`."""
    if not under_torchrun():
        return SINGLE_PROCESS
    if not dist.is_initialized():
        with _lost():
            dist.init_process_group("nccl" if device.startswith("cuda") else "gloo")
        atexit.register(dist.destroy_process_group)
    return ProcessGroup(dist.get_rank(), dist.get_world_size())


class _Sum(torch.autograd.Function):
    """The sum over all processes, through which gradients flow: they are summed too.

    torch.distributed.nn.functional.all_reduce does the same and is deprecated.
    """

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        return _sum(values.clone())

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return _sum(gradient.clone())


class _WholeBatches:
    """Batch norm whose mean and variance in training are those of the batch of all processes together."""

    def forward(self: Any, x: Tensor) -> Tensor:
        if not self.training:
            return functional.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps)
        wide, axes = x.float(), [0, *range(2, x.ndim)]
        each = (1, -1, *[1] * (x.ndim - 2))
        count = _sum(torch.tensor(float(x.numel() // x.shape[1]), device=x.device))
        mean = _Sum.apply(wide.sum(axes)) / count  # type: ignore[no-untyped-call]
        centered = wide - mean.view(each)
        variance = _Sum.apply(centered.square().sum(axes)) / count  # type: ignore[no-untyped-call]
        with torch.no_grad():
            self.num_batches_tracked += 1
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * count / (count - 1).clamp_min(1), self.momentum)
        normal = centered * (variance + self.eps).rsqrt().view(each)
        out: Tensor = normal * self.weight.view(each) + self.bias.view(each)
        return out.to(x.dtype)


class _WholeBatchNorm1d(_WholeBatches, nn.BatchNorm1d): ...


class _WholeBatchNorm2d(_WholeBatches, nn.BatchNorm2d): ...


_KINDS: dict[type[nn.Module], type[nn.Module]] = {
    nn.BatchNorm1d: _WholeBatchNorm1d, nn.BatchNorm2d: _WholeBatchNorm2d,
}  # fmt: skip


def _with_whole_batches(net: nn.Module) -> nn.Module:
    """The same module; its batch norms keep their tensors and names and change only what they compute.

    Raises UsageError for a batch norm that does not work as those of recipes do.
    """
    for module in net.modules():
        if kind := _KINDS.get(type(module)):
            if not (module.affine and module.track_running_stats and module.momentum):
                raise UsageError(f"several processes cannot train {module} together: it needs gain, bias and momentum")
            module.__class__ = kind
    return net


def _sum(values: Tensor) -> Tensor:
    with _lost():
        dist.all_reduce(values)
    return values


def _device() -> str:
    return "cuda" if dist.get_backend() == "nccl" else "cpu"


@contextmanager
def _lost() -> Iterator[None]:
    """Turn what a lost connection raises into an error for people."""
    try:
        yield
    except RuntimeError as error:
        raise AssayError(f"another process of this training has ended, so this one ends too ({error})") from None
