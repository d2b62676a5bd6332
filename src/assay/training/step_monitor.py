"""The StepMonitor: what happens after a training step besides training, from the clock to the number of threads."""

from collections.abc import Sequence

from assay.core.runtime import Runtime
from assay.training.callbacks import Callback, Progress
from assay.training.checkpoint import TrainState
from assay.training.distributed import ProcessGroup
from assay.training.progress import measure_progress
from assay.training.thread_watch import ThreadWatch


class StepMonitor:
    """Measures progress, and lets the number of threads follow how busy the machine is, unless it is fixed.

    cumulative_cost: the cost of all epochs before each epoch and after the last, in epochs of full-size images.
    """

    def __init__(
        self, runtime: Runtime, process_group: ProcessGroup, epoch_images: int, cumulative_cost: Sequence[float]
    ) -> None:
        self.epoch_images, self.cumulative_cost = epoch_images, cumulative_cost
        self.thread_watch: ThreadWatch | None = None
        if runtime.max_threads is not None and process_group.size == 1:  # processes of a group wait for each other
            self.thread_watch = ThreadWatch(runtime.threads, runtime.max_threads)

    def begin_epoch(self, epoch: int) -> None:
        """Before the first step of an epoch (from 0), or the first after a run was resumed."""
        if self.thread_watch:
            self.thread_watch.begin_epoch(self.cumulative_cost[epoch + 1] - self.cumulative_cost[epoch])

    def watch_threads(self, callback: Callback, state: TrainState, images: int) -> None:
        """After a step of that many images: change the number of threads where that is faster, and say so."""
        change = self.thread_watch.after_step(images) if self.thread_watch else None
        if change:
            epoch, step = len(state.history) + 1, state.step
            row = {"epoch": epoch, "step": step, "threads": change.after, "before": change.before}
            state.thread_changes.append(row)
            callback.on_message(change.text())

    def progress(self, state: TrainState, images: int) -> Progress:
        """The progress after that many images of the epoch."""
        return measure_progress(state, images, self.epoch_images, self.cumulative_cost)
