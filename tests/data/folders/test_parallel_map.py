"""A task is spread over processes or threads, its results come in order, and nothing is left behind."""

import os
import signal
import subprocess
import sys
import time

import pytest

from assay.core.errors import AssayError
from assay.data.folders import parallel_map as module
from assay.data.folders.parallel_map import parallel_map

# Python 3.12 and later warn of every fork beside threads; the cache decodes with warnings off
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
forks = pytest.mark.skipif(sys.platform != "linux", reason="processes are forked on Linux alone")


@pytest.mark.parametrize("threshold", [0, 1000], ids=["processes", "threads"])
@pytest.mark.parametrize("n", [0, 1, 16, 100])
def test_results_come_in_order(monkeypatch, threshold, n):
    monkeypatch.setattr(module, "MIN_FORK_ITEMS", threshold)
    assert [place for chunk in parallel_map(list, n) for place in chunk] == list(range(n))


@forks
def test_only_many_go_to_processes(monkeypatch):
    monkeypatch.setattr(module, "MIN_FORK_ITEMS", 32)
    assert set(parallel_map(lambda _: os.getpid(), 31)) == {os.getpid()}
    assert os.getpid() not in set(parallel_map(lambda _: os.getpid(), 32))


@pytest.mark.parametrize("threshold", [0, 1000], ids=["processes", "threads"])
def test_an_error_of_the_task_is_the_callers(monkeypatch, threshold):
    monkeypatch.setattr(module, "MIN_FORK_ITEMS", threshold)

    def task(places):
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        list(parallel_map(task, 64))


@forks
def test_a_process_that_dies_is_an_error_that_says_so(monkeypatch):
    monkeypatch.setattr(module, "MIN_FORK_ITEMS", 0)
    with pytest.raises(AssayError, match="a process that decoded images died"):
        list(parallel_map(lambda places: os.kill(os.getpid(), signal.SIGKILL), 64))


SCRIPT = """\
import os, time
from assay.data.folders import parallel_map as module
module.MIN_FORK_ITEMS = 0
def task(places):
    print(os.getpid(), flush=True)
    time.sleep(100)
list(module.parallel_map(task, 64))
"""


@forks
def test_processes_end_with_a_killed_parent():
    parent = subprocess.Popen([sys.executable, "-c", SCRIPT], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    deadline = time.monotonic() + 60
    while os.path.exists(f"/proc/{child}") and "(zombie)" not in _state(child) and time.monotonic() < deadline:  # noqa: PTH110
        time.sleep(0.01)
    parent.stdout.close()
    assert time.monotonic() < deadline


def _state(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/status") as file:  # noqa: PTH123
            return next(line for line in file if line.startswith("State"))
    except (OSError, StopIteration):
        return "(zombie)"
