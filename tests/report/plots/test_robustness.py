"""Robustness as a figure."""

import pytest

from assay.evaluation.robustness import Cell, Robustness
from assay.report.plots.robustness import robustness_heatmap
from assay.report.plots.style import save


@pytest.fixture
def result():
    cells = tuple(
        Cell(name, group, severity, 90 - 10 * severity, 0.9 - 0.1 * severity, (0.1, 0.95))
        for name, group in (("fog", "weather"), ("jpeg", "digital"))
        for severity in range(1, 6)
    )
    return Robustness("shapes/test", 100, Cell("clean", "", 0, 95, 0.95, (0.9, 0.98)), cells, 0.4, (0.35, 0.45))


def test_the_figure_has_a_number_in_every_cell(result, tmp_path):
    figure = robustness_heatmap(result, "a run")
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert texts == ["95.0", "80.0", "70.0", "60.0", "50.0", "40.0"] * 2
    save(figure, tmp_path / "one.png")
    assert (tmp_path / "one.png").stat().st_size > 5000
