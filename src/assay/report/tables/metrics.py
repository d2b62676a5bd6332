"""Metrics as tables for the terminal."""

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from assay.core.numbers import accuracy_text, percent
from assay.evaluation.metrics import METRICS, Metrics
from assay.report.tables.formats import FAULTY

WITHOUT_ROW = {"accuracy", "top_k.1"}  # the accuracy has a row with its interval, and top-1 is the same number


def red(name: str) -> Text:
    """A name for a table of Rich, its faults in red."""
    text = Text(name)
    text.highlight_regex(FAULTY, "bold red")
    return text


def metrics_table(sets: Sequence[Metrics]) -> Table:
    """A column for each set of images, a row for each metric; a dash where a set lacks it."""
    table = Table(title="Metrics (95 % intervals)", title_justify="left")
    table.add_column("metric")
    for metrics in sets:
        table.add_column(red(_column_name(metrics)), justify="right", overflow="fold")
    table.add_row("images (n)", *(f"{metrics.n:,}" for metrics in sets))
    accuracies = [accuracy_text(metrics.accuracy, metrics.interval) for metrics in sets]
    table.add_row("accuracy", *map(Text, accuracies))  # Text, because brackets would be markup
    if any(metrics.overlap and metrics.overlap.used for metrics in sets):
        table.add_row("accuracy on new images", *map(_rest_text, sets))
    for name in METRICS.entries():
        if name not in WITHOUT_ROW and any(name in metrics.scores for metrics in sets):
            table.add_row(Text(METRICS[name].label), *(_score(metrics, name) for metrics in sets))
    return table


def per_class_table(metrics: Metrics) -> Table:
    """A row for each class, in the order of the data set; a dash where a class has no images."""
    table = Table(title=Text(f"Classes of {metrics.data}"), title_justify="left")
    table.add_column("class")
    for name in ("n", "errors", "precision %", "recall %", "F1 %"):
        table.add_column(name, justify="right")
    for row in metrics.per_class:
        shares = ["–"] * 3
        if row.n:
            shares = [percent(share, unit="") for share in (row.precision, row.recall, row.f1)]
        table.add_row(Text(row.name), f"{row.n:,}", f"{row.n - row.correct:,}", *shares)
    return table


def accuracy_cell(metrics: Metrics) -> Text:
    """The accuracy with its interval, and in red how many of the images were used in the training."""
    tag = metrics.overlap.tag if metrics.overlap else ""
    return red(f"{accuracy_text(metrics.accuracy, metrics.interval)} {tag}".strip())


def overlap_notes(sets: Sequence[Metrics]) -> list[Text]:
    """What to know about images of these sets that were used in the training, a line each, with the counts in red."""
    return [red(f"{metrics.data}: {note}") for metrics in sets if metrics.overlap for note in metrics.overlap.notes]


def _column_name(metrics: Metrics) -> str:
    tag = metrics.overlap.tag if metrics.overlap else ""
    return f"{metrics.data} {tag}".strip()


def _rest_text(metrics: Metrics) -> Text:
    if metrics.overlap is None or not metrics.overlap.used or metrics.overlap.new_images is None:
        return Text("–")
    return Text(metrics.overlap.new_images.text)


def _score(metrics: Metrics, name: str) -> str:
    if name not in metrics.scores:
        return "–"
    value = metrics.scores[name]
    return percent(value) if METRICS[name].is_share else f"{value:.4f}"
