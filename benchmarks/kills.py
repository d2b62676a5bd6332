"""A study killed with SIGKILL at random moments and started again each time, beside the same study left alone.

Both must end with the same table, and no run may have a second folder, a second end or a second look at the test set.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from assay.core.files import atomic_write
from assay.experiments.run import list_runs
from benchmarks.tables import markdown

STUDY = """\
# Two learning rates, three seeds each.
base: fashion/cnn-bn
changes: {training.epochs: 6, data.share: 0.1}
replicates: 3
plan: {name: grid, over: {optimizer.lr: [0.001, 0.01]}}
"""
RUNS = 6


def start(folder: Path, runs: str) -> subprocess.Popen[str]:
    """The study as a user starts it, in two processes."""
    main = "from assay.cli.main import main; main()"
    words = ["study", "killed.yaml", "--processes", "2", "--runs", runs, "--no-mlflow", "--format", "json"]
    return subprocess.Popen(
        [sys.executable, "-c", main, *words], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def table(process: subprocess.Popen[str]) -> list[dict[str, Any]]:
    """The study's table at its end, times left out."""
    out, said = process.communicate()
    if process.returncode:
        raise SystemExit(said)
    return [{key: value for key, value in row.items() if key != "seconds"} for row in json.loads(out)]


def kill(folder: Path, seconds: float) -> tuple[bool, int]:
    """Start the study and kill it after that long; whether it still ran, and how many runs had ended by then."""
    process = start(folder, "killed")
    time.sleep(seconds)
    running = process.poll() is None
    process.kill()
    process.communicate()
    return running, ended(folder / "killed")


def ended(runs: Path) -> int:
    """Runs that have finished."""
    return sum(run.status.get("state") == "finished" for run in list_runs(runs))


def measure(kills: int, seed: int) -> dict[str, Any]:
    """Undisturbed, then killed so often, then to the end."""
    moments = random.Random(seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        atomic_write(folder / "killed.yaml", STUDY)
        started = time.perf_counter()
        alone = table(start(folder, "alone"))
        whole = time.perf_counter() - started
        # from the first imports to a fifth of the study, so that the last kill still finds something to interrupt
        found = [(after, *kill(folder, after)) for after in (moments.uniform(0.5, whole / 5) for _ in range(kills))]
        same = table(start(folder, "killed")) == alone
        looks = [len(run.looks) for run in list_runs(folder / "killed")]
    return {"seconds": whole, "kills": found, "same_table": same, "folders": len(looks), "looks": looks}


def main() -> None:
    """Kill, print and write what came of it; exit 1 unless both tables are the same."""
    parser = argparse.ArgumentParser(description="A study killed again and again.")
    parser.add_argument("--out", type=Path, default=Path("build/kills.json"))
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    found = measure(options.kills, options.seed)
    atomic_write(options.out, json.dumps(found, indent=2))
    rows = [[f"{after:.1f}", "yes" if ran else "no", str(done)] for after, ran, done in found["kills"]]
    print(markdown(["killed after, s", "while it ran", f"runs ended, of {RUNS}"], rows))
    print(f"\nundisturbed: {found['seconds']:.0f} s; the same table: {'yes' if found['same_table'] else 'NO'}")
    print(f"{found['folders']} run folders, looks at the test set in each: {found['looks']}")
    sys.exit(0 if found["same_table"] and found["folders"] == RUNS else 1)


if __name__ == "__main__":
    main()
