"""The processor: its name, how well it multiplies bf16, and how much of it is idle."""

import os
import platform
import time
from dataclasses import dataclass
from pathlib import Path

import torch

BF16_FLAGS = {"avx512_bf16", "amx_bf16", "bf16"}  # the last on ARM
STAT = Path("/proc/stat")


def processor_name() -> str:
    """The name of the processor, such as `AMD EPYC 9B14`."""
    return cpu_info("model name") or platform.processor() or platform.machine()


def cpu_info(field: str) -> str:
    """The value of a field in Linux's /proc/cpuinfo; empty where it is missing."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(field)), "")


def prefers_bf16() -> bool:
    """Whether bf16 is the better guess for a net that is not measured: with amx_bf16, and with AMD's avx512_bf16.

    An Intel Xeon with avx512_bf16 alone was 1.5 times slower in bf16 than in fp32.
    """
    flags = cpu_info("flags").split()
    return "amx_bf16" in flags or ("avx512_bf16" in flags and cpu_info("vendor_id") == "AuthenticAMD")


def can_bf16() -> bool:
    """Whether bf16 is worth a measurement: not without AVX-512, where an emulated step was five times slower."""
    flags = {*cpu_info("flags").split(), *cpu_info("Features").split()}
    return bool(flags & BF16_FLAGS) or torch.backends.cpu.get_cpu_capability().startswith("AVX512")


@dataclass(frozen=True)
class CoreUse:
    """The cores that were idle, and those that other processes used, on average over some time."""

    idle: float
    foreign: float


class CoreUseMeter:
    """Measures the use of the machine's cores between calls. It knows nothing where there is no /proc/stat."""

    def __init__(self) -> None:
        self._last = _cpu_seconds()

    def read(self) -> CoreUse | None:
        """The use of the cores since the last call, or None where it is unknown."""
        now, last = _cpu_seconds(), self._last
        self._last = now
        if now is None or last is None or now[0] <= last[0]:
            return None
        seconds, idle, foreign = (after - before for after, before in zip(now, last, strict=True))
        return CoreUse(idle / seconds, max(0.0, foreign / seconds))


def _cpu_seconds() -> tuple[float, float, float] | None:
    """Wall-clock seconds, and the seconds of all cores that were idle and that other processes used, since boot."""
    try:
        ticks = [int(word) for word in STAT.read_text().partition("\n")[0].split()[1:9]]
    except (OSError, ValueError):
        return None
    user, nice, system, idle, iowait, *interrupts = ticks
    by_second = os.sysconf("SC_CLK_TCK")
    times = os.times()
    foreign = (user + nice + system + sum(interrupts)) / by_second - times.user - times.system
    return time.monotonic(), (idle + iowait) / by_second, foreign
