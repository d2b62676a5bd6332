"""The Runtime: device, precision, memory format and threads of a run."""

import ctypes
import os
import platform
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from typing import Any, Literal

import torch

from assay.core.errors import UsageError
from assay.core.processor import prefers_bf16, processor_name

Precision = Literal["fp32", "bf16"]


@dataclass(frozen=True)
class Runtime:
    """Device, precision and threads, chosen once and recorded with the run.

    measures_precision, measures_threads: whether precision and memory format, or the threads, are a guess that a run
    may replace by measuring its own net. max_threads: the most threads that a run may change to while it trains; None
    if their number is fixed.
    """

    device: str
    precision: Precision
    threads: int
    channels_last: bool = True
    compiled: bool = False
    measures_precision: bool = False
    measures_threads: bool = False
    max_threads: int | None = None

    @classmethod
    def choose(cls, device: str = "auto", precision: str = "auto", threads: int | None = None) -> "Runtime":
        """The best guess for this machine, or the requested one. Raises UsageError.

        On a CPU, what is not requested stays open: a long run measures it for its net.
        This changes the process: it sets torch's threads, and on a CPU glibc's allocator keeps freed memory.
        """
        kind = _device(device)
        if precision not in ("auto", "fp32", "bf16"):
            raise UsageError(f"unknown precision '{precision}'; known: auto, bf16, fp32")
        measures_precision = precision == "auto" and kind == "cpu"
        if precision == "auto":
            precision = "bf16" if _prefers_bf16(kind) else "fp32"
        if threads is not None and threads < 1:
            raise UsageError(f"--threads must be at least 1 (given: {threads})")
        changes_threads = threads is None and kind == "cpu" and torch.get_num_threads() > 1
        runtime = cls(
            kind,
            "bf16" if precision == "bf16" else "fp32",
            threads or torch.get_num_threads(),
            compiled=kind.startswith("cuda"),
            measures_precision=measures_precision,
            measures_threads=changes_threads,
            max_threads=torch.get_num_threads() if changes_threads else None,
        )
        runtime.set_threads()
        if kind == "cpu":
            _keep_heap()
        return runtime

    def set_threads(self) -> None:
        """Make torch use this runtime's threads, in the whole process."""
        torch.set_num_threads(self.threads)

    @property
    def threads_may_change(self) -> bool:
        """Whether a run may use fewer threads while other processes are busy."""
        return self.max_threads is not None

    def as_measured(self) -> "Runtime":
        """The same runtime with nothing left to measure."""
        return replace(self, measures_precision=False, measures_threads=False)

    def as_fixed(self) -> "Runtime":
        """The same runtime with nothing left to measure or to change."""
        return replace(self.as_measured(), max_threads=None)

    def as_recorded(self, environment: dict[str, Any]) -> "Runtime":
        """This runtime with an earlier environment.json's values for what is open, if that is of this processor."""
        if (environment.get("device"), environment.get("device_name")) != (self.device, self._device_name()):
            return self
        runtime, threads = self.as_measured(), environment.get("threads")
        if self.measures_precision and environment.get("precision") in ("fp32", "bf16"):
            channels_last = bool(environment.get("channels_last", True))
            runtime = replace(runtime, precision=environment["precision"], channels_last=channels_last)
        if self.max_threads and isinstance(threads, int):
            runtime = replace(runtime, threads=max(1, min(threads, self.max_threads)))
        return runtime

    def autocast(self) -> AbstractContextManager[Any]:
        """Mixed precision for the forward pass and the loss; no effect in fp32."""
        kind = self.device.split(":")[0]
        return torch.autocast(kind, dtype=torch.bfloat16, enabled=self.precision == "bf16")

    def place(self, module: torch.nn.Module) -> torch.nn.Module:
        """The module on the run's device, in its memory format."""
        return module.to(device=self.device, memory_format=self._memory_format(self.channels_last))  # type: ignore[call-overload, no-any-return]

    def compile(self, forward: Callable[[torch.Tensor], torch.Tensor]) -> Callable[[torch.Tensor], torch.Tensor]:
        """The forward pass, compiled into CUDA graphs on a GPU. Unchanged on a CPU, where compiling slows most nets."""
        if not self.compiled:
            return forward
        mode = "reduce-overhead" if self.device.startswith("cuda") else "default"
        return torch.compile(forward, mode=mode, dynamic=False)

    def batch(self, pixels: torch.Tensor) -> torch.Tensor:
        """A batch of images (N, C, H, W) in the run's memory format; features (N, ...) in the standard one."""
        return pixels.contiguous(memory_format=self._memory_format(self.channels_last and pixels.ndim == 4))

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
        settings = asdict(self)
        del settings["measures_precision"], settings["measures_threads"], settings["max_threads"]
        return {
            **settings,
            "threads_may_change": self.threads_may_change,
            "device_name": self._device_name(),
            "cores": os.cpu_count(),
            "python": platform.python_version(),
            "system": platform.platform(),
            "versions": {name: version(name) for name in packages},
        }

    def _device_name(self) -> str:
        return torch.cuda.get_device_name(self.device) if self.device.startswith("cuda") else processor_name()

    @staticmethod
    def _memory_format(channels_last: bool) -> torch.memory_format:
        return torch.channels_last if channels_last else torch.contiguous_format


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


def _prefers_bf16(device: str) -> bool:
    """Whether bf16 is the better guess; where the hardware does not multiply it, emulation is slower than fp32."""
    if device.startswith("cuda"):
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return device == "cpu" and prefers_bf16()
