"""The machine and the processes on it: one measurement is one fresh process. What is measured: `compare.py`."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
# glibc keeps freed memory with these; for peers tuned by hand (assay asks glibc itself)
KEEP_HEAP = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": "8589934592", "MALLOC_TOP_PAD_": "67108864"}


def measure(module: str, arguments: list[str], threads: int, keep_heap: bool, minutes: float) -> dict[str, Any]:
    """Run `python -m module` in a process of its own; its last line of output, read as JSON.

    With `wall_seconds` of the whole process; what went wrong is an `error`, the last line that it said.
    """
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads), **(KEEP_HEAP if keep_heap else {})}
    started = time.perf_counter()
    try:
        done = subprocess.run(
            [sys.executable, "-m", module, *arguments],
            cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60 * minutes,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return {"error": f"took longer than {minutes:g} minutes"}
    if done.returncode:
        return {"error": (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]}
    result: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return {**result, "wall_seconds": time.perf_counter() - started}


def load() -> float:
    """The machine's load average of the last minute: how quiet it was."""
    return os.getloadavg()[0]
