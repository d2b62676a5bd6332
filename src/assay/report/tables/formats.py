"""A table for people, papers and programs: text, Markdown, LaTeX or CSV. What stands in it is decided elsewhere."""

import csv
import io
import re
from collections.abc import Sequence
from typing import Literal, get_args

from assay.core.errors import unknown

Format = Literal["text", "markdown", "latex", "csv"]
Cells = Sequence[str]

FAULTY = re.compile(r"\[FAULTY: .*?\]")
_RED, _PLAIN = "\033[1;31m", "\033[0m"  # a terminal's red; `typer.echo` leaves it out elsewhere


def grid(header: Cells, rows: Sequence[Cells], form: str) -> str:
    """The table in that format, faults in red where there is red. Raises UsageError for another word."""
    match form:
        case "text":
            return FAULTY.sub(lambda found: f"{_RED}{found[0]}{_PLAIN}", _text(header, rows))
        case "markdown":
            lines = (header, ["---"] * len(header), *rows)
            return FAULTY.sub(r"**\g<0>**", "\n".join("| " + " | ".join(line) + " |" for line in lines))
        case "latex":
            return _latex(header, rows)
        case "csv":
            page = io.StringIO()
            csv.writer(page, lineterminator="\n").writerows([header, *rows])
            return page.getvalue().rstrip("\n")
    raise unknown("format", form, (*get_args(Format), "json"))


def _text(header: Cells, rows: Sequence[Cells]) -> str:
    widths = [max(len(line[i]) for line in (header, *rows)) for i in range(len(header))]
    padded = ([cell.ljust(width) for cell, width in zip(line, widths, strict=True)] for line in (header, *rows))
    return "\n".join("  ".join(cells).rstrip() for cells in padded)


_LATEX = {"\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "#": r"\#", "_": r"\_", "$": r"\$", "{": r"\{", "}": r"\}",
          "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"$<$", "–": "--"}  # fmt: skip


def _latex(header: Cells, rows: Sequence[Cells]) -> str:
    """A tabular with booktabs' rules, \\usepackage{booktabs}; with faults \\usepackage{xcolor} too."""

    def line(cells: Cells) -> str:
        escaped = " & ".join("".join(_LATEX.get(c, c) for c in cell) for cell in cells)
        return "  " + FAULTY.sub(r"\\textcolor{red}{\g<0>}", escaped) + r" \\"

    top = [r"\begin{tabular}{" + "l" * len(header) + "}", r"  \toprule", line(header), r"  \midrule"]
    return "\n".join([*top, *map(line, rows), r"  \bottomrule", r"\end{tabular}"])
