"""The Laps: the clock that every tool's epochs are measured with, and the one line of JSON that a tool prints."""

import json
import time
from dataclasses import asdict
from importlib.metadata import version

from benchmarks.task import Task


class Laps:
    """Times epochs: `start`, then `trained` after the last batch, then `validated` when there is a validation."""

    def __init__(self) -> None:
        self.epochs: list[dict[str, float | None]] = []
        self._started = 0.0

    def start(self) -> None:
        """An epoch begins."""
        self._started = time.perf_counter()

    def trained(self, images: int) -> None:
        """Its training is over, after so many images."""
        seconds = time.perf_counter() - self._started
        self.add(images / seconds, seconds, None)

    def validated(self, accuracy: float) -> None:
        """Its validation is over."""
        self.epochs[-1] |= {"seconds": time.perf_counter() - self._started, "validation_accuracy": float(accuracy)}

    def add(self, images_per_second: float, seconds: float, accuracy: float | None) -> None:
        """An epoch that was measured elsewhere."""
        row = {"images_per_second": images_per_second, "seconds": seconds, "validation_accuracy": accuracy}
        self.epochs.append(row)

    def print(self, tool: str, task: Task, packages: tuple[str, ...]) -> None:
        """Print the measurement as one line of JSON."""
        rates = [row["images_per_second"] for row in self.epochs]
        versions = {name: version(name) for name in packages}
        line = {"tool": tool, **asdict(task), "images_per_second": rates, "epochs": self.epochs, "versions": versions}
        print(json.dumps(line), flush=True)
