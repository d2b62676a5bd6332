"""Is the measured runtime the fastest? For each net: what assay chooses, and every candidate measured afterwards.

Candidates take turns, and the best of the rounds counts. Finished nets are kept in a JSON file and skipped next time.
"""

import argparse
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

from assay.core.files import atomic_write, write_json
from assay.core.runtime import Runtime
from assay.experiments.runtime_choice import describe, precision_candidates, thread_candidates
from assay.experiments.setup import TrainingSetup, set_up
from benchmarks.machine import load_average, machine_line
from benchmarks.steady import steady_recipe
from benchmarks.tables import markdown
from benchmarks.task import NETS, synthetic

DEFAULT_NETS = ("two-conv", "five-conv", "cerberus")


def make_setup(net: str, runtime: Runtime) -> TrainingSetup:
    """The net ready to train."""
    return set_up(steady_recipe(net), runtime, images=synthetic(5000), test=synthetic(100))


def all_candidates(runtime: Runtime) -> list[Runtime]:
    """Every combination of precision, memory format and threads, with nothing left to measure."""
    return [
        candidate.as_fixed() for threads in thread_candidates(runtime) for candidate in precision_candidates(threads)
    ]


def rate(setup: TrainingSetup, seconds: float) -> float:
    """Images/s of real steps, loader included, for about that long and at least two steps after a warm-up."""
    trainer = setup.trainer
    trainer.runtime.set_threads()
    trainer.prepare_epoch(0)
    batches, images, steps = trainer.iter_batches(0), 0, 0
    trainer.step(0, 0, *next(batches)).sum().item()
    start = time.perf_counter()
    for pixels, labels in batches:
        trainer.step(0, 0, pixels, labels).sum().item()
        images, steps = images + len(labels), steps + 1
        if steps >= 2 and time.perf_counter() - start > seconds:
            break
    return images / (time.perf_counter() - start)


def measure(net: str, options: argparse.Namespace) -> dict[str, Any]:
    """The choice for a net with the seconds it took, and the images/s of all candidates."""
    default = Runtime.choose("cpu")
    make_setup(net, default.as_fixed())  # imports and set-up that happen once
    with tempfile.TemporaryDirectory() as cache:
        os.environ["XDG_CACHE_HOME"] = cache  # nothing is remembered
        start = time.perf_counter()
        choice = make_setup(net, default).runtime_choice
        seconds = time.perf_counter() - start
    start = time.perf_counter()
    make_setup(net, default.as_fixed())
    seconds -= time.perf_counter() - start  # what any setup takes
    setups = {describe(candidate): make_setup(net, candidate) for candidate in all_candidates(default)}
    rates: dict[str, list[float]] = {name: [] for name in setups}
    for _ in range(options.rounds):
        for name, setup in setups.items():
            rates[name].append(rate(setup, options.seconds))
    default.set_threads()
    return {
        "choice": describe(choice.runtime), "source": choice.source, "seconds": seconds,
        "milliseconds": choice.milliseconds, "rates": rates, "load": load_average(),
    }  # fmt: skip


def share_of_best(cell: dict[str, Any]) -> float:
    """The speed of the choice relative to the fastest candidate."""
    best = {name: max(values) for name, values in cell["rates"].items()}
    return float(best[cell["choice"]] / max(best.values()))


def page(results: dict[str, Any]) -> str:
    """The tables of all nets, as markdown."""
    parts = ["# Measured runtimes\n", f"{results['machine']}\n"]
    for net, cell in results["cells"].items():
        best = {name: max(values) for name, values in cell["rates"].items()}
        rows = [
            [name, f"{value:,.0f}", f"{value / max(best.values()):.2f}", "chosen" if name == cell["choice"] else ""]
            for name, value in best.items()
        ]
        text = f"{net}: {cell['choice']}, {cell['source']} in {cell['seconds']:.1f} s; "
        parts.append(f"{text}{share_of_best(cell):.2f} of the fastest (goal 0.97)\n")
        parts.append(markdown([net, "images/s", "of the fastest", ""], rows))
    return "\n".join(parts)


def main() -> None:
    """Measure the nets that are missing; print and write the tables after each."""
    parser = argparse.ArgumentParser(description="assay's choice beside all candidates; two to five minutes.")
    parser.add_argument("--out", type=Path, default=Path("build/bench"))
    parser.add_argument("--nets", nargs="+", choices=NETS, default=list(DEFAULT_NETS))
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=3.0, help="of each candidate in a round")
    options = parser.parse_args()
    file = options.out / "choice.json"
    results = json.loads(file.read_text()) if file.exists() else {"cells": {}}
    results["machine"] = machine_line()
    for net in options.nets:
        if net not in results["cells"]:
            results["cells"][net] = measure(net, options)
            write_json(file, results)
            atomic_write(options.out / "choice.md", page(results))
            print(f"{net}: {results['cells'][net]['choice']}", flush=True)
    print(page(results))


if __name__ == "__main__":
    main()
