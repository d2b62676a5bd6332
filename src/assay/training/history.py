"""The history of a run: one row per epoch, stored in history.csv."""

import csv
import io
from dataclasses import asdict, dataclass, fields
from typing import Any


@dataclass(frozen=True)
class Epoch:
    """The figures of one epoch. Losses are per-image means in nats, accuracies are fractions.

    Training figures are means over the epoch, on augmented images and while the weights change. Validation figures are
    of the weights at its end.
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
        """The values by column name."""
        return asdict(self)


COLUMNS = [field.name for field in fields(Epoch)]


def to_csv(history: list[Epoch]) -> str:
    """The history as CSV with a header; None is an empty cell."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(row.to_dict() for row in history)
    return out.getvalue()


def from_csv(text: str) -> list[Epoch]:
    """The history in a text that `to_csv` wrote. Raises ValueError or TypeError for any other text."""
    reader = csv.DictReader(io.StringIO(text))
    if reader.fieldnames != COLUMNS:
        raise ValueError(f"its columns are {reader.fieldnames}")
    return [Epoch(**{name: _parse(name, cell) for name, cell in row.items()}) for row in reader]


def _parse(name: str, cell: str) -> Any:
    if name == "epoch":
        return int(cell)
    return float(cell) if cell else None
