"""The fastest precision, memory format and threads for a run's own net, measured by a few of its training steps.

The steps are those of copies, so nothing of the run changes. Runs that are too short for it keep the best guess.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, field, replace
from math import ceil
from typing import Any

import torch
from torch import Tensor, nn

from assay.core.processor import CoreUseMeter, can_bf16
from assay.core.randomness import seeded
from assay.core.runtime import Runtime
from assay.experiments.remembered_choice import choice_key, recall, remember
from assay.training.loader import BatchLoader, Loader
from assay.training.step_timing import time_candidates
from assay.training.thread_watch import thread_levels
from assay.training.trainer import Trainer

SHORTEST_RUN_SECONDS = 20.0  # estimated; measuring takes about two seconds and gains a third at most
STAGE_SECONDS = 1.0  # for the number of threads, and again for precision and memory format
STEP_SECONDS = 0.1  # of a timed step: large batches are timed on a part of their images
SHORTEST_TIMING_SECONDS = 0.02  # small steps are timed several at once
SMALLEST_BATCH = 8
BUSY_CORES = 0.25  # used by other processes

TrainerOf = Callable[[nn.Module, Runtime], Trainer]
Timer = Callable[[Runtime, Callable[[], None]], float]  # runs some steps with a candidate and returns the seconds


@dataclass(frozen=True)
class RuntimeChoice:
    """runtime: for the run. source: default, measured or remembered. milliseconds: of a step, for each candidate."""

    runtime: Runtime
    source: str = "default"
    milliseconds: dict[str, float] = field(default_factory=dict)

    def text(self) -> str:
        """The choice as part of a line for the user; empty for the default."""
        if self.source == "default":
            return ""
        name = describe(self.runtime)
        if self.source == "remembered":
            return f"{name}, the fastest when this net was last measured here"
        times = (f"{name} {value:.3g}" for name, value in self.milliseconds.items())
        return f"{name} is the fastest for this net (ms for the same images: {', '.join(times)})"

    def record(self) -> dict[str, Any]:
        """The choice for environment.json; empty for the default."""
        if self.source == "default":
            return {}
        return {"runtime_choice": {"source": self.source, "milliseconds": self.milliseconds}}


def describe(runtime: Runtime) -> str:
    """Such as `fp32, channels_last, 2 threads`."""
    memory_format = "channels_last" if runtime.channels_last else "contiguous"
    return f"{runtime.precision} {memory_format} {runtime.threads} thread{'s' if runtime.threads > 1 else ''}"


def choose_for_net(
    net: nn.Module, trainer_of: TrainerOf, loader: Loader, batch_size: int, runtime: Runtime, timer: Timer | None = None
) -> RuntimeChoice:
    """The fastest runtime for training this net, among those that the options leave open.

    trainer_of: makes a trainer of a copy of the net. timer: replaces the clock, in tests.
    Nothing is measured on a GPU, for heads on cached features, and for runs that are estimated to be shorter than
    SHORTEST_RUN_SECONDS.
    """
    choice = RuntimeChoice(runtime.as_measured())
    if (runtime.measures_precision or runtime.measures_threads) and isinstance(loader, BatchLoader):
        # Your own module may not be copied, or its copy may not run: then the run itself will tell.
        with seeded(0), suppress(Exception):
            choice = _Measurement(net, trainer_of, loader, batch_size, runtime, timer or time_steps).choose()
    if runtime.threads_may_change:
        choice.runtime.set_threads()
    return choice


class _Measurement:
    """Times training steps of copies of a net."""

    def __init__(
        self, net: nn.Module, trainer_of: TrainerOf, loader: BatchLoader, batch_size: int, runtime: Runtime,
        timer: Timer,
    ) -> None:  # fmt: skip
        self.timer = timer
        self.net, self.trainer_of, self.loader, self.runtime = net, trainer_of, loader, runtime
        self.batch_size = min(batch_size, len(loader))
        self.trainers: dict[tuple[str, bool], Trainer] = {}
        self.batch, self.repeats = self._pixels(self.batch_size), 1

    def choose(self) -> RuntimeChoice:
        """The choice. A short run keeps the default, whatever is remembered: its numbers then stay the same."""
        if self._estimate_seconds() < SHORTEST_RUN_SECONDS:
            return RuntimeChoice(self.runtime.as_measured())
        key = choice_key(self.net, self.loader.preprocess.shape, self.batch_size, self.runtime)
        runtime = recall(key, self.runtime)
        if not (runtime.measures_precision or runtime.measures_threads):
            return RuntimeChoice(runtime, "remembered")
        meter = CoreUseMeter()
        runtime, times = self._measure(runtime)
        use = meter.read()
        remember(key, runtime, with_threads=use is None or use.foreign <= BUSY_CORES)
        milliseconds = {describe(candidate): round(1000 * seconds, 3) for candidate, seconds in times.items()}
        return RuntimeChoice(runtime.as_measured(), "measured", milliseconds)

    def _measure(self, runtime: Runtime) -> tuple[Runtime, dict[Runtime, float]]:
        """The fastest number of threads, then with it the fastest precision and memory format; all times."""
        times = dict[Runtime, float]()
        for candidates in (thread_candidates, precision_candidates):
            choices = candidates(runtime)
            if len(choices) > 1:
                timings = time_candidates(choices, self._time_step, STAGE_SECONDS)
                runtime = timings.fastest(runtime)
                times |= timings.least
        return runtime, times

    def _estimate_seconds(self) -> float:
        """The time of all epochs with the default, from a step that takes about STEP_SECONDS or has a whole batch."""
        n = min(self.batch_size, max(SMALLEST_BATCH, 2 * self.runtime.threads))
        while True:
            self.batch = self._pixels(n)
            self._time_step(self.runtime)  # one-time set-up
            seconds = self._time_step(self.runtime)
            if n == self.batch_size or seconds > STEP_SECONDS / 2:
                break
            n = min(2 * n, self.batch_size)
        self.repeats = max(1, ceil(SHORTEST_TIMING_SECONDS / seconds))
        return seconds / n * len(self.loader) * self._trainer(self.runtime).cumulative_cost[-1]

    def _pixels(self, n: int) -> tuple[Tensor, Tensor]:
        """The first `n` training images as a batch of the last epoch, which has full-size images."""
        pixels, labels = self.loader.batch(torch.arange(n), self._last_epoch, seed=0)
        return pixels.contiguous(), labels

    @property
    def _last_epoch(self) -> int:
        return self._trainer(self.runtime).recipe.training.epochs - 1

    def _trainer(self, runtime: Runtime) -> Trainer:
        key = runtime.precision, runtime.channels_last
        if key not in self.trainers:
            trainer = self.trainer_of(deepcopy(self.net), runtime.as_fixed())
            trainer.prepare_epoch(trainer.recipe.training.epochs - 1)
            self.trainers[key] = trainer
        return self.trainers[key]

    def _time_step(self, runtime: Runtime) -> float:
        """Train on the batch with a candidate and return the seconds."""
        trainer, (pixels, labels) = self._trainer(runtime), self.batch

        def train_steps() -> None:
            for _ in range(self.repeats):  # the conversion is part of it: pixels come in the standard format
                trainer.step(0, 0, runtime.batch(pixels), labels).sum().item()

        runtime.set_threads()
        return self.timer(runtime, train_steps) / self.repeats


def time_steps(runtime: Runtime, train_steps: Callable[[], None]) -> float:
    """The seconds that the steps take."""
    start = time.perf_counter()
    train_steps()
    return time.perf_counter() - start


def thread_candidates(runtime: Runtime) -> list[Runtime]:
    """The runtime with all threads and with fewer, down to a quarter: still fewer would take long to measure."""
    maximum = runtime.max_threads
    if maximum is None or not runtime.measures_threads:
        return [runtime]
    levels = [level for level in reversed(thread_levels(maximum)) if 4 * level >= maximum]
    return [replace(runtime, threads=threads) for threads in levels]


def precision_candidates(runtime: Runtime) -> list[Runtime]:
    """The runtime with each precision and memory format that is open and sound on this processor."""
    if not runtime.measures_precision:
        return [runtime]
    precisions = ("fp32", "bf16") if can_bf16() else ("fp32",)
    return [
        replace(runtime, precision=precision, channels_last=channels_last)  # type: ignore[arg-type]
        for precision in precisions
        for channels_last in (True, False)
    ]
