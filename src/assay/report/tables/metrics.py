"""Metrics as tables for the terminal, and the one way in which an accuracy is written. Figures are in `figures`."""

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from assay.evaluation.metrics import Metrics
from assay.report.tables.formats import FAULTY


def accuracy_text(metrics: Metrics) -> str:
    """The accuracy with its interval, such as "88.62 % [87.98, 89.23]"; the n belongs beside it."""
    low, high = metrics.interval
    return f"{100 * metrics.accuracy:.2f} % [{100 * low:.2f}, {100 * high:.2f}]"


def red(name: str) -> Text:
    """A name for a table of Rich, its faults in red."""
    text = Text(name)
    text.highlight_regex(FAULTY, "bold red")
    return text


def metrics_table(sets: Sequence[Metrics]) -> Table:
    """One column for each set of images, one row for each metric."""
    table = Table(title="Metrics (95 % intervals)", title_justify="left")
    table.add_column("metric")
    for metrics in sets:
        table.add_column(Text(metrics.data), justify="right", overflow="fold")
    rows = [_rows(metrics) for metrics in sets]
    for name in dict.fromkeys(name for row in rows for name in row):
        table.add_row(name, *(Text(row.get(name, "–")) for row in rows))  # Text: brackets would be markup
    return table


def per_class_table(metrics: Metrics) -> Table:
    """One row for each class, in the order of the data set; a dash where there is nothing to measure."""
    table = Table(title=Text(f"Classes of {metrics.data}"), title_justify="left")
    table.add_column("class")
    for name in ("n", "errors", "precision %", "recall %", "F1 %"):
        table.add_column(name, justify="right")
    for one in metrics.per_class:
        shares = [f"{100 * share:.2f}" for share in (one.precision, one.recall, one.f1)] if one.n else ["–"] * 3
        table.add_row(Text(one.name), f"{one.n:,}", f"{one.n - one.correct:,}", *shares)
    return table


def _rows(metrics: Metrics) -> dict[str, str]:
    return {
        "images (n)": f"{metrics.n:,}",
        "accuracy": accuracy_text(metrics),
        **{f"top-{k} accuracy": f"{100 * share:.2f} %" for k, share in metrics.top_k.items() if k > 1},
        "loss (nats per image)": f"{metrics.loss:.4f}",
        "macro precision": f"{100 * metrics.macro.precision:.2f} %",
        "macro recall": f"{100 * metrics.macro.recall:.2f} %",
        "macro F1 (mean of F1s)": f"{100 * metrics.macro.f1:.2f} %",
        "macro F1 (of the means)": f"{100 * metrics.macro_f1_of_means:.2f} %",
        "weighted precision": f"{100 * metrics.weighted.precision:.2f} %",
        "weighted recall": f"{100 * metrics.weighted.recall:.2f} %",
        "weighted F1": f"{100 * metrics.weighted.f1:.2f} %",
    }
