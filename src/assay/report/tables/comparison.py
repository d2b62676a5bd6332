"""Comparisons as a table for people, papers and programs: text, Markdown, LaTeX, CSV, JSON."""

import json
from collections.abc import Sequence
from dataclasses import asdict

from assay.core.numbers import Interval
from assay.evaluation.comparison import Comparison
from assay.report.tables.formats import grid

HEADER = ("compared", "with", "runs", "accuracy %", "difference, points", "over seeds", "over images", "p", "verdict")


def written(comparisons: Sequence[Comparison], form: str) -> str:
    """The table in that format. Raises UsageError for another word."""
    if form == "json":
        values = [{**asdict(one), "verdict": one.verdict, "reason": one.reason} for one in comparisons]
        return json.dumps(values, indent=2)
    return grid(HEADER, [row(one) for one in comparisons], form)


def row(one: Comparison) -> tuple[str, ...]:
    """One comparison's cells, in the order of HEADER."""
    runs = one.seeds.runs if one.seeds else (1, 1)
    accuracies = " vs ".join(f"{100 * accuracy:.2f}" for accuracy in one.accuracies)
    return (
        one.first, one.second, " vs ".join(map(str, runs)), accuracies, f"{100 * one.difference:+.2f}",
        points(one.seeds.interval) if one.seeds else "–", points(one.image_interval),
        "< 0.001" if one.adjusted_p < 0.001 else f"{one.adjusted_p:.3f}", one.verdict,
    )  # fmt: skip


def points(interval: Interval) -> str:
    return f"[{100 * interval[0]:+.2f}, {100 * interval[1]:+.2f}]"
