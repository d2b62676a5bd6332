"""Training beside busy neighbors: images/s of assay and of plain PyTorch, quiet, beside one and two busy processes.

Each training is one process that goes on while neighbors, endless loops, come and go. assay's own choice of threads has
twenty seconds to settle after each change. Finished trainings are kept in a JSON file and skipped the next time.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from assay.core.files import atomic_write, write_json
from benchmarks.machine import ROOT, load_average, machine_line
from benchmarks.tables import markdown

NETS = ("two-conv", "five-conv", "cerberus")
# label: tool, threads (None: the tool's choice), processes
ENTRIES: dict[str, tuple[str, int | None, int]] = {
    "assay": ("assay", None, 1),
    "assay, 1 thread": ("assay", 1, 1),
    "assay, 2 threads": ("assay", 2, 1),
    "PyTorch, 1 thread": ("torch", 1, 1),
    "PyTorch, 2 threads": ("torch", 2, 1),
}
EXCHANGE = {"assay, 2 processes": ("assay", 1, 2)}
PHASES = ("quiet", "one busy", "two busy", "quiet again")
START_LIMIT = 180.0  # seconds until the first step
PHASE_LIMIT = 25.0  # seconds of a measurement where steps are slow


@contextmanager
def neighbors(count: int) -> Iterator[None]:
    """That many processes that are busy for ever."""
    processes = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def read_log(path: Path) -> tuple[list[tuple[float, int]], list[str]]:
    """The time and images of each step so far, and the messages."""
    steps, messages = [], []
    for line in path.read_text().splitlines()[:-1]:  # the last line may be incomplete
        if line.startswith("# "):
            messages.append(line[2:])
        elif line and line[0].isdigit():
            seconds, images = line.split()
            steps.append((float(seconds), int(images)))
    return steps, messages


def rate(steps: list[tuple[float, int]], start: float, end: float) -> float | None:
    """Images/s between the first and the last step within a time; None with fewer than two steps."""
    inside = [(seconds, images) for seconds, images in steps if start <= seconds <= end]
    if len(inside) < 2:
        return None
    (first, before), (last, after) = inside[0], inside[-1]
    return (after - before) / (last - first)


def command(net: str, tool: str, threads: int | None, processes: int) -> list[str]:
    """The command line of a training."""
    words = ["-m", "benchmarks.steady", "--net", net, "--tool", tool]
    words += [] if threads is None else ["--threads", str(threads)]
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    return [sys.executable, *(launcher if processes > 1 else []), *words]


def measure(net: str, label: str, options: argparse.Namespace) -> dict[str, Any]:
    """Images/s of one training in each phase, with its messages."""
    tool, threads, processes = {**ENTRIES, **EXCHANGE}[label]
    adapts = tool == "assay" and threads is None
    settle, phases = (options.settle, PHASES) if adapts else (options.pause, PHASES[:3])
    with tempfile.TemporaryDirectory() as folder:
        log, errors = Path(folder) / "log", Path(folder) / "errors"
        environment = {**os.environ, "OMP_NUM_THREADS": str(threads or os.cpu_count()), "XDG_CACHE_HOME": folder}
        with log.open("w") as out, errors.open("w") as err:
            training = subprocess.Popen(
                command(net, tool, threads, processes), cwd=ROOT, env=environment, stdout=out, stderr=err
            )
        try:
            if not wait_for_steps(log, training):
                lines = errors.read_text().strip().splitlines()
                return {"error": (lines or ["no step within the limit"])[-1]}
            rates = [measure_phase(log, phase, settle, options) for phase in phases]
        finally:
            training.terminate()
            try:
                training.wait(10)
            except subprocess.TimeoutExpired:
                training.kill()
                training.wait()
        messages = [text for text in read_log(log)[1] if "thread" in text]
    return {"rates": dict(zip(phases, rates, strict=True)), "messages": messages, "load": load_average()}


def wait_for_steps(log: Path, training: "subprocess.Popen[bytes]") -> bool:
    """Wait until the training has made some steps; returns whether it has."""
    end = time.monotonic() + START_LIMIT
    while time.monotonic() < end and training.poll() is None:
        if len(read_log(log)[0]) >= 2:
            return True
        time.sleep(0.2)
    return False


def measure_phase(log: Path, phase: str, settle: float, options: argparse.Namespace) -> float | None:
    """Images/s in a phase, after `settle` seconds that do not count."""
    with neighbors({"one busy": 1, "two busy": 2}.get(phase, 0)):
        time.sleep(settle if phase != "quiet" else options.pause)
        start = time.monotonic()
        while True:
            time.sleep(options.seconds)
            steps = read_log(log)[0]
            count = sum(seconds >= start for seconds, _ in steps)
            if count >= 3 or time.monotonic() - start > PHASE_LIMIT:
                return rate(steps, start, time.monotonic())


def page(results: dict[str, Any]) -> str:
    """The tables of all results, as markdown."""
    parts = ["# Beside busy neighbors\n", f"{results['machine']}\n"]
    for net in dict.fromkeys(key.partition(" | ")[0] for key in results["cells"]):
        rows = []
        for label in {**ENTRIES, **EXCHANGE}:
            cell = results["cells"].get(f"{net} | {label}")
            if cell:
                values = [cell["rates"].get(phase) for phase in PHASES]
                rows.append([label, *("–" if value is None else f"{value:,.0f}" for value in values)])
        parts += [markdown([f"{net}, images/s", *PHASES], rows), goal_line(net, results["cells"]), ""]
    return "\n".join(parts)


def goal_line(net: str, cells: dict[str, Any]) -> str:
    """assay beside one neighbor relative to one quiet thread, and quiet relative to the fastest fixed number."""
    own, single, double = (cells.get(f"{net} | {label}") for label in list(ENTRIES)[:3])
    if not (own and single and double):
        return ""
    quiet = [cell["rates"]["quiet"] or 0.0 for cell in (own, single, double)]
    busy = own["rates"]["one busy"] or 0.0
    return (
        f"{net}: beside one busy process {busy / max(quiet[1], 1e-9):.2f} of one quiet thread (goal 0.85); "
        f"quiet {quiet[0] / max(*quiet[1:], 1e-9):.2f} of the fastest fixed number.\n"
    )


def main() -> None:
    """Measure what is missing; print and write the tables after each training."""
    parser = argparse.ArgumentParser(description="Training beside busy neighbors: markdown tables, in 11 minutes.")
    parser.add_argument("--out", type=Path, default=Path("build/bench"))
    parser.add_argument("--nets", nargs="+", choices=NETS, default=list(NETS))
    parser.add_argument("--labels", nargs="+", choices=[*ENTRIES, *EXCHANGE], default=list(ENTRIES))
    parser.add_argument("--exchange", action="store_true", help="also two processes that exchange gradients")
    parser.add_argument("--seconds", type=float, default=5.0, help="of each measurement, or three steps")
    parser.add_argument("--settle", type=float, default=20.0, help="for assay's own choice after a change")
    parser.add_argument("--pause", type=float, default=2.0, help="after a change, where the threads are fixed")
    options = parser.parse_args()
    file = options.out / "busy.json"
    results = json.loads(file.read_text()) if file.exists() else {"cells": {}}
    results["machine"] = machine_line()
    for net in options.nets:
        for label in [*options.labels, *(EXCHANGE if options.exchange else ())]:
            key = f"{net} | {label}"
            if key in results["cells"]:
                continue
            cell = measure(net, label, options)
            print(f"{key}: {cell.get('error') or cell['rates']}", flush=True)
            if "error" not in cell:
                results["cells"][key] = cell
                write_json(file, results)
                atomic_write(options.out / "busy.md", page(results))
    print(page(results))


if __name__ == "__main__":
    main()
