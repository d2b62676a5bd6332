"""The overlap of scored images with those that a run was trained on, and the accuracy without it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import IntEnum
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from assay.core.numbers import Interval, accuracy_text
from assay.evaluation.intervals import wilson_interval
from assay.evaluation.predictions import Predictions


class ImageUse(IntEnum):
    """What a run did with an image before it was scored."""

    NEW = 0
    TRAIN = 1
    VALIDATION = 2
    NEAR = 3  # a near-duplicate of a training or validation image


@dataclass(frozen=True, eq=False)
class ImageUses:
    """An ImageUse for each scored image, int8 (N,); or the reason why it is unknown.

    has_near: whether near-duplicates were looked for; near_reason: why not, where they should have been.
    """

    uses: NDArray[np.int8] | None
    reason: str = ""
    has_near: bool = False
    near_reason: str = ""


@dataclass(frozen=True)
class Subset:
    """The accuracy on some of the scored images; interval: Wilson's 95 %."""

    n: int
    correct: int
    accuracy: float
    interval: Interval

    @classmethod
    def of(cls, hits: NDArray[np.bool_]) -> "Subset | None":
        """From one truth value per image, bool (n,); None without an image."""
        n, correct = len(hits), int(hits.sum())
        return cls(n, correct, correct / n, wilson_interval(correct, n)) if n else None

    @property
    def text(self) -> str:
        """`88.62 % [87.98, 89.23] (n = 9,714)`."""
        return f"{accuracy_text(self.accuracy, self.interval)} (n = {self.n:,})"


@dataclass(frozen=True)
class Overlap:
    """How many of n scored images the run used in its training.

    train, validation: those with the pixels of such an image; near: near-duplicates of one, None if not looked for.
    new_images: the accuracy on the other images, None if there are none. reason: why the images could not be compared;
    near_reason: why near-duplicates were not looked for. Both are empty if nothing was left out.
    """

    n: int
    train: int = 0
    validation: int = 0
    near: int | None = None
    new_images: Subset | None = None
    reason: str = ""
    near_reason: str = ""

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> Self:
        """From the plain values of `to_dict`."""
        new_images = value.get("new_images")
        subset = Subset(**{**new_images, "interval": tuple(new_images["interval"])}) if new_images else None
        return cls(**{**value, "new_images": subset})

    @property
    def used(self) -> int:
        """The number of images that the run had used."""
        return self.train + self.validation + (self.near or 0)

    @property
    def tag(self) -> str:
        """`[USED IN TRAINING: 40 of 60 images]`, for the name of the set; empty if there are none."""
        return f"[USED IN TRAINING: {self.used:,} of {self.n:,} images]" if self.used else ""

    @property
    def notes(self) -> list[str]:
        """Sentences to print with the accuracy; none if all images are known to be new."""
        if self.reason:
            return [f"not compared with the training images: {self.reason}"]
        notes = []
        if self.near_reason:
            notes.append(f"near-duplicates of training images were not looked for: {self.near_reason}")
        if not self.used:
            return notes
        new_images = "no image is left without them"
        if self.new_images:
            new_images = f"accuracy on the other images: {self.new_images.text}"
        counts = f"{self.train:,} trained on, {self.validation:,} validated on"
        if self.near is not None:
            counts += f", {self.near:,} near-duplicates of these"
        return [f"{self.tag} {counts}; {new_images}", *notes]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        values = asdict(self)
        if self.new_images:
            values["new_images"]["interval"] = list(self.new_images.interval)
        return values


def measure_overlap(predictions: Predictions, uses: ImageUses) -> Overlap:
    """The overlap of the images of these predictions, in their order."""
    if uses.uses is None:
        return Overlap(len(predictions), reason=uses.reason)
    hits = predictions.predicted == predictions.labels
    train, validation, near = (
        int((uses.uses == use).sum()) for use in (ImageUse.TRAIN, ImageUse.VALIDATION, ImageUse.NEAR)
    )
    new_images = Subset.of(hits[uses.uses == ImageUse.NEW])
    near_or_none = near if uses.has_near else None
    return Overlap(len(predictions), train, validation, near_or_none, new_images, near_reason=uses.near_reason)
