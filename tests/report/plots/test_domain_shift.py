"""The shift panel as tables and as a figure."""

import csv
import io

import numpy as np
import pytest

from assay.core.errors import UsageError
from assay.evaluation.domain_shift import TOGETHER, Difference, Shift, Variant
from assay.report.plots.domain_shift import HEADER, MATCHED_HEADER, figure, tables
from assay.report.plots.run import save


@pytest.fixture
def found():
    def variant(name, gain, p):
        return Variant(name, f"how {name}", 0.01, 0.7 + gain, (0.6, 0.9), gain, (gain - 0.04, gain + 0.04), p)

    variants = (variant("sharpness", 0.15, 1e-5), variant("brightness", 0.01, 1.0), variant(TOGETHER, 0.16, 1e-5))
    return Shift(
        "mine", 200, "cifar10/train", 5000, "256 x 172 px in the median", "32 x 32 px", 0.7, (0.63, 0.76),
        (Difference("sharpness", 3.3, 4.0, 2.9, (2.7, 3.1)), Difference("brightness", 0.48, 0.53, 0.4, (0.2, 0.5))),
        variants, variant("report's blur", 0.08, 0.003),
    )  # fmt: skip


def test_the_tables_have_every_difference_and_every_way(found):
    first, second = tables(found, "csv").split("\n\n")
    differences, ways = (list(csv.reader(io.StringIO(part))) for part in (first, second))
    assert (tuple(differences[0]), tuple(ways[0])) == (HEADER, MATCHED_HEADER)
    assert differences[1] == ["sharpness", "3.300", "4.000", "+2.90 [+2.70, +3.10]"]
    assert differences[3][:3] == ["size", "32 x 32 px", "256 x 172 px in the median"]
    assert [row[0] for row in ways[1:]] == [
        "as they are, n = 200", "sharpness matched", "brightness matched", f"{TOGETHER} matched", "report's blur"
    ]  # fmt: skip
    assert ways[2][1:4] == ["85.0 [60.0, 90.0]", "+15.0 [+11.0, +19.0]", "< 0.001"]


def test_the_verdict_comes_last(found):
    assert tables(found, "text").endswith(
        "\n\nsharpness matters most: matched to the training images, accuracy moves by +15.0 points [+11.0, +19.0], "
        "p < 0.001 after Holm, n = 200"
    )


def test_an_unknown_format_is_refused(found):
    with pytest.raises(UsageError, match="unknown format 'html'"):
        tables(found, "html")


def test_the_figure_has_a_panel_for_each_statistic_and_one_for_the_accuracies(found, tmp_path):
    generator = np.random.default_rng(0)
    values = {one.statistic: (generator.normal(size=500), generator.normal(1, 1, 80)) for one in found.differences}
    drawn = figure(found, values, "a run")
    titles = [axes.get_title(loc="left") for axes in drawn.axes if axes.axison]
    assert titles == [
        "sharpness: +2.90 [+2.70, +3.10]", "brightness: +0.40 [+0.20, +0.50]", "accuracy (%) with one of them matched"
    ]  # fmt: skip
    names = [label.get_text() for label in drawn.axes[2].get_yticklabels()]
    assert names == ["as they are", "sharpness", "brightness", TOGETHER, "report's blur"]
    save(drawn, tmp_path / "one.png")
    assert (tmp_path / "one.png").stat().st_size > 5000
