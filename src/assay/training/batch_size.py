"""The largest batch that fits, for `training.batch_size: auto`: found by real steps, which leave no trace."""

from collections.abc import Callable
from math import inf

from assay.core.errors import AssayError, UsageError
from assay.training.memory import ERRORS, available_bytes, peak_bytes, ran_out, release, used_bytes
from assay.training.trainer import Trainer

START, MOST = 8, 4096  # a larger batch than this is not tried
SHARE = 0.5  # of the memory that is free on a CPU, where asking for too much can end the process


def find_batch_size(trainer: Trainer) -> tuple[int, str]:
    """The batch size, and a sentence on how it was found. Raises AssayError where not even START images fit.

    A GPU is asked for twice as much until it has no more. On a CPU a size is tried only if twice the memory that half
    of it took stays within the budget.
    """
    if trainer.process_group.size > 1:
        raise UsageError("training.batch_size: auto is for one process; say a number with torchrun")
    on_cpu = trainer.runtime.device == "cpu"
    base, limit, text = _budget() if on_cpu else (0.0, inf, "until memory ran out")
    with trainer.dry_run() as twin:

        def step(size: int) -> float:
            twin.try_batch(size)
            return peak_bytes() if on_cpu else 0.0

        size = largest(step, min(MOST, len(trainer.loader)), base, limit)
    release(trainer.runtime.device)
    return (
        size,
        f"training.batch_size: auto found {size}, by doubling from {START} {text}; the recipe of the run says so",
    )


def largest(step: Callable[[int], float], most: int, base: float, limit: float) -> int:
    """The largest of 8, 16, 32, ... and `most` that fits.

    step: trains on so many images and returns the most memory that was used, in bytes, of which `base` is there without
    any; it may raise an error that says that there was none left.
    """
    size, fitting = min(START, most), 0
    while True:
        try:
            used = step(size)
        except ERRORS as error:
            if not ran_out(error):
                raise
            if not fitting:
                raise AssayError(
                    f"not even {size} images fit into memory; use a smaller net or smaller images"
                ) from None
            return fitting
        fitting = size
        if size == most or base + 2 * (used - base) > limit:
            return fitting
        size = min(2 * size, most)


def _budget() -> tuple[float, float, str]:
    """Memory used now, the most that may be used, and how to say it."""
    available = available_bytes()
    if available is None:
        raise UsageError("training.batch_size: auto cannot tell how much memory this machine has; say a number")
    budget = SHARE * available
    return used_bytes(), used_bytes() + budget, f"within {budget / 2**30:.1f} GiB, half of what is free"
