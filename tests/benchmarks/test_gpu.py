"""`make bench-gpu` at toy size, on a CPU."""

import json
import os
import subprocess
import sys
from pathlib import Path

from benchmarks import gpu

ROOT = Path(__file__).parents[2]
ITEMS = ("ceilings", gpu.FAST, gpu.RIVAL, "kth/3.2")


def test_every_item_runs_and_is_written_down(tmp_path: Path) -> None:
    words = ["--toy", "--runs", "1", "--threads", "1", "--out", str(tmp_path), "--items", *ITEMS]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.gpu", *words],
        cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    items = json.loads((tmp_path / "gpu.json").read_text())["items"]
    assert set(items) == set(ITEMS)
    assert {name for name in items if "skipped" in items[name]} == {gpu.RIVAL}
    (run,) = items[gpu.FAST]
    assert run["finished"]
    assert run["whitening_seconds"] > 0
    assert items["kth/3.2"]["epochs"] == 1
    assert "fast/cifar10-94" in (tmp_path / "gpu.md").read_text()


def test_all_ten_steps_and_the_two_large_nets_are_on_the_list() -> None:
    assert sum(name.startswith("kth/") for name in gpu.LONG) == 10
    assert {"mlflow-grid/five-conv", "mlflow-grid/cerberus"} < set(gpu.LONG)
