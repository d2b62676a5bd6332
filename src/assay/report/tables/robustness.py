"""Robustness as a table of accuracies by corruption and severity."""

import numpy as np

from assay.core.numbers import accuracy_text, percent
from assay.data.corruptions.corrupt import SEVERITIES
from assay.evaluation.robustness import Cell, Robustness
from assay.report.tables.formats import format_note, format_table

HEADER = ("corruption", "group", *(f"severity {k}" for k in SEVERITIES), "mean")


def robustness_table(result: Robustness, fmt: str) -> str:
    """Accuracies in per cent with their intervals. Raises UsageError for an unknown format."""
    rows = [(_clean_name(result), "", *["–"] * len(SEVERITIES), _cell_text(result.clean))]
    for name in result.corruptions:
        cells = result.row(name)
        mean = percent(float(np.mean([cell.accuracy for cell in cells])), digits=1, unit="")
        rows.append((name, cells[0].group, *map(_cell_text, cells), mean))
    table = format_table(HEADER, rows, fmt)
    if fmt == "csv":
        return table
    notes = [format_note(note, fmt) for note in result.overlap.notes] if result.overlap else []
    return "\n\n".join([table, robustness_summary(result), *notes])


def _clean_name(result: Robustness) -> str:
    return f"clean {result.overlap.tag}".strip() if result.overlap else "clean"


def robustness_summary(result: Robustness) -> str:
    """The mean error as one sentence."""
    return (
        f"mean error over {len(result.corruptions)} corruptions x {len(SEVERITIES)} severities: "
        f"{accuracy_text(result.mean_error, result.interval)}, not relative to a reference net; "
        f"clean {percent(1 - result.clean.accuracy)}, n = {result.n:,}"
    )


def _cell_text(cell: Cell) -> str:
    return accuracy_text(cell.accuracy, cell.interval, digits=1, unit="")
