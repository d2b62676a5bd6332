"""`python -m benchmarks.honesty`: answer the questions and write honesty.md.

`--only coverage` answers one; questions that read no real runs train none.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np

from assay.core.files import atomic_write
from benchmarks.honesty import coverage, false_alarms, grids, planted, power, type_one
from benchmarks.honesty.real_runs import RealRuns

QUESTIONS: dict[str, Callable[[RealRuns, int, np.random.Generator], str]] = {
    "coverage": coverage.section,
    "grids": grids.section,
    "type-one": type_one.section,
    "power": power.section,
    "false-alarms": false_alarms.section,
    "planted": planted.section,
}


def main() -> None:
    """Simulate, train what is read, and write the page."""
    parser = argparse.ArgumentParser(description="Whether the verdicts of assay are right.")
    parser.add_argument("--out", type=Path, default=Path("build/honesty"))
    parser.add_argument("--runs", type=int, default=40, help="real runs")
    parser.add_argument("--times", type=int, default=400, help="repetitions; ten times as many of quick simulations")
    parser.add_argument("--only", nargs="+", choices=QUESTIONS, default=list(QUESTIONS), help="these questions")
    options = parser.parse_args()
    runs = RealRuns(options.out / "runs", options.runs)
    text = "\n".join(QUESTIONS[name](runs, options.times, np.random.default_rng(0)) for name in options.only)
    atomic_write(options.out / "honesty.md", text)
    print(text)


if __name__ == "__main__":
    main()
