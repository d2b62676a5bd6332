"""`make bench-gpu`: everything that an NVIDIA GPU is wanted for, in less than nine minutes, written after each item.

assay's fast/cifar10-94 against airbench94_muon on the same GPU, fast/cifar10-96, five-conv and cerberus, the ten kth
steps. A recipe that does not fit into its share of the minutes is stopped there, and its full time is projected from
the epochs that it did, and called so. `--toy` runs it with a handful of images on any machine, to see that it works.
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
SHARES = {FAST: 0.3, RIVAL: 0.5, HARDER: 0.3}  # of the time left when it begins; the long ones share the rest alike
TOY_IMAGES, TOY = 48, {"training.epochs": 1, "training.batch_size": 16}


class OutOfTimeError(Exception):
    """An item used up its share."""


class Deadline(Callback):
    """Keeps the epochs, and stops a run when its time is up; a late step of an epoch that goes on is enough."""

    def __init__(self, seconds: float) -> None:
        self.rows: list[Epoch] = []
        self.end = time.monotonic() + seconds

    def on_step(self, progress: Progress) -> None:
        """Stop."""
        if time.monotonic() > self.end:
            raise OutOfTimeError

    def on_epoch_end(self, row: Epoch, is_best: bool) -> None:
        """Keep."""
        self.rows.append(row)


class Bench:
    """The images, the machine and what was measured so far."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.end: float = time.monotonic() + 60 * options.minutes
        toy = options.toy
        self.images = synthetic(TOY_IMAGES) if toy else load_dataset("cifar10", "train")
        self.test = synthetic(TOY_IMAGES, seed=1) if toy else load_dataset("cifar10", "test")
        self.runtime = Runtime.choose("cpu" if toy else "cuda", threads=options.threads)
        self.content: dict[str, Any] = {"environment": self.runtime.environment(), "toy": toy, "items": {}}

    @property
    def left(self) -> float:
        """Seconds to the end of the budget."""
        return self.end - time.monotonic()

    def put(self, item: str, value: Any) -> None:
        """Write down what an item gave so far: gpu.json and gpu.md, whole."""
        self.content["items"][item] = value
        write_json(self.options.out / "gpu.json", self.content)
        atomic_write(self.options.out / "gpu.md", gpu_page.page(self.content))

    def recipe(self, name: str, seed: int) -> Recipe:
        """The built-in recipe with that seed; tiny for a toy."""
        return read_recipe(name).override({"seed": seed, **(TOY if self.options.toy else {})})


def train(bench: Bench, recipe: Recipe, seconds: float) -> dict[str, Any]:
    """One run, stopped after `seconds`: its times, accuracies on the test set, and whether it was finished."""
    callback, run = Deadline(seconds), None
    whitening: list[float] = []
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder, clocked(whitening), suppress(OutOfTimeError):
        run = assay.train(
            recipe, images=bench.images, test=bench.test, runs=Path(folder), runtime=bench.runtime, callback=callback,
            mlflow=False,
        )  # fmt: skip
        results = run.results
    row: dict[str, Any] = {
        "seed": recipe.seed, "epochs": len(callback.rows), "of": recipe.training.epochs, "finished": run is not None,
        "wall_seconds": time.perf_counter() - started, "train_seconds": sum(epoch.seconds for epoch in callback.rows),
        "whitening_seconds": sum(whitening),
        "images_per_second": [epoch.images_per_second for epoch in callback.rows],
        "validation_accuracy": max((epoch.validation_accuracy or 0.0 for epoch in callback.rows), default=0.0) or None,
    }  # fmt: skip
    if run is None:
        return row
    views = results.get(f"test-{recipe.test_views}-views")
    row["plain_accuracy"] = results["test"]["accuracy"]
    row["accuracy"] = (views or results["test"])["accuracy"]
    # what airbench's own clock counts: training, whitening, the evaluation with six views
    row["seconds"] = row["train_seconds"] + row["whitening_seconds"] + (views or results["test"])["seconds"]
    return row


@contextmanager
def clocked(seconds: list[float]) -> Iterator[None]:
    """Within it, the time of fitting a whitening layer is added to the list; airbench counts it too."""
    plain = WhiteningConv.fit

    def fit(self: WhiteningConv, *arguments: Any, **options: Any) -> None:
        started = time.perf_counter()
        plain(self, *arguments, **options)
        seconds.append(time.perf_counter() - started)

    WhiteningConv.fit = fit  # type: ignore[method-assign]
    try:
        yield
    finally:
        WhiteningConv.fit = plain  # type: ignore[method-assign]


