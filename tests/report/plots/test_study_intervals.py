"""Intervals and waterfalls show what was measured, and nothing where nothing was. Their looks are checked by eye."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from scipy import stats

from assay.evaluation.comparison import Comparison
from assay.evaluation.joint_test import Noise
from assay.evaluation.statistics import paired_test
from assay.report.plots.study_data import VariantResults
from assay.report.plots.study_intervals import VERDICTS, intervals, waterfall
from assay.report.plots.style import BLUE, RED, save

LONG = "variant=leaky-bn-dropout optimizer=sgd:0.9 lr=0.001 batch_size=128 augment=flip+crop 4"


def texts(figure: Figure) -> str:
    figure.draw_without_rendering()
    return "\n".join(text.get_text() for holder in (figure, *figure.axes) for text in holder.texts)


def names(axes: Axes) -> list[str]:
    return [label.get_text() for label in axes.get_yticklabels()]


def lines(axes: Axes) -> list[tuple[float, float, float]]:
    """Each interval as y, low, high."""
    segments = [
        segment for found in axes.collections if hasattr(found, "get_segments") for segment in found.get_segments()
    ]
    return [(float(a[1]), float(a[0]), float(b[0])) for a, b in segments]


def compared(first: str, second: str, ours: tuple[float, ...], theirs: tuple[float, ...], p: float) -> Comparison:
    """A comparison as `compare_groups` makes it where images add no noise, with this p."""
    a, b = np.array(ours), np.array(theirs)
    gain = float(a.mean() - b.mean())
    test = paired_test(a, b, 1 / 1000) if len(a) > 1 else None
    noise = Noise((np.var(a - b, ddof=1),), (0.0,), 0.0, 1000) if len(a) > 1 else None
    around = (gain - 2 * abs(gain), gain + 2 * abs(gain)) if p > 0.05 else (gain / 2, gain * 3 / 2)
    means = float(a.mean()), float(b.mean())
    return Comparison(
        first, second, "validation", 1000, means, gain, around, seeds=test, noise=noise, p=p, adjusted_p=p
    )


BASE, ADAM, WIDE = (0.70, 0.71, 0.72), (0.80, 0.81, 0.83), (0.79, 0.83, 0.81)


@pytest.fixture
def ladder() -> list[VariantResults]:
    """A base, a step that is real, one inside the noise and one not shown that builds on the first step."""
    worse = (0.78, 0.79, 0.815)
    return [
        VariantResults("base", BASE),
        VariantResults("adam", ADAM, comparison=compared("adam", "base", ADAM, BASE, 0.001)),
        VariantResults("wide", WIDE, comparison=compared("wide", "adam", WIDE, ADAM, 0.9)),
        VariantResults("deep", worse, comparison=compared("deep", "adam", worse, ADAM, 0.06)),
    ]


def test_intervals_are_drawn_as_given_in_per_cent():
    variants = [VariantResults("adam", ADAM, interval=(0.79, 0.84)), VariantResults("base", BASE, interval=(0.6, 0.8))]
    drawn = lines(intervals(variants).axes[0])
    assert drawn == [pytest.approx((0, 79.0, 84.0)), pytest.approx((1, 60.0, 80.0))]


def test_variants_are_sorted_with_those_that_have_no_result_last():
    figure = intervals(
        [VariantResults("lost", (), missing=3), VariantResults("base", BASE), VariantResults("adam", ADAM)]
    )
    assert names(figure.axes[0]) == ["adam", "base", "lost"]
    assert "no result  0 of 3 runs" in texts(figure)


def test_single_runs_have_no_intervals():
    figure = intervals([VariantResults("a", (0.9,)), VariantResults("b", (0.8,))])
    assert lines(figure.axes[0]) == []
    labels = figure.axes[0].get_legend_handles_labels()[1]
    assert labels == ["single run"]


def test_every_run_and_every_mean_is_a_dot():
    axes = intervals([VariantResults("adam", ADAM), VariantResults("base", BASE[:2], missing=1)]).axes[0]
    dots = {
        found.get_label(): found.get_offsets() for found in axes.collections if found.get_label() in ("run", "mean")
    }
    assert sorted(dots["run"][:, 0]) == pytest.approx(sorted(100 * value for value in (*ADAM, *BASE[:2])))
    assert list(dots["mean"][:, 0]) == pytest.approx([100 * np.mean(ADAM), 100 * np.mean(BASE[:2])])


def test_faulty_variants_are_red_and_say_so():
    figure = intervals([VariantResults("adam", ADAM, faults=("double-softmax",)), VariantResults("base", BASE)])
    labels = figure.axes[0].get_yticklabels()
    assert [label.get_text() for label in labels] == ["adam [FAULTY]", "base"]
    assert [label.get_color() for label in labels] == [RED, "0.1"]
    assert "FAULTY: double-softmax: adam" in texts(figure)
    colors = {to_hex(found.get_facecolor()[0]) for found in figure.axes[0].collections if "mean" in found.get_label()}
    assert colors == {RED.lower(), BLUE.lower()}


def test_of_very_many_variants_the_best_are_shown_and_the_title_says_so():
    figure = intervals([VariantResults(f"v{i}", (i / 200, i / 200 + 0.01)) for i in range(100)])
    assert names(figure.axes[0])[0] == "v99"
    assert len(names(figure.axes[0])) == 40
    assert "the best 40 of 100 variants" in figure.get_suptitle()


def test_notes_stand_below_in_full():
    note = "the best of 24 equally good ones would stand 0.31 points too high by luck alone " * 4
    assert note.strip() in " ".join(texts(intervals([VariantResults("a", BASE)], notes=[note])).split())


def test_a_step_of_a_waterfall_goes_from_what_it_builds_on_to_itself(ladder):
    bars = {round(bar.get_y() + 0.3): bar for bar in waterfall(ladder).axes[0].patches}
    ends = {y: (bar.get_x(), bar.get_x() + bar.get_width()) for y, bar in bars.items()}
    assert ends[1] == pytest.approx((100 * np.mean(BASE), 100 * np.mean(ADAM)))
    assert ends[2] == pytest.approx((100 * np.mean(ADAM), 100 * np.mean(WIDE)))
    assert ends[3][0] == pytest.approx(100 * np.mean(ADAM))


def test_a_step_has_the_color_of_its_verdict(ladder):
    verdicts = [one.comparison.verdict for one in ladder[1:]]
    assert verdicts == ["real", "inside the noise", "not shown"]
    bars = {round(bar.get_y() + 0.3): bar for bar in waterfall(ladder).axes[0].patches}
    assert [to_hex(bars[y].get_facecolor()) for y in (1, 2, 3)] == [VERDICTS[word].lower() for word in verdicts]


def test_the_interval_of_a_step_is_scipys_paired_one(ladder):
    (y, low, high), *_ = lines(waterfall(ladder).axes[0])
    expected = stats.ttest_rel([100 * value for value in ADAM], [100 * value for value in BASE]).confidence_interval()
    assert y == 1
    assert (low, high) == pytest.approx((100 * np.mean(BASE) + expected.low, 100 * np.mean(BASE) + expected.high))


def test_a_step_that_builds_on_another_than_the_last_says_on_which(ladder):
    assert names(waterfall(ladder).axes[0]) == ["base", "adam", "wide", "deep (on adam)"]


def test_a_step_that_builds_on_a_faulty_one_finds_it(ladder):
    faulty = replace(ladder[1], faults=("no-shuffle",))
    after = replace(ladder[2], comparison=compared("wide", "adam [FAULTY: no-shuffle]", WIDE, ADAM, 0.9))
    assert names(waterfall([ladder[0], faulty, ladder[2], after]).axes[0])[3] == "wide (on adam)"


def test_of_single_runs_a_waterfall_has_no_intervals():
    step = VariantResults("b", (0.8,), comparison=compared("b", "a", (0.8,), (0.7,), 0.5))
    figure = waterfall([VariantResults("a", (0.7,)), step])
    assert lines(figure.axes[0]) == []
    assert "+10.00  one run a side" in texts(figure)


@pytest.mark.parametrize("draw", [intervals, waterfall])
@pytest.mark.parametrize(
    "variants",
    [
        [VariantResults("only", (0.5,))],
        [VariantResults("lost", (), missing=2)],
        [VariantResults("a", (1.0, 1.0)), VariantResults("b", (1.0, 1.0))],
        [VariantResults("a", (0.0, 0.0))],
        [VariantResults("a", (0.1, 0.99)), VariantResults("猫 $x$ " * 30, (0.9, 0.2), faults=("no-shuffle",) * 9)],
    ],
)
def test_any_study_can_be_drawn(tmp_path: Path, draw, variants):
    save(draw(variants, "猫 $x", ["a note"]), tmp_path / "picture.png")


def test_long_names_of_many_variants_stay_on_the_picture_and_apart():
    figure = intervals(
        [VariantResults(f"{LONG} {i}", (0.5 + i / 100, 0.52 + i / 100)) for i in range(24)], "grid", ["note"]
    )
    figure.draw_without_rendering()
    boxes = [label.get_window_extent() for label in figure.axes[0].get_yticklabels()]
    assert all(box.x0 >= 0 for box in boxes)
    assert all(not a.overlaps(b) for a, b in pairwise(boxes))
    assert all(text.get_window_extent().x1 <= figure.bbox.x1 for text in figure.axes[0].texts)
