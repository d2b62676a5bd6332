"""Comparisons as a table, or as JSON."""

import json
from collections.abc import Sequence
from dataclasses import asdict

from assay.core.numbers import p_value, percent, points, points_interval
from assay.evaluation.comparison import Comparison
from assay.report.tables.formats import format_table

HEADER = (
    "compared", "with", "runs", "accuracy %", "difference, points", "over seeds", "over images", "over both", "p",
    "verdict",
)  # fmt: skip


def comparison_table(comparisons: Sequence[Comparison], fmt: str) -> str:
    """The comparisons in that format. Raises UsageError for an unknown format."""
    if fmt == "json":
        return json.dumps([json_values(comparison) for comparison in comparisons], indent=2)
    return format_table(HEADER, [row(comparison) for comparison in comparisons], fmt)


def json_values(comparison: Comparison) -> dict[str, object]:
    """The fields of one comparison, and what follows from them."""
    derived = ("interval", "least_difference", "runs_needed", "needs_images", "verdict", "reason")
    return {**asdict(comparison), **{name: getattr(comparison, name) for name in derived}}


def row(comparison: Comparison) -> tuple[str, ...]:
    """The cells of one comparison, in the order of HEADER."""
    runs = comparison.seeds.runs if comparison.seeds else (1, 1)
    return (
        comparison.first,
        comparison.second,
        " vs ".join(map(str, runs)),
        " vs ".join(percent(accuracy, unit="") for accuracy in comparison.accuracies),
        points(comparison.difference),
        points_interval(comparison.seeds.interval) if comparison.seeds else "–",
        points_interval(comparison.image_interval),
        points_interval(comparison.interval) if comparison.interval else "–",
        p_value(comparison.adjusted_p),
        comparison.verdict,
    )
