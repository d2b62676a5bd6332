"""A study killed with SIGKILL at random moments and restarted each time, and the same study undisturbed.

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
    """Start the study as a user would, in two processes."""
    main = "from assay.cli.main import main; main()"
    words = ["study", "killed.yaml", "--processes", "2", "--runs", runs, "--no-mlflow", "--format", "json"]
    return subprocess.Popen(
        [sys.executable, "-c", main, *words], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def table(process: subprocess.Popen[str]) -> list[dict[str, Any]]:
    """The study's final table, without times."""
    out, errors = process.communicate()
    if process.returncode:
        raise SystemExit(errors)
    return [{key: value for key, value in row.items() if key != "seconds"} for row in json.loads(out)]


def kill(folder: Path, seconds: float) -> tuple[bool, int]:
    """Start the study and kill it after `seconds`; whether it was still running, and how many runs had finished."""
    process = start(folder, "killed")
    time.sleep(seconds)
    running = process.poll() is None
    process.kill()
    process.communicate()
    return running, count_finished(folder / "killed")


def count_finished(runs: Path) -> int:
    """The number of finished runs."""
    return sum(run.status.get("state") == "finished" for run in list_runs(runs))


def measure(kills: int, seed: int) -> dict[str, Any]:
    """Run the study undisturbed; then kill it `kills` times and run it to the end."""
    moments = random.Random(seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        atomic_write(folder / "killed.yaml", STUDY)
        began_at = time.perf_counter()
        alone = table(start(folder, "alone"))
        whole = time.perf_counter() - began_at
        # from the first imports to a fifth of the study, so that the last kill still interrupts something
        result = [(after, *kill(folder, after)) for after in (moments.uniform(0.5, whole / 5) for _ in range(kills))]
        is_same_table = table(start(folder, "killed")) == alone
        looks = [len(run.looks) for run in list_runs(folder / "killed")]
    return {"seconds": whole, "kills": result, "same_table": is_same_table, "folders": len(looks), "looks": looks}


def main() -> None:
    """Measure, print and write the results; exit 1 unless both tables are the same."""
    parser = argparse.ArgumentParser(description="A study killed again and again.")
    parser.add_argument("--out", type=Path, default=Path("build/kills.json"))
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    result = measure(options.kills, options.seed)
    atomic_write(options.out, json.dumps(result, indent=2))
    rows = [
        [f"{after:.1f}", "yes" if ran else "no", str(finished_runs)] for after, ran, finished_runs in result["kills"]
    ]
    print(markdown(["killed after, s", "while it ran", f"runs ended, of {RUNS}"], rows))
    print(f"\nundisturbed: {result['seconds']:.0f} s; the same table: {'yes' if result['same_table'] else 'NO'}")
    print(f"{result['folders']} run folders, looks at the test set in each: {result['looks']}")
    sys.exit(0 if result["same_table"] and result["folders"] == RUNS else 1)


if __name__ == "__main__":
    main()
