"""Training one net in several processes that torchrun has started.

Every process goes through the same batches in the same order, trains on its shard of each and takes part in sums over
all processes, so all hold the same weights after every step. Without torchrun there is one process, SINGLE_PROCESS, and
every operation here returns its input.
"""

import atexit
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import torch
import torch.distributed as dist
from torch import Tensor, nn

from assay.core.errors import Interrupted, NonFiniteError
from assay.core.runtime import Runtime
from assay.training.collectives import broadcast_text, collective_device, connection_errors, sum_over_processes
from assay.training.sync_batch_norm import swap_batch_norm_classes


@dataclass(frozen=True)
class ProcessGroup:
    """Rank and world size. Rank 0 is the main process: only it logs, evaluates and writes files."""

    rank: int = 0
    size: int = 1

    @property
    def is_main(self) -> bool:
        """Whether this is the main process."""
        return self.rank == 0

    @property
    def seed_suffix(self) -> tuple[int, ...]:
        """What distinguishes this process's dropout from the others'; empty for a single process."""
        return (self.rank,) if self.size > 1 else ()

    def assign_gpu(self, runtime: Runtime) -> Runtime:
        """The runtime on this process's own GPU. Makes that GPU the process's current one."""
        if self.size == 1 or runtime.device != "cuda":
            return runtime
        device = f"cuda:{os.environ['LOCAL_RANK']}"
        torch.cuda.set_device(device)
        return replace(runtime, device=device, compiled=False)  # CUDA graphs cannot hold sums over processes

    def synchronize(self, net: nn.Module) -> nn.Module:
        """Copy the main process's weights into the net and make its batch norm see whole batches, both in place.

        Raises UsageError for batch norm that cannot be changed so.
        """
        if self.size == 1:
            return net
        for tensor in net.state_dict().values():
            dist.broadcast(tensor, 0)
        swap_batch_norm_classes(net)
        return net

    def shard(self, batch: Tensor) -> Tensor:
        """This process's shard of a batch (N, ...); sizes differ by one at most."""
        return batch if self.size == 1 else batch.tensor_split(self.size)[self.rank]

    def scale_loss(self, loss: Tensor, n: int, total: int) -> Tensor:
        """Scale the mean loss over `n` of `total` images, so that the sum over all parts of a batch is its mean."""
        if n == total:
            return loss
        return loss * (n / total) if n else loss.nan_to_num()  # the mean over no images is NaN

    def all_reduce(self, net: nn.Module, sums: Tensor) -> Tensor:
        """Sum over all processes: the net's gradients, in place, and `sums`, which are returned."""
        if self.size == 1:
            return sums
        gradients = [p.grad for p in net.parameters() if p.grad is not None]
        flat = sum_over_processes(torch.cat([*(gradient.flatten() for gradient in gradients), sums.float()]))
        lengths = [*(gradient.numel() for gradient in gradients), len(sums)]
        *totals, sums = flat.split(lengths)  # type: ignore[no-untyped-call]
        for gradient, total in zip(gradients, totals, strict=True):
            gradient.copy_(total.view(gradient.shape))
        return sums

    def reduce_mean(self, mean: float, n: int) -> float:
        """The mean over the images of all processes, from each process's mean over its `n` images."""
        if self.size == 1:
            return mean
        sum_and_count = torch.tensor([mean * n if n else 0.0, n], dtype=torch.float64, device=collective_device())
        total = sum_over_processes(sum_and_count)
        return float(total[0] / total[1])

    def reduce_any(self, flag: bool) -> bool:
        """Whether the flag is set in any process; all get the same answer."""
        if self.size == 1:
            return flag
        return bool(sum_over_processes(torch.tensor([float(flag)], device=collective_device())) > 0)

    def broadcast(self, text: str = "") -> str:
        """The main process's text, in all processes, which wait for it."""
        return text if self.size == 1 else broadcast_text(text)

    @contextmanager
    def exit_together(self) -> Iterator[None]:
        """On an error that stops all processes at the same step, wait until the main process has recorded it.

        torchrun ends all processes as soon as one of them exits with an error.
        """
        try:
            yield
        except (Interrupted, NonFiniteError):
            self.broadcast()
            raise


SINGLE_PROCESS = ProcessGroup()


def is_launched_by_torchrun() -> bool:
    """Whether torchrun started this process as one of several."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1 and "RANK" in os.environ


def join_process_group(device: str) -> ProcessGroup:
    """Join the processes that torchrun started; SINGLE_PROCESS without torchrun. device: `cpu` or `cuda`.

    Initializes torch.distributed for this process, until it exits.
    """
    if not is_launched_by_torchrun():
        return SINGLE_PROCESS
    if not dist.is_initialized():
        with connection_errors():
            dist.init_process_group("nccl" if device.startswith("cuda") else "gloo")
        atexit.register(dist.destroy_process_group)
    return ProcessGroup(dist.get_rank(), dist.get_world_size())
