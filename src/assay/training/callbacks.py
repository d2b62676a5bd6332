"""What a run tells whoever watches it. The base class is silent; terminals and trackers override what they need."""

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
    """Sees a run go by; every method may be left out."""

    def on_step(self, progress: Progress) -> None:
        """After an optimizer step."""

    def on_epoch_end(self, row: Epoch, is_best: bool) -> None:
        """After an epoch and its validation."""

    def on_message(self, text: str) -> None:
        """Something a reader should know, as one line."""

    def on_close(self) -> None:
        """When all is over, however it ended."""