def replicates(bench: Bench, name: str, runs: int) -> None:
    """A fast recipe with seeds 0, 1, ...; one more run goes first and does not count, as compilers warm up in it."""
    end = time.monotonic() + bench.left * SHARES[name]
    rows: list[dict[str, Any]] = []
    warm_up = () if bench.options.toy else (-1,)
    for seed in (*warm_up, *range(runs)):
        row = train(bench, bench.recipe(name, max(seed, 0)), end - time.monotonic())
        if not row["finished"]:
            break
        if seed >= 0:
            bench.put(name, [*rows, row])
            rows.append(row)
    if not rows:
        bench.put(name, {"skipped": "no run fitted into the time left"})


def rival(bench: Bench, runs: int) -> None:
    """airbench94_muon from the user's checkout, in a process of its own."""
    if reason := why_not(bench.options.airbench):
        bench.put(RIVAL, {"skipped": reason})
        return
    command = [sys.executable, "-m", "benchmarks.airbench", str(bench.options.airbench.resolve()), "--runs", str(runs)]
    log, rows = bench.options.out / "airbench.log", []
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w") as errors, subprocess.Popen(command, cwd=ROOT, stdout=PIPE, stderr=errors, text=True) as process:
        timer = Timer(bench.left * SHARES[RIVAL], process.kill)
        timer.start()
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("{"):
                rows.append(json.loads(line))
                bench.put(RIVAL, rows)
        timer.cancel()
    if not rows:
        bench.put(RIVAL, {"skipped": (log.read_text().strip().splitlines() or ["no run fitted into its time"])[-1]})


def long_run(bench: Bench, name: str, seconds: float) -> None:
    """One run of a report's recipe, whole or as far as its time goes."""
    row = train(bench, bench.recipe(name, 0), seconds)
    rates = row["images_per_second"]
    if rates and not row["finished"]:
        epoch = row["train_seconds"] / row["epochs"]
        row["projected_seconds"] = epoch * row["of"]
    bench.put(name, {**row, "images_per_second": median(rates[1:] or rates) if rates else None})


def items(bench: Bench) -> list[tuple[str, Callable[[], None]]]:
    """What there is to measure, the most wanted first; what assay has no recipe for is left out."""
    runs = bench.options.runs
    found: list[tuple[str, Callable[[], None]]] = [
        ("ceilings", lambda: bench.put("ceilings", ceilings(bench.runtime.device, toy=bench.options.toy))),
        (FAST, lambda: replicates(bench, FAST, runs)),
        (RIVAL, lambda: rival(bench, runs)),
    ]
    if HARDER in recipe_names():
        found.append((HARDER, lambda: replicates(bench, HARDER, min(runs, HARDER_RUNS))))
    wanted = [name for name in LONG if not bench.options.items or name in bench.options.items]
    for i, name in enumerate(wanted):
        found.append((name, lambda name=name, i=i: long_run(bench, name, bench.left / (len(wanted) - i))))  # type: ignore[misc]
    return [(name, work) for name, work in found if not bench.options.items or name in bench.options.items]


def read_options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="assay on an NVIDIA GPU, and airbench94 beside it.")
    parser.add_argument("--out", type=Path, default=Path("build/bench-gpu"))
    parser.add_argument("--airbench", type=Path, metavar="DIR", help="your checkout of cifar10-airbench")
    parser.add_argument("--minutes", type=float, default=8.5, help="the time for everything")
    parser.add_argument("--runs", type=int, default=20, help="of each fast recipe")
    parser.add_argument("--items", nargs="+", metavar="NAME", help="only these: ceilings, airbench94, names of recipes")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--toy", action="store_true", help="a handful of random images, on the CPU")
    return parser.parse_args()


def main() -> None:
    """Measure item by item; one that fails is written down and the next begins."""
    options = read_options()
    if not options.toy and not torch.cuda.is_available():
        sys.exit("torch sees no NVIDIA GPU here; to see that everything runs: python -m benchmarks.gpu --toy")
    try:
        bench = Bench(options)
    except AssayError as error:
        sys.exit(str(error))
    for name, work in items(bench):
        if bench.left <= 0:
            bench.put(name, {"skipped": "the time was over"})
            continue
        try:
            work()
        except (AssayError, RuntimeError) as error:
            done = name in bench.content["items"]  # the runs before the one that failed stay
            bench.put(f"{name}, a run" if done else name, {"skipped": f"{type(error).__name__}: {error}"})
        print(f"{name}: {gpu_page.line(bench.content['items'][name])}; {max(bench.left, 0):.0f} s left", flush=True)
    print(json.dumps({"out": str(options.out)}))


if __name__ == "__main__":
    main()
