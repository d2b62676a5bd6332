"""Laps: the clock for the epochs of every tool, and the line of JSON that a tool prints."""

import json
import time
from dataclasses import asdict
from importlib.metadata import version

from benchmarks.task import Task


class Laps:
    """Times epochs: `start`, `end_training` after the last batch, and `end_validation` if there is a validation."""

    def __init__(self) -> None:
        self.epochs: list[dict[str, float | None]] = []
        self._start = 0.0

    def start(self) -> None:
        """Start an epoch."""
        self._start = time.perf_counter()

    def end_training(self, images: int) -> None:
        """End the training of an epoch of that many images."""
        seconds = time.perf_counter() - self._start
        self.add(images / seconds, seconds, None)

    def end_validation(self, accuracy: float) -> None:
        """End the validation of an epoch."""
        self.epochs[-1] |= {"seconds": time.perf_counter() - self._start, "validation_accuracy": float(accuracy)}

    def add(self, images_per_second: float, seconds: float, accuracy: float | None) -> None:
        """Add an epoch that was measured elsewhere."""
        row = {"images_per_second": images_per_second, "seconds": seconds, "validation_accuracy": accuracy}
        self.epochs.append(row)

    def print(self, tool: str, task: Task, packages: tuple[str, ...]) -> None:
        """Print the measurement as one line of JSON."""
        rates = [row["images_per_second"] for row in self.epochs]
        versions = {name: version(name) for name in packages}
        line = {"tool": tool, **asdict(task), "images_per_second": rates, "epochs": self.epochs, "versions": versions}
        print(json.dumps(line), flush=True)
