"""A study's results as a table: text, Markdown, LaTeX, CSV or JSON."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from math import sqrt
from statistics import mean, variance

from assay.core.numbers import p_value, percent, percent_interval, points
from assay.evaluation.comparison import Comparison
from assay.evaluation.statistics import winners_curse
from assay.recipes.labels import with_faults
from assay.report.tables.comparison import json_values
from assay.report.tables.formats import format_table
from assay.studies.results import Row

HEADER = (
    "variant", "runs", "validation %", "95 % interval", "epochs", "minutes",
    "against", "difference, points", "p", "verdict", "state",
)  # fmt: skip


def format_study(rows: Sequence[Row], fmt: str) -> str:
    """The table as text, markdown, latex, csv or json. Raises UsageError for any other format."""
    if fmt == "json":
        return json.dumps([_json_values(row) for row in rows], indent=2)
    table = format_table(HEADER, [format_cells(row) for row in rows], fmt)
    return table if fmt == "csv" else "\n\n".join([table, *_correction_notes(rows), *table_notes(rows)])


def _json_values(row: Row) -> dict[str, object]:
    comparison = row.comparison
    return {
        **asdict(row),
        "comparison": json_values(comparison) if comparison else None,
        "interval": row.interval,
        "test_interval": row.test_interval,
        "state": row.state,
        "verdict": comparison.verdict if comparison else None,
    }


def _correction_notes(rows: Sequence[Row]) -> list[str]:
    """For how many comparisons p is corrected, if for more than one."""
    comparisons = max((row.comparison.comparisons for row in rows if row.comparison), default=1)
    return [f"p is corrected for {comparisons} comparisons (Holm)."] if comparisons > 1 else []


def table_notes(rows: Sequence[Row]) -> list[str]:
    """How much of the best variant's lead may be luck, for three variants or more."""
    finalists = [row for row in rows if row.validation and row.is_finalist]
    if len(finalists) < 3:
        return []
    best = max(finalists, key=lambda row: mean(row.validation))
    spreads = [variance(row.validation) / len(row.validation) for row in finalists if len(row.validation) > 1]
    if not spreads:
        return [f"One run each: how much of {best.name}'s lead is luck cannot be known; add --replicates 3."]
    curse = winners_curse(sqrt(mean(spreads)), len(finalists))
    return [
        f"{best.name} is the best of {len(finalists)}; the best of {len(finalists)} equally good variants would be "
        f"{100 * curse:.2f} points too high by luck alone."
    ]


def format_cells(row: Row) -> tuple[str, ...]:
    """One variant's cells, in the order of HEADER."""
    is_complete = len(row.validation) == row.seeds
    accuracy = mean(row.validation) if row.validation else row.accuracy_when_stopped
    interval = row.interval
    return (
        with_faults(row.name, row.faults),
        str(row.seeds) if is_complete else f"{len(row.validation)} of {row.seeds}",
        "–" if accuracy is None else percent(accuracy, unit=""),
        percent_interval(interval) if interval else "–",
        f"{row.epochs:.3g}",
        f"{row.seconds / 60:.1f}",
        *_comparison_cells(row.comparison),
        row.state,
    )


def _comparison_cells(comparison: Comparison | None) -> tuple[str, str, str, str]:
    if comparison is None:
        return ("–",) * 4
    return comparison.second, points(comparison.difference), p_value(comparison.adjusted_p), comparison.verdict
