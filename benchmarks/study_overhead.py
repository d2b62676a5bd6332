"""The overhead of a study: 20 tiny runs one after another, as a study in one process, and in one process per core.

Each variant is a separate process, timed whole, so imports and the start of workers are included.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from assay.core.files import atomic_write
from benchmarks.machine import machine_line
from benchmarks.tables import markdown

RUNS = 20
STUDY = """\
# Tiny runs.
base: fashion/cnn-bn
changes: {{training.epochs: 1, data.share: {share}}}
replicates: {runs}
plan: {{name: grid, over: {{optimizer.lr: [0.01]}}}}
"""
ONE_BY_ONE = """\
import sys
from pathlib import Path
from assay import train
from assay.recipes.loader import read_recipe
from assay.core.runtime import Runtime
from assay.training.callbacks import Callback
recipe = read_recipe("fashion/cnn-bn").override({{"training.epochs": 1, "data.share": {share}}})
for seed in range({runs}):
    train(recipe.override({{"seed": seed}}), runs=Path("one-by-one"), runtime=Runtime.choose("cpu", threads=1),
          callback=Callback(), mlflow=False)
"""


def run_seconds(words: list[str], folder: Path) -> float:
    """The wall time of a Python process."""
    start = time.perf_counter()
    subprocess.run([sys.executable, *words], cwd=folder, check=True, capture_output=True)
    return time.perf_counter() - start


def study(folder: Path, processes: int, way: str) -> float:
    """Seconds of the study with that many processes."""
    main = "from assay.cli.main import main; main()"
    words = ["study", "tiny.yaml", "--processes", str(processes), "--runs", way, "--no-mlflow"]
    return run_seconds(["-c", main, *words], folder)


def measure(share: float) -> dict[str, float]:
    """Seconds of each variant."""
    with tempfile.TemporaryDirectory() as name:
        folder, cores = Path(name), os.cpu_count() or 1
        atomic_write(folder / "tiny.yaml", STUDY.format(share=share, runs=RUNS))
        return {
            "one after another": run_seconds(["-c", ONE_BY_ONE.format(share=share, runs=RUNS)], folder),
            "a study in one process": study(folder, 1, "one"),
            f"a study in {cores} processes": study(folder, cores, "many"),
        }


def main() -> None:
    """Measure all variants in turn; print and write the table."""
    parser = argparse.ArgumentParser(description="The overhead of a study.")
    parser.add_argument("--out", type=Path, default=Path("build/study-overhead.json"))
    parser.add_argument("--share", type=float, default=0.25, help="share of the training images in each run")
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    seconds_by_way = measure(options.share)
    usual = seconds_by_way["one after another"]
    rows = [[way, f"{value:.1f}", f"{usual / value:.2f}"] for way, value in seconds_by_way.items()]
    atomic_write(options.out, json.dumps(seconds_by_way, indent=2))
    print(f"{machine_line()}\n")
    print(markdown([f"{RUNS} runs", "seconds", "times as fast"], rows))


if __name__ == "__main__":
    main()
