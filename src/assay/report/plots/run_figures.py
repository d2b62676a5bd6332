"""The pictures of a run: which figures are drawn of its history and predictions, and under which names."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from assay.evaluation.confusion import matrix as confusion_matrix
from assay.evaluation.predictions import Predictions
from assay.report.plots import run as figures
from assay.training.history import Epoch


def draw(folder: Path, history: Sequence[Epoch], best_epoch: int, judged: Mapping[str, Predictions]) -> None:
    """Write the curves and, for each judged set, what `draw_judged` draws, as PNG files."""
    rows = [row.to_dict() for row in history]
    figures.save(figures.curves(rows, best_epoch), folder / "curves.png")
    draw_judged(folder, judged)


def draw_judged(folder: Path, judged: Mapping[str, Predictions]) -> None:
    """Write confusion matrices and errors per class of each judged set, as PNG files."""
    for name, predictions in judged.items():
        matrix = confusion_matrix(predictions)
        for diagonal, stem in ((True, "confusion"), (False, "confusion-errors-only")):
            figure = figures.confusion(matrix, predictions.class_names, diagonal, title=predictions.data)
            figures.save(figure, folder / f"{name}-{stem}.png")
        bars = figures.errors_per_class(matrix, predictions.class_names, title=predictions.data)
        figures.save(bars, folder / f"{name}-errors-per-class.png")
