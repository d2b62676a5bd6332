"""`make bench-gpu`: all benchmarks that need an NVIDIA GPU, in less than nine minutes, written after each item.

The items are assay's fast/cifar10-94 and airbench94_muon on the same GPU, fast/cifar10-96, five-conv, cerberus and the
ten kth steps. A recipe that exceeds its share of the time is stopped; its full time is projected from the epochs that
it finished, and marked so. `--toy` runs everything with a few images on any machine, as a check.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from statistics import median
from subprocess import PIPE
from threading import Timer
from typing import Any

import torch

import assay
from assay.core.errors import AssayError
from assay.core.files import atomic_write, write_json
from assay.core.runtime import Runtime
from assay.data.datasets.catalog import load_dataset
from assay.models.special_layers import WhiteningConv
from assay.recipes.loader import read_recipe, recipe_names
from assay.recipes.recipe import Recipe
from assay.training.callbacks import Callback, Progress
from assay.training.history import Epoch
from benchmarks import gpu_page
from benchmarks.airbench import why_not
from benchmarks.ceiling import ceilings
from benchmarks.gpu_page import FAST, HARDER, RIVAL
from benchmarks.machine import ROOT
from benchmarks.task import synthetic

HARDER_RUNS = 3
KTH = tuple(name for name in recipe_names() if name.startswith("kth/"))
LONG = ("mlflow-grid/five-conv", "mlflow-grid/cerberus", *KTH)
SHARES = {
    FAST: 0.3,
    RIVAL: 0.5,
    HARDER: 0.3,
}  # of the time left when an item begins; the long runs share the rest equally
TOY_IMAGES, TOY = 48, {"training.epochs": 1, "training.batch_size": 16}


class OutOfTimeError(Exception):
    """An item has used its share of the time."""


class Deadline(Callback):
    """Collects the epochs, and stops a run after a step when its time is up."""

    def __init__(self, seconds: float) -> None:
        self.rows: list[Epoch] = []
        self.end = time.monotonic() + seconds

    def on_step(self, progress: Progress) -> None:
        """Stop the run when the time is up."""
        if time.monotonic() > self.end:
            raise OutOfTimeError

    def on_epoch_end(self, row: Epoch, is_best: bool) -> None:
        """Collect the epoch."""
        self.rows.append(row)


class Bench:
    """The images, the machine and the measurements so far."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.end: float = time.monotonic() + 60 * options.minutes
        toy = options.toy
        self.images = synthetic(TOY_IMAGES) if toy else load_dataset("cifar10", "train")
        self.test = synthetic(TOY_IMAGES, seed=1) if toy else load_dataset("cifar10", "test")
        self.runtime = Runtime.choose("cpu" if toy else "cuda", threads=options.threads)
        self.content: dict[str, Any] = {"environment": self.runtime.environment(), "toy": toy, "items": {}}

    @property
    def seconds_left(self) -> float:
        """Seconds until the end of the budget."""
        return self.end - time.monotonic()

    def record(self, item: str, value: Any) -> None:
        """Record the result of an item so far, and write gpu.json and gpu.md."""
        self.content["items"][item] = value
        write_json(self.options.out / "gpu.json", self.content)
        atomic_write(self.options.out / "gpu.md", gpu_page.page(self.content))

    def recipe(self, name: str, seed: int) -> Recipe:
        """A built-in recipe with a seed; tiny with `--toy`."""
        return read_recipe(name).override({"seed": seed, **(TOY if self.options.toy else {})})


def train(bench: Bench, recipe: Recipe, seconds: float) -> dict[str, Any]:
    """One run, stopped after `seconds`: its times, its test accuracies, and whether it finished."""
    callback, run = Deadline(seconds), None
    whitening: list[float] = []
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder, time_whitening(whitening), suppress(OutOfTimeError):
        run = assay.train(
            recipe, images=bench.images, test=bench.test, runs=Path(folder), runtime=bench.runtime, callback=callback,
            mlflow=False,
        )  # fmt: skip
        results = run.results
    row: dict[str, Any] = {
        "seed": recipe.seed, "epochs": len(callback.rows), "of": recipe.training.epochs, "finished": run is not None,
        "wall_seconds": time.perf_counter() - start, "train_seconds": sum(epoch.seconds for epoch in callback.rows),
        "whitening_seconds": sum(whitening),
        "images_per_second": [epoch.images_per_second for epoch in callback.rows],
        "validation_accuracy": max((epoch.validation_accuracy or 0.0 for epoch in callback.rows), default=0.0) or None,
    }  # fmt: skip
    if run is None:
        return row
    views = results.get(f"test-{recipe.test_views}-views")
    row["plain_accuracy"] = results["test"]["accuracy"]
    row["accuracy"] = (views or results["test"])["accuracy"]
    # what airbench measures: training, whitening, evaluation with six views
    row["seconds"] = row["train_seconds"] + row["whitening_seconds"] + (views or results["test"])["seconds"]
    return row


