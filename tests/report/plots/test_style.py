"""Text that can always be drawn."""

from itertools import pairwise

import pytest
from matplotlib.lines import Line2D

from assay.report.plots.style import BLUE, GRAY, caption, headline, legend_above, new_figure, readable, shades


def test_plain_text_stays_as_it_is():
    assert readable("T-shirt/top, Größe 5 Ωмή") == "T-shirt/top, Größe 5 Ωмή"


def test_a_character_without_a_glyph_becomes_its_code():
    assert readable("\U0010fffd") == "U+10FFFD"


def test_lines_and_spaces_are_joined():
    assert readable(" a\n\tb  c ") == "a b c"


def test_dollars_are_escaped():
    assert readable("$x$") == r"\$x\$"


@pytest.mark.parametrize(("text", "expected"), [("abcdef", "abcdef"), ("abcdefg", "abcde…")])
def test_long_text_ends_in_an_ellipsis(text, expected):
    assert readable(text, 6) == expected


@pytest.mark.parametrize("labels", [["run", "mean"], [f"mean, batch_size {2**i}" for i in range(9)]])
def test_a_legend_does_not_meet_the_title(labels):
    figure = new_figure(7, 4)
    figure.subplots()
    legend_above(figure, [Line2D([], [], label=label) for label in labels])
    headline(figure, "a study", "accuracy by hyper-parameter")
    figure.draw_without_rendering()
    (legend,) = figure.legends
    assert not legend.get_window_extent().overlaps(figure._suptitle.get_window_extent())
    assert legend.get_window_extent().x0 >= 0


def test_a_caption_stands_below_the_axes_and_the_figure_grows():
    figure = new_figure(6, 3)
    axes = figure.subplots()
    caption(figure, [("words " * 60, GRAY), ("more", BLUE)])
    figure.draw_without_rendering()
    assert figure.get_figheight() > 3
    assert [text.get_color() for text in figure.texts][-1] == BLUE
    boxes = [text.get_window_extent() for text in figure.texts]
    lowest = axes.get_tightbbox().y0
    assert all(box.y0 >= 0 and box.y1 <= lowest and box.x1 <= figure.bbox.x1 for box in boxes)
    assert all(upper.y0 >= lower.y1 - 1 for upper, lower in pairwise(boxes))


@pytest.mark.parametrize(("count", "in_order"), [(3, True), (7, False), (20, False)])
def test_shades_are_all_different(count, in_order):
    assert len(set(shades(count, in_order))) == count


def test_a_long_headline_ends_before_the_legend():
    figure = new_figure(6, 4)
    figure.subplots().plot([0, 1], label="mean")
    taken = legend_above(figure)
    headline(
        figure, "a-study-with-a-long-name-of-many-words-that-says-what-was-done-to-it", "accuracy by epochs", taken
    )
    figure.draw_without_rendering()
    assert figure.legends[0].get_window_extent().x0 > figure._suptitle.get_window_extent().x1
    assert figure._suptitle.get_text().replace("\n", " ").endswith("accuracy by epochs")
