"""Comparisons as a table for people, papers and programs: text, Markdown, LaTeX, CSV, JSON."""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Literal, get_args

from assay.errors import unknown
from assay.evaluation.comparison import Comparison
from assay.evaluation.statistics import Interval

Format = Literal["text", "markdown", "latex", "csv", "json"]
HEADER = ("compared", "with", "runs", "accuracy %", "difference, points", "over seeds", "over images", "p", "verdict")


def written(comparisons: Sequence[Comparison], form: str) -> str:
    """The table in that format. Raises UsageError for another word."""
    if form == "json":
        values = [{**asdict(one), "verdict": one.verdict, "reason": one.reason} for one in comparisons]
        return json.dumps(values, indent=2)
    rows = [row(one) for one in comparisons]
    match form:
        case "text":
            return _text(rows)
        case "markdown":
            return "\n".join(["| " + " | ".join(line) + " |" for line in (HEADER, ("---",) * len(HEADER), *rows)])
        case "latex":
            return _latex(rows)
        case "csv":
            page = io.StringIO()
            csv.writer(page, lineterminator="\n").writerows([HEADER, *rows])
            return page.getvalue().rstrip("\n")
    raise unknown("format", form, get_args(Format))


def row(one: Comparison) -> tuple[str, ...]:
    """One comparison's cells, in the order of HEADER."""
    runs = one.seeds.runs if one.seeds else (1, 1)
    accuracies = " vs ".join(f"{100 * accuracy:.2f}" for accuracy in one.accuracies)
    return (
        one.first, one.second, " vs ".join(map(str, runs)), accuracies, f"{100 * one.difference:+.2f}",
        _points(one.seeds.interval) if one.seeds else "–", _points(one.image_interval),
        "< 0.001" if one.adjusted_p < 0.001 else f"{one.adjusted_p:.3f}", one.verdict,
    )  # fmt: skip


def _points(interval: Interval) -> str:
    return f"[{100 * interval[0]:+.2f}, {100 * interval[1]:+.2f}]"


def _text(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(line[i]) for line in (HEADER, *rows)) for i in range(len(HEADER))]
    padded = ([cell.ljust(width) for cell, width in zip(line, widths, strict=True)] for line in (HEADER, *rows))
    return "\n".join("  ".join(cells).rstrip() for cells in padded)


_LATEX = {"\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "#": r"\#", "_": r"\_", "$": r"\$", "{": r"\{", "}": r"\}",
          "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"$<$", "–": "--"}  # fmt: skip


def _latex(rows: Sequence[Sequence[str]]) -> str:
    """A tabular with booktabs' rules: \\usepackage{booktabs}."""

    def line(cells: Sequence[str]) -> str:
        return "  " + " & ".join("".join(_LATEX.get(c, c) for c in cell) for cell in cells) + r" \\"

    top = [r"\begin{tabular}{" + "l" * len(HEADER) + "}", r"  \toprule", line(HEADER), r"  \midrule"]
    return "\n".join([*top, *map(line, rows), r"  \bottomrule", r"\end{tabular}"])