@contextmanager
def time_whitening(seconds: list[float]) -> Iterator[None]:
    """Patch WhiteningConv.fit to append its seconds to a list; airbench counts them too."""
    plain = WhiteningConv.fit

    def fit(self: WhiteningConv, *arguments: Any, **options: Any) -> None:
        start = time.perf_counter()
        plain(self, *arguments, **options)
        seconds.append(time.perf_counter() - start)

    WhiteningConv.fit = fit  # type: ignore[method-assign]
    try:
        yield
    finally:
        WhiteningConv.fit = plain  # type: ignore[method-assign]


def measure_replicates(bench: Bench, name: str, runs: int) -> None:
    """A fast recipe with seeds 0, 1, ..., after one run that warms up the compilers and does not count."""
    end = time.monotonic() + bench.seconds_left * SHARES[name]
    rows: list[dict[str, Any]] = []
    warm_up = () if bench.options.toy else (-1,)
    for seed in (*warm_up, *range(runs)):
        row = train(bench, bench.recipe(name, max(seed, 0)), end - time.monotonic())
        if not row["finished"]:
            break
        if seed >= 0:
            bench.record(name, [*rows, row])
            rows.append(row)
    if not rows:
        bench.record(name, {"skipped": "no run fitted into the time left"})


def measure_rival(bench: Bench, runs: int) -> None:
    """airbench94_muon from the user's checkout, in a separate process."""
    if reason := why_not(bench.options.airbench):
        bench.record(RIVAL, {"skipped": reason})
        return
    command = [sys.executable, "-m", "benchmarks.airbench", str(bench.options.airbench.resolve()), "--runs", str(runs)]
    log, rows = bench.options.out / "airbench.log", []
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w") as errors, subprocess.Popen(command, cwd=ROOT, stdout=PIPE, stderr=errors, text=True) as process:
        timer = Timer(bench.seconds_left * SHARES[RIVAL], process.kill)
        timer.start()
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("{"):
                rows.append(json.loads(line))
                bench.record(RIVAL, rows)
        timer.cancel()
    if not rows:
        bench.record(RIVAL, {"skipped": (log.read_text().strip().splitlines() or ["no run fitted into its time"])[-1]})


def measure_long_run(bench: Bench, name: str, seconds: float) -> None:
    """One run of a paper's recipe, to the end or until its time is up."""
    row = train(bench, bench.recipe(name, 0), seconds)
    rates = row["images_per_second"]
    if rates and not row["finished"]:
        epoch = row["train_seconds"] / row["epochs"]
        row["projected_seconds"] = epoch * row["of"]
    bench.record(name, {**row, "images_per_second": median(rates[1:] or rates) if rates else None})


def measure_with_share(bench: Bench, name: str, runs_left: int) -> None:
    """A long run with an equal share of the time that is left."""
    measure_long_run(bench, name, bench.seconds_left / runs_left)


def items(bench: Bench) -> list[tuple[str, Callable[[], None]]]:
    """The measurements, the most important first; without those that assay has no recipe for."""
    runs = bench.options.runs
    entries: list[tuple[str, Callable[[], None]]] = [
        ("ceilings", lambda: bench.record("ceilings", ceilings(bench.runtime.device, toy=bench.options.toy))),
        (FAST, lambda: measure_replicates(bench, FAST, runs)),
        (RIVAL, lambda: measure_rival(bench, runs)),
    ]
    if HARDER in recipe_names():
        entries.append((HARDER, lambda: measure_replicates(bench, HARDER, min(runs, HARDER_RUNS))))
    names = [name for name in LONG if not bench.options.items or name in bench.options.items]
    for i, name in enumerate(names):
        runs_left = len(names) - i
        entries.append((name, partial(measure_with_share, bench, name, runs_left)))
    return [(name, work) for name, work in entries if not bench.options.items or name in bench.options.items]


def read_options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="assay on an NVIDIA GPU, and airbench94 beside it.")
    parser.add_argument("--out", type=Path, default=Path("build/bench-gpu"))
    parser.add_argument("--airbench", type=Path, metavar="DIR", help="your checkout of cifar10-airbench")
    parser.add_argument("--minutes", type=float, default=8.5, help="total time")
    parser.add_argument("--runs", type=int, default=20, help="runs of each fast recipe")
    parser.add_argument(
        "--items", nargs="+", metavar="NAME", help="only these items: ceilings, airbench94, names of recipes"
    )
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--toy", action="store_true", help="a few random images, on the CPU")
    return parser.parse_args()


def main() -> None:
    """Measure item by item. A failure is recorded, and the next item begins."""
    options = read_options()
    if not options.toy and not torch.cuda.is_available():
        sys.exit("PyTorch finds no NVIDIA GPU; to check that everything runs: python -m benchmarks.gpu --toy")
    try:
        bench = Bench(options)
    except AssayError as error:
        sys.exit(str(error))
    for name, work in items(bench):
        if bench.seconds_left <= 0:
            bench.record(name, {"skipped": "the time was up"})
            continue
        try:
            work()
        except (AssayError, RuntimeError) as error:
            has_runs = name in bench.content["items"]  # the runs before the one that failed stay
            bench.record(f"{name}, a run" if has_runs else name, {"skipped": f"{type(error).__name__}: {error}"})
        print(
            f"{name}: {gpu_page.line(bench.content['items'][name])}; {max(bench.seconds_left, 0):.0f} s left",
            flush=True,
        )
    print(json.dumps({"out": str(options.out)}))


if __name__ == "__main__":
    main()
