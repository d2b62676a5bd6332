"""Robustness as a table."""

import csv
import io

import pytest

from assay.evaluation.robustness import Cell, Robustness
from assay.report.tables.robustness import robustness_table


@pytest.fixture
def result():
    cells = tuple(
        Cell(name, group, severity, 90 - 10 * severity, 0.9 - 0.1 * severity, (0.1, 0.95))
        for name, group in (("fog", "weather"), ("jpeg", "digital"))
        for severity in range(1, 6)
    )
    return Robustness("shapes/test", 100, Cell("clean", "", 0, 95, 0.95, (0.9, 0.98)), cells, 0.4, (0.35, 0.45))


def test_the_table_has_a_line_for_each_corruption_and_the_clean_images(result):
    rows = list(csv.reader(io.StringIO(robustness_table(result, "csv"))))
    assert rows[0] == ["corruption", "group", *(f"severity {k}" for k in range(1, 6)), "mean"]
    assert rows[1] == ["clean", "", *["–"] * 5, "95.0 [90.0, 98.0]"]
    assert rows[2][:3] == ["fog", "weather", "80.0 [10.0, 95.0]"]
    assert rows[3][-1] == "60.0"


def test_the_mean_error_is_named_as_what_it_is(result):
    text = robustness_table(result, "text")
    assert text.endswith(
        "mean error over 2 corruptions x 5 severities: 40.00 % [35.00, 45.00], not relative to a reference net; "
        "clean 5.00 %, n = 100"
    )
