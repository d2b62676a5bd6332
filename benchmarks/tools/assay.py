"""assay: train a recipe."""

import tempfile
import time
from pathlib import Path

import assay
from assay.core.runtime import Runtime
from assay.training.callbacks import Callback
from assay.training.history import Epoch
from benchmarks.laps import Laps
from benchmarks.task import read_task, synthetic


class Clock(Callback):
    """Records each epoch: its images/s from assay's history, its seconds from a separate clock."""

    def __init__(self) -> None:
        self.laps, self.last = Laps(), time.perf_counter()

    def on_message(self, text: str) -> None:
        """Start the clock; the last message comes right before training."""
        self.last = time.perf_counter()

    def on_epoch_end(self, row: Epoch, is_best: bool) -> None:
        """Record all time since the last epoch: training, validation, writing files."""
        now = time.perf_counter()
        self.laps.add(row.images_per_second, now - self.last, row.validation_accuracy)
        self.last = now


def main() -> None:
    """Measure."""
    task, clock = read_task(), Clock()
    runtime = Runtime.choose("cpu", precision="fp32" if task.way == "fp32" else "auto")
    with tempfile.TemporaryDirectory() as folder:
        assay.train(
            task.recipe,
            images=task.pictures(),
            test=synthetic(100),  # the test set is not measured
            runs=Path(folder),
            runtime=runtime,
            callback=clock,
            mlflow=False,
        )
    clock.laps.print("assay", task, ("assay", "torch"))


if __name__ == "__main__":
    main()
