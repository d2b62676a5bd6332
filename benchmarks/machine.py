"""Measurements in fresh processes, and the line that names the machine above every table."""

import json
import os
import platform
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from assay.core.processor import cpu_info, processor_name

ROOT = Path(__file__).parents[1]
# Makes glibc keep freed memory, for tuned peers. assay asks glibc for it itself.
KEEP_HEAP = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": "8589934592", "MALLOC_TOP_PAD_": "67108864"}


def measure(module: str, arguments: list[str], threads: int, keep_heap: bool, minutes: float) -> dict[str, Any]:
    """Run `python -m module` in a separate process; returns its last line of output, read as JSON.

    `wall_seconds` is the time of the whole process. A failure gives `error`, the last line of the error output.
    """
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads), **(KEEP_HEAP if keep_heap else {})}
    start = time.perf_counter()
    try:
        process = subprocess.run(
            [sys.executable, "-m", module, *arguments],
            cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60 * minutes,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return {"error": f"took longer than {minutes:g} minutes"}
    if process.returncode:
        return {"error": (process.stderr.strip().splitlines() or [f"exit status {process.returncode}"])[-1]}
    result: dict[str, Any] = json.loads(process.stdout.strip().splitlines()[-1])
    return {**result, "wall_seconds": time.perf_counter() - start}


def load_average() -> float:
    """The machine's load average of the last minute."""
    return os.getloadavg()[0]


def machine_line(*packages: str) -> str:
    """Processor, cores, versions, load and uptime: the line above every table."""
    names = ("assay", "torch", *packages)
    versions = ", ".join(f"{name} {version(name)}" for name in names)
    return (
        f"{processor_name()}, {os.cpu_count()} cores, {_instructions()}{versions}, Python {platform.python_version()}, "
        f"load {load_average():.2f}{_uptime()}."
    )


def _instructions() -> str:
    """What decides the speed of bf16, since the name of a virtual processor may not tell."""
    flags = [flag for flag in ("avx512_bf16", "amx_bf16") if flag in cpu_info("flags").split()]
    return ", ".join([torch.backends.cpu.get_cpu_capability(), *flags]) + ", "


def _uptime() -> str:
    try:
        seconds = float(Path("/proc/uptime").read_text().split()[0])
    except (OSError, ValueError):
        return ""
    return f", up {seconds / 3600:.1f} h"
