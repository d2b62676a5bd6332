"""The history of a run: one row an epoch, as history.csv holds it."""

import csv
import io
from dataclasses import asdict, dataclass, fields
from typing import Any


@dataclass(frozen=True)
class Epoch:
    """What one epoch measured. Losses are per-image means in nats, accuracies shares of images.

    Training figures are means over the epoch, on augmented images and changing weights; validation figures are of the
    weights at its end.
    """

    epoch: int
    seconds: float
    lr: float
    train_loss: float
    train_accuracy: float
    validation_loss: float | None
    validation_accuracy: float | None
    images_per_second: float

    def to_dict(self) -> dict[str, Any]:
        """Plain values by column name."""
        return asdict(self)


def to_csv(history: list[Epoch]) -> str:
    """The history as CSV with a header; what was not measured stays empty."""
    out = io.StringIO()
    writer = csv.DictWriter(out, [f.name for f in fields(Epoch)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(row.to_dict() for row in history)
    return out.getvalue()


def from_csv(text: str) -> list[Epoch]:
    """The rows that `to_csv` wrote. Raises ValueError or TypeError for anything else."""
    reader = csv.DictReader(io.StringIO(text))
    if reader.fieldnames != [f.name for f in fields(Epoch)]:
        raise ValueError(f"its columns are {reader.fieldnames}")
    return [
        Epoch(**{key: int(value) if key == "epoch" else float(value) if value else None for key, value in row.items()})  # type: ignore[arg-type]
        for row in reader
    ]
