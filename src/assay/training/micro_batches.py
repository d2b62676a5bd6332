"""Gradient accumulation: a batch that does not fit in memory is trained in micro-batches."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from assay.core.errors import AssayError
from assay.core.randomness import seeded
from assay.core.runtime import Runtime
from assay.models.fused import fuse
from assay.recipes.named_sections import LossFunction
from assay.training.callbacks import Callback
from assay.training.checkpoint import TrainState
from assay.training.distributed import ProcessGroup
from assay.training.losses import hard_labels
from assay.training.memory import MEMORY_ERRORS, free_memory, is_out_of_memory

Forward = Callable[[Tensor], Tensor]


class GradientAccumulator:
    """Computes the gradients of a batch. Each time memory runs out, the number of micro-batches doubles.

    net: the module that takes the loader's batches. The number of micro-batches is part of the TrainState.
    """

    def __init__(self, net: nn.Module, loss: LossFunction, runtime: Runtime, process_group: ProcessGroup) -> None:
        self.eager = fuse(net)
        self.forward = runtime.compile(self.eager)
        self.has_batch_norm = any(isinstance(module, _BatchNorm) for module in net.modules())
        self.loss, self.runtime, self.process_group = loss, runtime, process_group
        self.announced_count = 1

    def __call__(self, state: TrainState, pixels: Tensor, labels: Tensor, n: int, seed: int) -> Tensor:
        """Set the gradients of the mean loss over a batch of `n` images in all processes; `seed` decides dropout.

        pixels, labels: this process's part of the batch. Returns the sums of loss and hits, (2,), on the device.
        Raises AssayError if memory runs out with the smallest micro-batches.
        """
        while True:
            # A GPU's graphs are recorded for whole batches; micro-batches have other sizes.
            forward = self.forward if state.micro_batches == 1 else self.eager
            try:
                return self.accumulate(forward, state, pixels, labels, n, seed)
            except MEMORY_ERRORS as error:
                if not is_out_of_memory(error):
                    raise
                self._double(state, len(labels), str(error).partition("\n")[0])
            free_memory(self.runtime.device)  # out here the error no longer keeps its tensors alive

    def accumulate(
        self, forward: Forward, state: TrainState, pixels: Tensor, labels: Tensor, n: int, seed: int
    ) -> Tensor:
        """As a call, without the fallback."""
        state.optimizer.zero_grad(set_to_none=True)
        count, sums = self._count(state, len(labels)), []
        with seeded(seed, self.runtime.device):
            for x, y in zip(pixels.tensor_split(count), labels.tensor_split(count), strict=True):
                with self.runtime.autocast():
                    logits = forward(x)
                loss = self.process_group.scale_loss(self.loss(logits, y), len(y), n)
                loss.backward()  # type: ignore[no-untyped-call]
                hits = (logits.argmax(1) == hard_labels(y)).sum()
                sums.append(torch.stack([loss.detach() * n, hits.to(loss.dtype)]))
        return sums[0] if count == 1 else torch.stack(sums).sum(0)

    def announce(self, callback: Callback, state: TrainState, n: int) -> None:
        """Tell the user about a new number of micro-batches, once. n: the images of a batch."""
        if state.micro_batches == self.announced_count:
            return
        self.announced_count = state.micro_batches
        size = -(-n // self._count(state, n))
        message = f"memory ran out: batches are trained in micro-batches of {size} images with accumulated gradients"
        if self.has_batch_norm:
            message += "; batch norm sees one micro-batch at a time, as if batches had that size"
        callback.on_message(message)

    def _count(self, state: TrainState, n: int) -> int:
        """The number of micro-batches for `n` images. Batch norm needs two images in each."""
        smallest = 2 if self.has_batch_norm else 1
        return max(1, min(state.micro_batches, n // smallest))

    def _double(self, state: TrainState, n: int, reason: str) -> None:
        count = self._count(state, n)
        state.micro_batches = 2 * count
        if self.process_group.size > 1:  # the other processes keep their micro-batches, and batch norm waits for them
            raise AssayError(f"memory ran out with {n} images in a process; lower training.batch_size")
        if self._count(state, n) == count:
            size = -(-n // count)
            raise AssayError(
                f"memory ran out with {size} images at once ({reason}); use a smaller net or smaller images"
            )
