"""The time of a training step of assay by groups of operators, for each net, from torch.profiler; as markdown.

The profiler is switched on and off between steps of `assay.train` itself.
"""

import argparse
import os
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import torch
from torch.autograd.profiler_util import FunctionEvent
from torch.profiler import ProfilerActivity, profile, record_function

import assay
from assay.core.files import atomic_write
from assay.core.runtime import Runtime
from assay.data.imageset import ImageSet
from assay.training.callbacks import Callback, Progress
from assay.training.loader import BatchLoader
from benchmarks.machine import machine_line
from benchmarks.tables import markdown
from benchmarks.task import NETS, Task, synthetic

LOADER = "augmentation and preprocess"
UNEXPLAINED_TIME = "other, Python"
# An operator belongs to the first group with a word in its name; scopes of several operators count as a whole.
SCOPES = {LOADER: (LOADER,), "optimizer": ("Optimizer.step", "Optimizer.zero_grad")}
GROUPS = {
    "convolution": ("conv",),
    "pooling": ("pool",),
    "normalization, activation": (
        "batch_norm",
        "relu",
        "threshold",
        "gelu",
        "dropout",
        "bernoulli",
        "elu",
        "clamp_min",
    ),
    "linear": ("linear", "addmm", "aten::mm", "matmul", "aten::t", "AddmmBackward"),
    "loss": ("softmax", "nll", "cross_entropy", "argmax"),
    "casts, copies": ("copy", "aten::to", "clone", "contiguous", "_to_copy"),
}
WARM_UP, STEPS = 3, 21  # whole groups of the loader: 7 batches of 64 each, or 3 of 128


class Window(Callback):
    """Profiles the steps after the warm-up."""

    def __init__(self) -> None:
        self.profile, self.steps, self.seconds = profile(activities=[ProfilerActivity.CPU]), 0, 0.0

    def on_step(self, progress: Progress) -> None:
        """After each step: start, count or stop."""
        self.steps += 1
        if self.steps == WARM_UP:
            self.profile.start()
            self.seconds = time.perf_counter()
        if self.steps == WARM_UP + STEPS:
            self.seconds = time.perf_counter() - self.seconds
            self.profile.stop()


def group_of(event: FunctionEvent) -> str:
    """The group of an operator: that of its scope, else by its own name, else by that of a caller."""
    chain, at = [event.name], event.cpu_parent
    while at is not None:
        chain.append(at.name)
        at = at.cpu_parent
    for name, words in SCOPES.items():
        if any(word in caller for caller in chain for word in words):
            return name
    for caller in chain:
        for name, words in GROUPS.items():
            if any(word in caller for word in words):
                return name
    return UNEXPLAINED_TIME


def milliseconds(events: list[FunctionEvent], seconds: float, steps: int) -> dict[str, float]:
    """Self time of each group in a step, in ms. Wall time that no operator explains is the last group."""
    total: dict[str, float] = defaultdict(float)
    for event in events:
        total[group_of(event)] += event.self_cpu_time_total / 1000 / steps
    by_group = {name: total[name] for name in (LOADER, *GROUPS, "optimizer")}
    return {**by_group, UNEXPLAINED_TIME: 1000 * seconds / steps - sum(by_group.values())}


def profile_task(task: Task, images: ImageSet) -> dict[str, float]:
    """Train on images and profile some steps."""
    window = Window()
    plain = BatchLoader.batch

    def scoped_batch(self: BatchLoader, *arguments: Any) -> Any:
        with record_function(LOADER):
            return plain(self, *arguments)

    BatchLoader.batch = scoped_batch  # type: ignore[assignment, method-assign]
    try:
        with tempfile.TemporaryDirectory() as folder:
            assay.train(
                task.recipe, images=images, test=synthetic(20), runs=Path(folder),
                runtime=Runtime.choose("cpu", threads=torch.get_num_threads()), callback=window, mlflow=False,
            )  # fmt: skip
    finally:
        BatchLoader.batch = plain  # type: ignore[method-assign]
    events = window.profile.events()
    return milliseconds(list(events or []), window.seconds, STEPS)


def main() -> None:
    """Profile the nets and write a markdown page."""
    parser = argparse.ArgumentParser(description="Where the time of one training step goes, as a markdown page.")
    parser.add_argument("--nets", nargs="+", choices=NETS, default=["two-conv", "five-conv", "cerberus"])
    parser.add_argument("--out", type=Path, default=Path("build/bench/profile.md"))
    options = parser.parse_args()
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", torch.get_num_threads())))
    parts = [f"# One training step\n\nMean of {STEPS} steps, {torch.get_num_threads()} threads. {machine_line()}\n"]
    for net in options.nets:
        task = Task(net, epochs=1)
        times = profile_task(task, synthetic((WARM_UP + STEPS + 1) * task.batch_size))
        whole = sum(times.values())
        rows = [[name, f"{ms:.2f}", f"{100 * ms / whole:.1f} %"] for name, ms in times.items()]
        rows.append(["all", f"{whole:.2f}", "100 %"])
        parts.append(f"## {net}, batch {task.batch_size}\n\n{markdown(['group', 'ms', 'share'], rows)}")
        print(parts[-1], flush=True)
    atomic_write(options.out, "\n".join(parts))


if __name__ == "__main__":
    main()
