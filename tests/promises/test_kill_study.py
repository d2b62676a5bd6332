"""A study that is killed, whenever, or loses a worker, ends with the table of an undisturbed one."""

import json
import os
import random
import signal
import time
from pathlib import Path

import pytest

from assay.experiments.run import list_runs

STEPS = """\
# Two steps.
base: bars.yaml
changes: {training.epochs: 12}
replicates: 2
plan: {name: ladder, steps: {adam: {optimizer.name: adam}}}
"""
WORDS = ("study", "steps.yaml", "--processes", 2, "--no-mlflow", "--format", "json")


@pytest.fixture(scope="module")
def once() -> list[dict]:
    """Filled by the first test: the table of the study, run from start to end."""
    return []


@pytest.fixture
def undisturbed(bars_folder, start_assay, once) -> list[dict]:
    (bars_folder / "steps.yaml").write_text(STEPS)
    if not once:
        once.extend(table(start_assay(*WORDS, "--runs", "undisturbed")))
    return once


def table(process) -> list[dict]:
    out, said = process.communicate(timeout=300)
    assert process.returncode == 0, said
    return [{key: value for key, value in row.items() if key != "seconds"} for row in json.loads(out)]


def wait_for(process, pattern: str) -> None:
    """Until there is such a file among the runs."""
    while not list(Path("runs").glob(pattern)):
        time.sleep(0.05)
        assert process.poll() is None


def children(pid: int) -> list[int]:
    """All processes below this one."""
    direct = [
        int(one) for task in Path(f"/proc/{pid}/task").iterdir() for one in (task / "children").read_text().split()
    ]
    return direct + [below for one in direct for below in children(one)]


def test_a_study_killed_again_and_again_ends_as_an_undisturbed_one(undisturbed, start_assay):
    moments = random.Random(0)
    for _ in range(3):
        process = start_assay(*WORDS)
        time.sleep(moments.uniform(3, 8))
        process.kill()
        process.wait()
    assert table(start_assay(*WORDS)) == undisturbed
    assert len(list_runs()) == 4  # no run has a second folder


def test_a_worker_that_is_killed_costs_no_run(undisturbed, start_assay):
    process = start_assay(*WORDS)
    wait_for(process, "*/*/history.csv")
    workers = [pid for pid in children(process.pid) if "forkserver" in Path(f"/proc/{pid}/cmdline").read_text()]
    os.kill(workers[-1], signal.SIGKILL)
    assert table(process) == undisturbed


def test_ctrl_c_saves_every_run_under_way_and_starts_no_other(undisturbed, start_assay):
    process = start_assay(*WORDS)
    wait_for(process, "*/*/history.csv")
    process.send_signal(signal.SIGINT)
    out, said = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, ""), said
    assert "start the same study again to resume runs/steps-study" in said
    assert "Traceback" not in said
    states = [run.status.get("state") for run in list_runs()]
    assert set(states) <= {"stopped", "finished"}
    assert "stopped" in states
    assert table(start_assay(*WORDS)) == undisturbed
