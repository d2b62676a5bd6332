"""What was measured for a net on this machine: one small file each in the user's cache. A damaged file is ignored."""

import hashlib
import json
import os
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from assay.core.errors import AssayError
from assay.core.files import write_json
from assay.core.folders import machine_cache
from assay.core.processor import processor_name
from assay.core.runtime import Runtime
from assay.models.fingerprint import module_fingerprint


def choice_key(net: nn.Module, shape: tuple[int, ...], batch_size: int, runtime: Runtime) -> dict[str, Any]:
    """What a measurement holds for: machine, torch, net, images (C, H, W), batch size, and what is open to choose."""
    return {
        "processor": processor_name(),
        "cores": os.cpu_count(),
        "torch": torch.__version__,
        "net": module_fingerprint(net),
        "trained": sum(p.numel() for p in net.parameters() if p.requires_grad),
        "shape": list(shape),
        "batch_size": batch_size,
        "precision": "auto" if runtime.measures_precision else runtime.precision,
        "threads": f"up to {runtime.max_threads}" if runtime.measures_threads else runtime.threads,
    }


def remember(key: dict[str, Any], runtime: Runtime, with_threads: bool) -> None:
    """Store a choice for the next run. A cache that cannot be written is ignored.

    with_threads: False if the machine was busy, because the threads would then be too few for a quiet one.
    """
    choice = {
        "precision": runtime.precision,
        "channels_last": runtime.channels_last,
        "threads": runtime.threads if with_threads else None,
    }
    with suppress(AssayError):
        write_json(_path(key), {"key": key, "choice": choice})


def recall(key: dict[str, Any], runtime: Runtime) -> Runtime:
    """The runtime with an earlier choice for what it measures; what was not stored is still to be measured."""
    try:
        content = json.loads(_path(key).read_text(encoding="utf-8"))
        choice, is_same = content["choice"], content["key"] == key
        precision, channels_last, threads = choice["precision"], choice["channels_last"], choice["threads"]
    except (OSError, ValueError, LookupError, TypeError):
        return runtime
    is_sound = precision in ("fp32", "bf16") and isinstance(channels_last, bool)
    if not is_same or not is_sound or not (threads is None or isinstance(threads, int)):
        return runtime
    if runtime.measures_precision:
        runtime = replace(runtime, precision=precision, channels_last=channels_last, measures_precision=False)
    if runtime.max_threads and threads:
        runtime = replace(runtime, threads=max(1, min(threads, runtime.max_threads)), measures_threads=False)
    return runtime


def _path(key: dict[str, Any]) -> Path:
    digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:16]
    return machine_cache() / f"choice-{digest}.json"
