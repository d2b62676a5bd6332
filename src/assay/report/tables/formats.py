"""Tables as text, Markdown, LaTeX or CSV."""

import csv
import io
import os
import re
from collections.abc import Sequence
from typing import Literal, get_args

from assay.core.errors import unknown

Format = Literal["text", "markdown", "latex", "csv"]
Cells = Sequence[str]

FORMATS = get_args(Format)
JSON_FORMATS = (*FORMATS, "json")  # of tables that are also given as JSON

FAULTY = re.compile(r"\[(?:FAULTY|USED IN TRAINING): .*?\]")
_RED, _PLAIN = "\033[1;31m", "\033[0m"  # a terminal's red; `typer.echo` removes it where there is no terminal


def format_table(header: Cells, rows: Sequence[Cells], fmt: str) -> str:
    """The table in a Format, with faults in red where there is color. Raises UsageError for an unknown format."""
    match fmt:
        case "text":
            return _mark(_text(header, rows), fmt)
        case "markdown":
            lines = (header, ["---"] * len(header), *rows)
            return _mark("\n".join("| " + " | ".join(line) + " |" for line in lines), fmt)
        case "latex":
            return _latex(header, rows)
        case "csv":
            page = io.StringIO()
            csv.writer(page, lineterminator="\n").writerows([header, *rows])
            return page.getvalue().rstrip("\n")
    raise unknown("format", fmt, JSON_FORMATS)


def format_note(note: str, fmt: str) -> str:
    """A sentence below a table in that format, marked like the names in it."""
    return _latex_line([note]) if fmt == "latex" else _mark(note, fmt)


def _mark(text: str, fmt: str) -> str:
    """Faults in red or, in Markdown, bold."""
    if fmt == "markdown":
        return FAULTY.sub(r"**\g<0>**", text)
    if os.environ.get("NO_COLOR"):  # https://no-color.org
        return text
    return FAULTY.sub(lambda match: f"{_RED}{match[0]}{_PLAIN}", text)


def _text(header: Cells, rows: Sequence[Cells]) -> str:
    widths = [max(len(line[i]) for line in (header, *rows)) for i in range(len(header))]
    lines = []
    for line in (header, *rows):
        cells = [cell.ljust(width) for cell, width in zip(line, widths, strict=True)]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


_LATEX = {"\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "#": r"\#", "_": r"\_", "$": r"\$", "{": r"\{", "}": r"\}",
          "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"$<$", "–": "--"}  # fmt: skip


def _latex(header: Cells, rows: Sequence[Cells]) -> str:
    """A tabular; needs \\usepackage{booktabs}, and \\usepackage{xcolor} for faults."""

    def line(cells: Cells) -> str:
        return "  " + _latex_line(cells) + r" \\"

    top = [r"\begin{tabular}{" + "l" * len(header) + "}", r"  \toprule", line(header), r"  \midrule"]
    return "\n".join([*top, *map(line, rows), r"  \bottomrule", r"\end{tabular}"])


def _latex_line(cells: Cells) -> str:
    text = " & ".join("".join(_LATEX.get(c, c) for c in cell) for cell in cells)
    return FAULTY.sub(r"\\textcolor{red}{\g<0>}", text)
