"""How far a training run is, and how long the rest takes."""

from collections.abc import Sequence

from assay.training.callbacks import Progress
from assay.training.checkpoint import TrainState


def measure_progress(state: TrainState, images: int, epoch_images: int, cumulative_cost: Sequence[float]) -> Progress:
    """The progress within an epoch that is not finished.

    images: how many of the epoch's `epoch_images` are trained. cumulative_cost: the cost of all epochs before each
    epoch and after the last, in epochs of full-size images.
    """
    epoch = len(state.history)
    start, end, total = cumulative_cost[epoch], cumulative_cost[epoch + 1], cumulative_cost[-1]
    cost = start + (end - start) * images / epoch_images
    seconds = sum(row.seconds for row in state.history) + state.epoch_seconds
    return Progress(
        epoch=epoch + 1,
        epochs=len(cumulative_cost) - 1,
        images=images,
        epoch_images=epoch_images,
        loss=state.sums[0] / images,
        accuracy=state.sums[1] / images,
        images_per_second=images / state.epoch_seconds,
        seconds_left=max(0.0, seconds * (total - cost) / cost),
    )
