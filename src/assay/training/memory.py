"""Memory: whether an error means that it ran out, how much of it is free, and how much this process has used."""

import gc
import os
import sys
from pathlib import Path

import torch

ERRORS = (RuntimeError, MemoryError)  # what to catch and ask `ran_out` about; torch.OutOfMemoryError is the former
# Of torch's allocators on CPUs, of CUDA and MPS; the last two are oneDNN's way to say it.
_WORDS = ("can't allocate memory", "not enough memory", "out of memory", "create a primitive", "create a memory object")
_CGROUPS = (("memory.max", "memory.current"), ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"))


def ran_out(error: BaseException) -> bool:
    """Whether there was no memory left."""
    return isinstance(error, (MemoryError, torch.OutOfMemoryError)) or any(word in str(error) for word in _WORDS)


def release(device: str) -> None:
    """Give back what a step that failed has left, once nothing refers to it."""
    gc.collect()
    if device.startswith("cuda"):
        torch.cuda.empty_cache()


def available_bytes() -> int | None:
    """What this machine, or the container that this is in, could still give; None where it does not say."""
    known = [value for value in (_of_machine(), *(_of_container(*names) for names in _CGROUPS)) if value is not None]
    return min(known, default=None)


def used_bytes() -> int:
    """What this process holds now; 0 where that cannot be known."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0


def peak_bytes() -> int:
    """The most that this process has ever held."""
    import resource  # Windows has none; there `available_bytes` says so first

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _of_machine() -> int | None:
    try:
        lines = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
        return int(lines["MemAvailable"].split()[0]) * 1024
    except (OSError, ValueError, KeyError):
        pass
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return None


def _of_container(limit: str, usage: str, folder: Path = Path("/sys/fs/cgroup")) -> int | None:
    try:
        return int((folder / limit).read_text()) - int((folder / usage).read_text())
    except (OSError, ValueError):  # none, or "max"
        return None
