"""The Runtime: device, precision, memory format and threads of a run."""

import ctypes
import os
import platform
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import torch

from assay.core.errors import UsageError

Precision = Literal["fp32", "bf16"]


@dataclass(frozen=True)
class Runtime:
    """Device, precision and threads, chosen once and recorded with the run."""

    device: str
    precision: Precision
    threads: int
    channels_last: bool = True
    compiled: bool = False

    @classmethod
    def choose(cls, device: str = "auto", precision: str = "auto", threads: int | None = None) -> "Runtime":
        """The fastest sound choice on this machine, or the requested one. Raises UsageError.

        This changes the process: it sets torch's threads, and on a CPU glibc's allocator keeps freed memory.
        """
        kind = _device(device)
        if precision not in ("auto", "fp32", "bf16"):
            raise UsageError(f"unknown precision '{precision}'; known: auto, bf16, fp32")
        if precision == "auto":
            precision = "bf16" if _has_bf16(kind) else "fp32"
        if threads is not None and threads < 1:
            raise UsageError(f"--threads must be at least 1 (given: {threads})")
        runtime = cls(
            kind,
            "bf16" if precision == "bf16" else "fp32",
            threads or torch.get_num_threads(),
            compiled=kind.startswith("cuda"),
        )
        torch.set_num_threads(runtime.threads)
        if kind == "cpu":
            _keep_heap()
        return runtime

    def autocast(self) -> AbstractContextManager[Any]:
        """Mixed precision for the forward pass and the loss; no effect in fp32."""
        kind = self.device.split(":")[0]
        return torch.autocast(kind, dtype=torch.bfloat16, enabled=self.precision == "bf16")

    def place(self, module: torch.nn.Module) -> torch.nn.Module:
        """The module on the run's device, in its memory format."""
        if self.channels_last:
            return module.to(device=self.device, memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]
        return module.to(self.device)

    def compile(self, forward: Callable[[torch.Tensor], torch.Tensor]) -> Callable[[torch.Tensor], torch.Tensor]:
        """The forward pass, compiled into CUDA graphs on a GPU. Unchanged on a CPU, where compiling slows most nets."""
        if not self.compiled:
            return forward
        mode = "reduce-overhead" if self.device.startswith("cuda") else "default"
        return torch.compile(forward, mode=mode, dynamic=False)

    def batch(self, pixels: torch.Tensor) -> torch.Tensor:
        """A batch of images (N, C, H, W) in the run's memory format; features (N, ...) in the standard one."""
        last = self.channels_last and pixels.ndim == 4
        return pixels.contiguous(memory_format=torch.channels_last if last else torch.contiguous_format)

    def exact(self) -> "Runtime":
        """The same runtime in float32, for every number that is stored."""
        return replace(self, precision="fp32")

    def changes(self, environment: dict[str, Any]) -> list[str]:
        """The differences from a recorded environment that can change the bits of a result."""
        now = self.environment()
        keys = ("device", "device_name", "precision", "threads", "channels_last", "compiled")
        pairs = [(key, environment.get(key), now[key]) for key in keys]
        pairs.append(("torch", environment.get("versions", {}).get("torch"), now["versions"]["torch"]))
        return [f"{key} was {before}, is {after}" for key, before, after in pairs if before != after]

    def environment(self) -> dict[str, Any]:
        """The record from which a reader can tell whether a number repeats: this runtime, versions and the machine."""
        packages = ("assay", "torch", "numpy", "scikit-learn", "scipy", "pillow")
        return {
            **asdict(self),
            "device_name": torch.cuda.get_device_name(self.device) if self.device.startswith("cuda") else _cpu_name(),
            "cores": os.cpu_count(),
            "python": platform.python_version(),
            "system": platform.platform(),
            "versions": {name: version(name) for name in packages},
        }


def _keep_heap() -> None:
    """Make glibc keep freed memory, for the whole process: the large buffers of a step then cost no page faults."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        mallopt(-4, 0)  # M_MMAP_MAX: no buffer gets a mapping of its own
        mallopt(-1, 2**31 - 1)  # M_TRIM_THRESHOLD: the heap's end is not given back


def _device(name: str) -> str:
    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        return next(kind for kind in ("cuda", "mps", "cpu") if available[kind])
    kind = name.split(":")[0]
    if kind not in available:
        raise UsageError(f"unknown device '{name}'; known: auto, cpu, cuda, mps")
    if not available[kind]:
        raise UsageError(f"device '{name}' is not available here; use --device cpu")
    return name


def _has_bf16(device: str) -> bool:
    """Whether the hardware multiplies bf16; emulation is slower than fp32."""
    if device.startswith("cuda"):
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device != "cpu":
        return False
    flags = _cpu_info("flags").split()
    return "avx512_bf16" in flags or "amx_bf16" in flags


def _cpu_info(field: str) -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(field)), "")


def _cpu_name() -> str:
    return _cpu_info("model name") or platform.processor() or platform.machine()
