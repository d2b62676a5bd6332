"""Robustness as table and figure."""

import csv
import io

import pytest

from assay.evaluation.robustness import Cell, Robustness
from assay.report.plots import robustness
from assay.report.plots.run import save


@pytest.fixture
def found():
    cells = tuple(
        Cell(name, group, severity, 90 - 10 * severity, 0.9 - 0.1 * severity, (0.1, 0.95))
        for name, group in (("fog", "weather"), ("jpeg", "digital"))
        for severity in range(1, 6)
    )
    return Robustness("shapes/test", 100, Cell("clean", "", 0, 95, 0.95, (0.9, 0.98)), cells, 0.4, (0.35, 0.45))


def test_the_table_has_a_line_for_each_corruption_and_the_clean_images(found):
    rows = list(csv.reader(io.StringIO(robustness.table(found, "csv"))))
    assert rows[0] == ["corruption", "group", *(f"severity {k}" for k in range(1, 6)), "mean"]
    assert rows[1] == ["clean", "", *["–"] * 5, "95.0 [90.0, 98.0]"]
    assert rows[2][:3] == ["fog", "weather", "80.0 [10.0, 95.0]"]
    assert rows[3][-1] == "60.0"


def test_the_mean_error_is_named_as_what_it_is(found):
    text = robustness.table(found, "text")
    assert text.endswith(
        "mean error over 2 corruptions x 5 severities: 40.00 % [35.00, 45.00], not relative to a reference net; "
        "clean 5.00 %, n = 100"
    )


def test_the_figure_has_a_number_in_every_cell(found, tmp_path):
    drawn = robustness.figure(found, "a run")
    texts = [text.get_text() for text in drawn.axes[0].texts]
    assert texts == ["95.0", "80.0", "70.0", "60.0", "50.0", "40.0"] * 2
    save(drawn, tmp_path / "one.png")
    assert (tmp_path / "one.png").stat().st_size > 5000
