"""Comparisons as tables: the same cells in every format, and nothing that a format would misread."""

import csv
import io
import json
import re

import pytest

from assay.core.errors import UsageError
from assay.evaluation.comparison import Comparison
from assay.evaluation.joint_test import Noise
from assay.evaluation.statistics import SeedTest
from assay.report.tables.comparison import HEADER, comparison_table, row

SEEDS = SeedTest("paired", 0.0123, (0.002, 0.0226), 0.01, 0.004, 3, (4, 4))
BY_SEEDS = Comparison(
    "a_1", "b", "toy/validation", 5000, (0.9123, 0.9), 0.0123, (0.004, 0.02), seeds=SEEDS,
    noise=Noise((0.006**2,), (0.0,), 0.0, 5000), p=0.015, adjusted_p=0.03, comparisons=2,
)  # fmt: skip
BY_IMAGES = Comparison(
    "c", "b", "toy/validation", 5000, (0.89, 0.9), -0.01, (-0.02, 0.001), mcnemar_p=0.0001, p=0.0001, adjusted_p=0.0001
)
CELLS = (
    "a_1", "b", "4 vs 4", "91.23 vs 90.00", "+1.23", "[+0.20, +2.26]", "[+0.40, +2.00]", "[+0.28, +2.18]", "0.030",
    "real",
)  # fmt: skip


def test_a_row_has_points_runs_both_intervals_and_the_verdict():
    assert row(BY_SEEDS) == CELLS
    assert row(BY_IMAGES)[2:] == (
        "1 vs 1", "89.00 vs 90.00", "-1.00", "–", "[-2.00, +0.10]", "–", "< 0.001", "not shown",
    )  # fmt: skip


def test_csv_reads_back():
    lines = list(csv.reader(io.StringIO(comparison_table([BY_SEEDS, BY_IMAGES], "csv"))))
    assert lines == [list(HEADER), list(CELLS), list(row(BY_IMAGES))]


def test_text_stands_in_columns():
    lines = comparison_table([BY_SEEDS, BY_IMAGES], "text").splitlines()
    assert [re.split(r" {2,}", line) for line in lines] == [list(HEADER), list(CELLS), list(row(BY_IMAGES))]
    assert lines[0].index("verdict") == lines[1].index("real") == lines[2].index("not shown")


def test_markdown_has_a_header_and_a_rule():
    lines = comparison_table([BY_SEEDS], "markdown").splitlines()
    assert lines[1] == "|" + " --- |" * len(HEADER)
    assert lines[2] == "| " + " | ".join(CELLS) + " |"


def test_latex_is_a_booktabs_table_with_special_signs_escaped():
    page = comparison_table([BY_SEEDS, BY_IMAGES], "latex")
    for line in (r"\begin{tabular}{llllllllll}", r"\toprule", r"\midrule", r"\bottomrule", r"\end{tabular}"):
        assert line in page
    assert r"a\_1 & b & 4 vs 4" in page
    assert r"accuracy \%" in page
    assert r"$<$ 0.001" in page


def test_json_holds_fractions_verdict_and_reason():
    (found,) = json.loads(comparison_table([BY_SEEDS], "json"))
    assert (found["difference"], found["verdict"]) == (0.0123, "real")
    assert found["seeds"]["interval"] == [0.002, 0.0226]
    assert "4 runs a side" in found["reason"]
    assert found["interval"] == pytest.approx([0.0028, 0.0218], abs=1e-4)
    assert (found["comparisons"], found["needs_images"]) == (2, False)
    assert 0 < found["least_difference"] < 0.1
    assert found["runs_needed"] > 2


def test_another_format_is_refused_with_the_known_ones():
    with pytest.raises(UsageError, match="unknown format 'markdwn'; did you mean markdown"):
        comparison_table([BY_SEEDS], "markdwn")
