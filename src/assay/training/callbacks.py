"""Callbacks and hooks of a training. A callback observes; a hook changes what is recorded or selected."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from assay.training.history import Epoch


@dataclass(frozen=True)
class Progress:
    """Where training stands after a step."""

    epoch: int  # from 1
    epochs: int
    images: int  # seen in this epoch
    epoch_images: int
    loss: float  # mean over this epoch so far
    accuracy: float
    images_per_second: float
    seconds_left: float  # to the end of the last epoch, validation included; 0 when not known yet


class Callback:
    """Observes a run. Every method does nothing by default; terminals and trackers override what they need."""

    def on_step(self, progress: Progress) -> None:
        """After an optimizer step."""

    def on_epoch_end(self, row: Epoch, is_best: bool) -> None:
        """After an epoch and its validation."""

    def on_message(self, text: str) -> None:
        """A message for the user, one line."""

    def on_progress(self, task: str, count: int, total: int) -> None:
        """Progress of a task outside an epoch, in images. task: such as "reading images"."""

    def on_close(self) -> None:
        """After the run has ended, in success or failure."""


def _unchanged_row(row: Epoch) -> Epoch:
    return row


def _unchanged_history(history: Sequence[Epoch]) -> Sequence[Epoch]:
    return history


@dataclass(frozen=True)
class EpochHooks:
    """Where fault injection changes an epoch. The defaults change nothing.

    record: takes an epoch's row and returns the row to store in the history. select: takes the history and returns the
    one that early stopping and the choice of the best epoch use.
    """

    record: Callable[[Epoch], Epoch] = _unchanged_row
    select: Callable[[Sequence[Epoch]], Sequence[Epoch]] = _unchanged_history


NO_HOOKS = EpochHooks()
