"""One task spread over all cores, a range of places at a time.

Python's lock lets threads decode small images hardly faster than one thread does, so many of them go to processes:
forked ones, as torch's DataLoader has them, which start at once and see what this process sees. Threads do it where the
system has no safe fork, and for few images.
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

FEW = 200  # below, processes cost more than they save
_TOGETHER = 16  # places of one range

T = TypeVar("T")
_task: Callable[[range], Any]  # of a forked process, given at its start


def spread(task: Callable[[range], T], n: int) -> Iterator[T]:
    """The task's results for the places 0 to n - 1, in order, as they come.

    What it returns is pickled, and what it changes in memory may be lost: it writes to files. Raises AssayError when a
    process dies.
    """
    parts = [range(start, min(start + _TOGETHER, n)) for start in range(0, n, _TOGETHER)]
    forked = n >= FEW and sys.platform == "linux" and not current_process().daemon
    pool: Executor
    if forked:  # the arguments of a forked process are not pickled
        pool = ProcessPoolExecutor(_cores(), get_context("fork"), _begin, (task, os.getpid()))
    else:
        pool = ThreadPoolExecutor(_cores())
    try:
        yield from pool.map(_call if forked else task, parts)
    except BrokenProcessPool:
        raise AssayError(
            "a process that decoded images died, killed or out of memory; start again, with less beside it"
        ) from None
    finally:
        pool.shutdown(cancel_futures=True)


def _begin(task: Callable[[range], Any], parent: int) -> None:
    """At a process's start. Ctrl-C is for the parent alone; and whoever kills that has killed this one, too."""
    global _task
    _task = task
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    if os.getppid() != parent:
        os._exit(1)
    torch.set_num_threads(1)  # threads do not survive a fork, and torch would wait for them


def _call(part: range) -> Any:
    return _task(part)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
