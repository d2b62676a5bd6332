"""What a study adds to its runs: 20 tiny runs one after another, as a study in one process, and in one for each core.

Each way is a process of its own, timed whole, so that imports and workers' starts are in it.
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


def seconds(words: list[str], folder: Path) -> float:
    """The wall time of a process."""
    started = time.perf_counter()
    subprocess.run([sys.executable, *words], cwd=folder, check=True, capture_output=True)
    return time.perf_counter() - started


def study(folder: Path, processes: int, way: str) -> float:
    """The study with so many processes."""
    main = "from assay.cli.main import main; main()"
    words = ["study", "tiny.yaml", "--processes", str(processes), "--runs", way, "--no-mlflow"]
    return seconds(["-c", main, *words], folder)


def measure(share: float) -> dict[str, float]:
    """Seconds of each way."""
    with tempfile.TemporaryDirectory() as name:
        folder, cores = Path(name), os.cpu_count() or 1
        atomic_write(folder / "tiny.yaml", STUDY.format(share=share, runs=RUNS))
        return {
            "one after another": seconds(["-c", ONE_BY_ONE.format(share=share, runs=RUNS)], folder),
            "a study in one process": study(folder, 1, "one"),
            f"a study in {cores} processes": study(folder, cores, "many"),
        }


def main() -> None:
    """Measure all ways in turn, print and write the table."""
    parser = argparse.ArgumentParser(description="What a study adds to its runs.")
    parser.add_argument("--out", type=Path, default=Path("build/study-overhead.json"))
    parser.add_argument("--share", type=float, default=0.25, help="of the training images in each run")
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    found = measure(options.share)
    usual = found["one after another"]
    rows = [[way, f"{value:.1f}", f"{usual / value:.2f}"] for way, value in found.items()]
    atomic_write(options.out, json.dumps(found, indent=2))
    print(markdown([f"{RUNS} runs", "seconds", "times as fast"], rows))


if __name__ == "__main__":
    main()
