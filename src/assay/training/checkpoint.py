"""Checkpoints: all that changes while a net trains, in one file that is written whole or not at all."""

from collections.abc import Container
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch import nn

from assay.core.errors import DataError
from assay.core.files import atomic_write
from assay.core.tensor_hash import hash_tensors
from assay.training.history import Epoch
from assay.training.optimizer_state import match_memory_formats

Weights = dict[str, torch.Tensor]


@dataclass
class TrainState:
    """A net in training. It holds no random state: random numbers follow from seed, epoch and step."""

    net: nn.Module
    optimizer: torch.optim.Optimizer
    best: Weights  # the weights of the best epoch so far; the initial ones before the first
    history: list[Epoch] = field(default_factory=list)
    step: int = 0  # steps done in the current epoch
    sums: tuple[float, float] = (0.0, 0.0)  # loss and hits over the images of the current epoch
    epoch_seconds: float = 0.0
    micro_batches: int = 1  # per batch; more than one after memory ran out
    thread_changes: list[dict[str, int]] = field(default_factory=list)  # epoch and step (from 1), threads, before

    def save(self, path: Path) -> None:
        """Write the state to a file. Raises AssayError if the disk refuses."""
        content = {
            "net": self.net.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "best": self.best,
            "history": [row.to_dict() for row in self.history],
            "step": self.step,
            "sums": self.sums,
            "epoch_seconds": self.epoch_seconds,
            "parts": self.micro_batches,
            "thread_changes": self.thread_changes,
        }
        buffer = BytesIO()  # torch.save to a path reports a full disk as an error of its own
        torch.save(content, buffer)
        atomic_write(path, buffer.getvalue())

    def load(self, path: Path) -> None:
        """Restore the state from a file. Raises DataError if it is damaged or belongs to another net."""
        try:
            content: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
            self.net.load_state_dict(content["net"])
            self.optimizer.load_state_dict(content["optimizer" if "optimizer" in content else "optimiser"])  # as in 0.1
            match_memory_formats(self.optimizer)
            self.best = content["best"]
            self.history = [Epoch(**row) for row in content["history"]]
            self.step, self.epoch_seconds = content["step"], content["epoch_seconds"]
            self.sums = (content["sums"][0], content["sums"][1])
            self.micro_batches = content.get("parts", 1)
            self.thread_changes = list(content.get("thread_changes", []))
        except Exception as error:  # a damaged file makes PyTorch raise anything
            # PyTorch's message for a damaged pickle advises to turn its safety off
            reason = "it is damaged" if isinstance(error, UnpicklingError) else error
            raise DataError(f"{path}: cannot resume from this checkpoint ({reason}); train again") from error


def weights_hash(weights: Weights) -> str:
    """Sixteen hex digits of the names and values of all tensors: equal for equal weights."""
    return hash_tensors(weights)[:16]


def copy_weights(net: nn.Module, fixed_tensors: Container[str] = ()) -> Weights:
    """Copy the net's parameters and buffers to the CPU. `fixed_tensors` never change, so they are shared."""
    tensors = {name: tensor.detach().cpu() for name, tensor in net.state_dict().items()}
    return {name: tensor if name in fixed_tensors else tensor.clone() for name, tensor in tensors.items()}
