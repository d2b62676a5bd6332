"""Memory: whether an error means that it ran out, how much is free, and how much this process uses."""

import gc
import os
import sys
from pathlib import Path

import torch

MEMORY_ERRORS = (RuntimeError, MemoryError)  # catch these, then ask `is_out_of_memory`
# Messages of PyTorch's allocators on CPU, CUDA and MPS; the last two come from oneDNN.
_MESSAGES = (
    "can't allocate memory", "not enough memory", "out of memory", "create a primitive", "create a memory object",
)  # fmt: skip
_CGROUPS = (("memory.max", "memory.current"), ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"))


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error means that memory ran out."""
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    return any(message in str(error) for message in _MESSAGES)


def free_memory(device: str) -> None:
    """Free what a failed step has left, once nothing refers to it."""
    gc.collect()
    if device.startswith("cuda"):
        torch.cuda.empty_cache()


def available_bytes() -> int | None:
    """Free memory of this machine, or of the container it runs in; None if neither is known."""
    limits = [machine_bytes(), *(container_bytes(*names) for names in _CGROUPS)]
    return min((limit for limit in limits if limit is not None), default=None)


def used_bytes() -> int:
    """Memory that this process uses now; 0 if unknown."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0


def peak_bytes() -> int:
    """The most memory that this process has ever used."""
    import resource  # not on Windows, where `available_bytes` is None

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def machine_bytes() -> int | None:
    """Free memory of this machine, or all of its memory where only that is known; None if unknown."""
    try:
        lines = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
        return int(lines["MemAvailable"].split()[0]) * 1024
    except (OSError, ValueError, KeyError):
        pass
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return None


def container_bytes(limit: str, usage: str, folder: Path = Path("/sys/fs/cgroup")) -> int | None:
    """The memory that a container may still use, from the files of its cgroup; None without a limit."""
    try:
        return int((folder / limit).read_text()) - int((folder / usage).read_text())
    except (OSError, ValueError):  # no cgroup, or the limit is "max"
        return None
