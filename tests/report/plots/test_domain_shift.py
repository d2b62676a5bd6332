"""Domain shift as a figure."""

import numpy as np
import pytest

from assay.evaluation.domain_shift import ALL_MATCHES, ChangedPhotos, DomainShift, StatisticDifference
from assay.report.plots.domain_shift import domain_shift_panels
from assay.report.plots.style import save


@pytest.fixture
def result():
    def variant(name, gain, p):
        return ChangedPhotos(name, f"how {name}", 0.01, 0.7 + gain, (0.6, 0.9), gain, (gain - 0.04, gain + 0.04), p)

    variants = (variant("sharpness", 0.15, 1e-5), variant("brightness", 0.01, 1.0), variant(ALL_MATCHES, 0.16, 1e-5))
    return DomainShift(
        "mine", 200, "cifar10/train", 5000, "256 x 172 px in the median", "32 x 32 px", 0.7, (0.63, 0.76),
        (
            StatisticDifference("sharpness", 3.3, 4.0, 2.9, (2.7, 3.1)),
            StatisticDifference("brightness", 0.48, 0.53, 0.4, (0.2, 0.5)),
        ),
        variants, variant("report's blur", 0.08, 0.003),
    )  # fmt: skip


def test_the_figure_has_a_panel_for_each_statistic_and_one_for_the_accuracies(result, tmp_path):
    generator = np.random.default_rng(0)
    values = {item.statistic: (generator.normal(size=500), generator.normal(1, 1, 80)) for item in result.differences}
    figure = domain_shift_panels(result, values, "a run")
    titles = [axes.get_title(loc="left") for axes in figure.axes if axes.axison]
    assert titles == [
        "sharpness: +2.90 [+2.70, +3.10]", "brightness: +0.40 [+0.20, +0.50]", "accuracy (%) with one of them matched"
    ]  # fmt: skip
    names = [label.get_text() for label in figure.axes[2].get_yticklabels()]
    assert names == ["as they are", "sharpness", "brightness", ALL_MATCHES, "report's blur"]
    save(figure, tmp_path / "one.png")
    assert (tmp_path / "one.png").stat().st_size > 5000
