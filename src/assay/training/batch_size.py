"""`training.batch_size: auto`: the largest batch that fits in memory, found by training steps that are then undone."""

from collections.abc import Callable
from math import inf

from assay.core.errors import AssayError, UsageError
from assay.training.dry_run import dry_run, try_batch
from assay.training.memory import (
    MEMORY_ERRORS,
    available_bytes,
    free_memory,
    is_out_of_memory,
    peak_bytes,
    used_bytes,
)
from assay.training.trainer import Trainer

SMALLEST, LARGEST = 8, 4096  # batch sizes that are tried
MEMORY_SHARE = 0.5  # of a CPU's free memory: a process that asks for too much may be killed


def find_batch_size(trainer: Trainer) -> tuple[int, str]:
    """The batch size and a sentence on how it was found. Raises AssayError if not even SMALLEST images fit.

    A GPU tries twice the size until memory runs out. A CPU tries a size only if twice the memory of half that size
    stays within the budget.
    """
    if trainer.process_group.size > 1:
        raise UsageError("training.batch_size: auto is for one process; give a number with torchrun")
    on_cpu = trainer.runtime.device == "cpu"
    base, limit, stop = _budget() if on_cpu else (0.0, inf, "until memory ran out")

    def step(size: int) -> float:
        try_batch(trainer, size)
        return peak_bytes() if on_cpu else 0.0

    with dry_run(trainer):
        size = largest_batch(step, min(LARGEST, len(trainer.loader)), base, limit)
    free_memory(trainer.runtime.device)
    message = f"training.batch_size: auto found {size}, by doubling from {SMALLEST} {stop}"
    return size, f"{message}; it is written to the run's recipe"


def largest_batch(step: Callable[[int], float], largest: int, base: float, limit: float) -> int:
    """The largest of 8, 16, 32, ... and `largest` that fits.

    step: trains on that many images and returns the peak memory in bytes, where `base` is in use without any image;
    it may raise an out-of-memory error.
    """
    size, fitting = min(SMALLEST, largest), 0
    while True:
        try:
            peak = step(size)
        except MEMORY_ERRORS as error:
            if not is_out_of_memory(error):
                raise
            if fitting:
                return fitting
            raise AssayError(f"not even {size} images fit into memory; use a smaller net or smaller images") from None
        fitting = size
        if size == largest or base + 2 * (peak - base) > limit:
            return fitting
        size = min(2 * size, largest)


def _budget() -> tuple[float, float, str]:
    """Memory used now, the most that may be used, and the limit as text."""
    available = available_bytes()
    if available is None:
        raise UsageError("training.batch_size: auto cannot tell how much memory this machine has; give a number")
    budget = MEMORY_SHARE * available
    return used_bytes(), used_bytes() + budget, f"within {budget / 2**30:.1f} GiB, half of the free memory"
