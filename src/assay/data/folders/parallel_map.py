"""Map a task over all cores, a range of positions at a time.

Python's lock makes threads hardly faster than one thread for small images. Large folders are therefore read by forked
processes, like those of torch's DataLoader, which start at once and see this process's memory. Threads serve small
folders, and systems without a safe fork.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import current_process, get_context
from typing import Any, TypeVar

import torch

from assay.core.errors import AssayError

MIN_FORK_ITEMS = 200  # below, processes cost more than they save
_CHUNK = 16  # positions per range

T = TypeVar("T")
_task: Callable[[range], Any]  # of a forked process, set at its start


def parallel_map(task: Callable[[range], T], n: int) -> Iterator[T]:
    """Yield the task's results for the positions 0 to n - 1, in order, as they become available.

    Results are pickled, and changes to memory may be lost, so tasks write to files. Raises AssayError if a process
    dies.
    """
    ranges = [range(start, min(start + _CHUNK, n)) for start in range(0, n, _CHUNK)]
    forking = n >= MIN_FORK_ITEMS and sys.platform == "linux" and not current_process().daemon
    pool: Executor
    if forking:  # the initializer's arguments are inherited, not pickled
        pool = ProcessPoolExecutor(_cores(), get_context("fork"), _start_process, (task, os.getpid()))
    else:
        pool = ThreadPoolExecutor(_cores())
    try:
        yield from pool.map(_run_task if forking else task, ranges)
    except BrokenProcessPool:
        raise AssayError(
            "a process that decoded images died, killed or out of memory; start again, with less beside it"
        ) from None
    finally:
        pool.shutdown(cancel_futures=True)


def _start_process(task: Callable[[range], Any], parent: int) -> None:
    """Set up a forked process: ignore Ctrl-C, which the parent handles, and die with the parent."""
    global _task
    _task = task
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    if os.getppid() != parent:
        os._exit(1)
    torch.set_num_threads(1)  # threads do not survive a fork, and torch would wait for them


def _run_task(positions: range) -> Any:
    return _task(positions)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
