"""Collective operations of torch.distributed, with errors for the user."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.distributed as dist
from torch import Tensor

from assay.core.errors import AssayError


def sum_over_processes(values: Tensor) -> Tensor:
    """Sum a tensor over all processes, in place. Raises AssayError if another process has ended."""
    with connection_errors():
        dist.all_reduce(values)
    return values


def broadcast_text(text: str) -> str:
    """The main process's text, in all processes, which wait for it."""
    texts = [text]
    with connection_errors():
        dist.broadcast_object_list(texts, 0, device=torch.device(collective_device()))
    return texts[0]


def collective_device() -> str:
    """Where tensors for collective operations have to be: `cuda` or `cpu`."""
    return "cuda" if dist.get_backend() == "nccl" else "cpu"


@contextmanager
def connection_errors() -> Iterator[None]:
    """Turn a lost connection into an AssayError."""
    try:
        yield
    except RuntimeError as error:
        raise AssayError(f"another process of this training has ended, so this one ends too ({error})") from None
