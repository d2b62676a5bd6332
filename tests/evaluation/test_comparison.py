"""Comparisons of made-up runs whose truth is known: verdicts, their reasons, and what cannot be compared."""

import numpy as np
import pytest

from assay.core.errors import DataError, UsageError
from assay.evaluation.comparison import Comparison, adjust_p_values, compare_all, compare_groups
from assay.evaluation.group import Group
from assay.evaluation.image_identity import UNKNOWN_IMAGES, ImageIdentity
from assay.evaluation.predictions import Predictions

NAMES = ("cat", "dog")


def predictions(right: np.ndarray, data: str = "toy/validation", indices: np.ndarray | None = None) -> Predictions:
    labels = np.arange(len(right)) % 2
    logits = np.eye(2, dtype=np.float32)[np.where(right, labels, 1 - labels)]
    return Predictions(logits, labels, np.arange(len(right)) if indices is None else indices, NAMES, data)


def group(name: str, accuracy: float, seeds=(0, 1, 2, 3), n: int = 5000, spread: float = 0.003, draw: int = 0) -> Group:
    """Runs whose accuracies vary by `spread`, on images that are not equally hard."""
    hardness = np.random.default_rng(99).normal(size=n)
    rng = np.random.default_rng([draw, *name.encode()])
    runs = []
    for shift in rng.normal(0, spread, len(seeds)):
        score = -hardness + 0.5 * rng.normal(size=n)
        wrong = round(n * (1 - accuracy - shift))
        runs.append(predictions(score >= np.partition(score, wrong)[wrong]))
    return Group(name, tuple(runs), tuple(seeds))


def test_a_large_difference_over_seeds_and_images_is_real():
    found = compare_groups(group("better", 0.92), group("base", 0.90))
    assert found.verdict == "real"
    assert found.difference == pytest.approx(0.02, abs=0.006)
    assert found.seeds.kind == "paired"
    assert found.seeds.interval[0] < found.difference < found.seeds.interval[1]
    assert "over 4 runs a side and 5,000 images: it holds for other seeds and images" in found.reason


def test_two_runs_of_one_recipe_that_differ_as_much_are_noise():
    found = compare_groups(group("one", 0.900), group("other", 0.9005))
    assert found.verdict == "inside the noise"
    assert found.least_difference > 0.004
    assert "this design could show" in found.reason


def test_a_difference_that_too_few_seeds_cannot_show_is_not_shown():
    found = compare_groups(group("one", 0.910, seeds=(0, 1), spread=0.004), group("two", 0.900, (0, 1), spread=0.004))
    assert found.verdict == "not shown"
    assert found.runs_needed > 2
    assert f"{found.runs_needed} runs a side would settle one of this size" in found.reason


def test_a_difference_over_seeds_that_other_images_could_turn_is_not_real():
    """Both sides are sure of the same few images, on which alone they differ."""
    always, rng = np.ones(40, dtype=bool), np.random.default_rng(0)
    one, other = always.copy(), always.copy()
    one[:4], other[4:5] = False, False
    jitter = lambda hits: np.where(np.arange(40) == 10 + rng.integers(3), False, hits)  # noqa: E731
    better = Group("better", tuple(predictions(jitter(other)) for _ in range(8)), tuple(range(8)))
    worse = Group("worse", tuple(predictions(jitter(one)) for _ in range(8)), tuple(range(8)))
    found = compare_groups(better, worse)
    assert found.seeds.p < 0.001
    assert found.image_interval[0] <= 0
    assert found.verdict == "not shown"
    assert "other images than these 40 could say otherwise" in found.reason


def test_other_seeds_are_compared_by_welch():
    found = compare_groups(group("a", 0.92, seeds=(0, 1, 2)), group("b", 0.90, seeds=(3, 4, 5, 6)))
    assert (found.seeds.kind, found.seeds.runs) == ("welch", (3, 4))


def test_seeds_are_paired_by_their_number_and_not_by_their_order():
    one, base = group("a", 0.92), group("b", 0.90)
    turned = Group("b", base.predictions[::-1], base.seeds[::-1])
    assert compare_groups(one, turned).seeds == compare_groups(one, base).seeds


def test_one_run_a_side_says_nothing_about_recipes():
    found = compare_groups(group("a", 0.95, seeds=(0,)), group("b", 0.90, seeds=(0,)))
    assert found.seeds is None
    assert found.mcnemar_p < 0.001
    assert found.verdict == "not shown"
    assert "these two nets differ on these 5,000 images; one run a side says nothing about the recipes" in found.reason
    assert compare_groups(group("a", 0.90, seeds=(0,)), group("b", 0.90, seeds=(0,))).verdict == "inside the noise"


def test_one_run_against_several_is_refused():
    with pytest.raises(UsageError, match="a has 1 run and b 4; give each at least two, or both one"):
        compare_groups(group("a", 0.9, seeds=(0,)), group("b", 0.9))


def test_several_comparisons_are_held_to_a_stricter_measure():
    groups = [group(name, accuracy) for name, accuracy in (("base", 0.900), ("a", 0.906), ("b", 0.901), ("c", 0.920))]
    together = compare_all(groups, base=groups[0])
    alone = [compare_groups(one, groups[0]) for one in groups[1:]]
    assert [one.first for one in together] == ["a", "b", "c"]
    assert [one.difference for one in together] == [one.difference for one in alone]
    assert min(one.adjusted_p for one in together) == pytest.approx(3 * min(one.p for one in alone))
    assert all(a.adjusted_p >= b.adjusted_p for a, b in zip(together, alone, strict=True))


def test_without_a_base_every_pair_is_compared():
    groups = [group(name, 0.9) for name in "abc"]
    assert [(one.first, one.second) for one in compare_all(groups)] == [("a", "b"), ("a", "c"), ("b", "c")]


def changed(data="toy/validation", indices=None, labels=None) -> Group:
    usual = predictions(np.ones(50, dtype=bool))
    indices = usual.indices if indices is None else indices
    labels = usual.labels if labels is None else labels
    return Group("b", (Predictions(usual.logits, labels, indices, NAMES, data),), (0,))


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"data": "toy/test"}, "b was evaluated on toy/test, a on toy/validation"),
        ({"indices": np.arange(50) + 5}, "different images of toy/validation: 10 are in only one of them"),
        ({"labels": np.zeros(50, dtype=np.int64)}, "b and a have different labels for the same images"),
    ],
)
def test_runs_on_different_images_are_refused(other, message):
    one = Group("a", (predictions(np.ones(50, dtype=bool)),), (0,))
    with pytest.raises(DataError, match=message):
        compare_groups(one, changed(**other))


def shown(name: str, images: ImageIdentity, data: str = "toy/validation") -> Group:
    """A run with predictions on images of this identity."""
    return Group(name, (predictions(np.ones(50, dtype=bool), data),), (0,), images)


def test_runs_on_other_images_of_one_name_and_number_are_refused():
    one, other = (shown(name, ImageIdentity(name * 64, (1, 8, 8))) for name in "ab")
    with pytest.raises(
        DataError, match="b and a were evaluated on different images, both called toy/validation: their"
    ):
        compare_groups(one, other)


@pytest.mark.parametrize("images", [UNKNOWN_IMAGES, ImageIdentity("b", (1, 9, 9)), ImageIdentity("a", (1, 8, 8))])
def test_images_that_are_not_known_to_differ_are_compared(images):
    assert compare_groups(shown("a", ImageIdentity("a", (1, 8, 8))), shown("b", images)).n == 50


def test_equal_images_of_another_name_are_compared():
    images = ImageIdentity("a", (1, 8, 8))
    assert compare_groups(shown("a", images), shown("b", images, "moved/validation")).n == 50


# What a verdict promises, by simulation; real trainings are in benchmarks/


def verdicts(accuracy: float, times: int, seeds=(0, 1, 2)) -> list[Comparison]:
    return [
        compare_groups(group("a", accuracy, seeds, 1000, draw=i), group("b", 0.9, seeds, 1000, draw=i))
        for i in range(times)
    ]


def test_one_recipe_twice_is_seldom_called_different():
    assert sum(one.verdict == "real" for one in verdicts(0.9, 120)) <= 0.05 * 120 + 3


def test_a_planted_difference_is_found():
    assert sum(one.verdict == "real" for one in verdicts(0.93, 60, seeds=range(5))) >= 50


# Verdicts and what each of the tests says


def from_hits(name: str, hits: np.ndarray, seeds=None) -> Group:
    return Group(name, tuple(predictions(run) for run in hits), tuple(range(len(hits)) if seeds is None else seeds))


def wrong_on(counts: list[int], n: int = 1000) -> np.ndarray:
    """Runs, bool (S, n): run s is wrong on `counts[s]` images, other ones for each run."""
    rng = np.random.default_rng(sum(counts))
    hits = np.ones((len(counts), n), dtype=bool)
    for run, count in zip(hits, counts, strict=True):
        run[rng.choice(n, count, replace=False)] = False
    return hits


def test_a_small_difference_that_many_seeds_show_is_not_inside_the_noise():
    """A hundred runs that differ by less than two single runs do, but surely; on other images it may vanish."""
    counts = [80 + 10 * (i % 5) for i in range(100)]
    better, worse = wrong_on(counts), wrong_on([count + 1 for count in counts])
    better[:, :24], worse[:, :24] = True, True
    better[:, :9], worse[:, 9:24] = False, False
    found = compare_groups(from_hits("better", better), from_hits("worse", worse, range(100, 200)))
    assert abs(found.difference) < found.seeds.spread
    assert found.rejects_over_seeds
    assert found.adjusted_p > 0.05
    assert found.verdict == "not shown"
    assert "but other images than these 1,000 could say otherwise" in found.reason


def test_what_images_alone_show_is_not_inside_the_noise():
    """Two runs a side whose accuracies are far apart, which seeds alone cannot show."""
    found = compare_groups(from_hits("a", wrong_on([100, 160])), from_hits("b", wrong_on([190, 170], 1000)))
    assert found.rejects_over_images
    assert not found.rejects_over_seeds
    assert found.verdict == "not shown"
    assert "other images would show it, but other seeds could say otherwise" in found.reason


def test_what_is_shown_alone_and_not_together_is_not_inside_the_noise():
    found = compare_groups(group("a", 0.906), group("b", 0.900))
    assert found.p < 0.05
    among_many = adjust_p_values([found] * 200)[0]
    assert among_many.adjusted_p > 0.05
    assert among_many.verdict == "not shown"
    assert f"alone, but p = {among_many.adjusted_p:.3f} as one of 200 comparisons" in among_many.reason


def test_two_nets_that_differ_only_without_the_correction_may_differ():
    found = compare_groups(group("a", 0.910, seeds=(0,), spread=0), group("b", 0.901, seeds=(0,), spread=0))
    among_many = adjust_p_values([found] * 1000)[0]
    assert among_many.mcnemar_p < 0.05 < among_many.adjusted_p
    assert among_many.verdict == "not shown"
    assert "these two nets may differ" in among_many.reason


def test_comparisons_made_together_take_more_runs_and_show_less():
    found = compare_groups(group("a", 0.905), group("b", 0.900))
    among_nine = adjust_p_values([found] * 9)[0]
    assert among_nine.comparisons == 9
    assert among_nine.least_difference > 1.3 * found.least_difference
    assert among_nine.runs_needed > found.runs_needed
    assert f"could show {100 * among_nine.least_difference:.2f} points as one of 9 comparisons" in among_nine.reason


def test_correcting_twice_is_correcting_once():
    once = adjust_p_values([compare_groups(group("a", 0.906), group("b", 0.900))] * 3)
    assert adjust_p_values(once) == once


def test_where_images_are_the_limit_more_images_are_asked_for():
    """Sure of their answers, the recipes differ on few images: no seed changes that."""
    first, second = wrong_on([100] * 5), wrong_on([100] * 5)
    first[:, :20], first[:, 20:34], second[:, :20], second[:, 20:34] = True, False, False, True
    found = compare_groups(from_hits("a", first), from_hits("b", second))
    assert found.needs_images
    assert found.runs_needed is None
    assert "one of this size takes more images, not more runs" in found.reason


def test_real_is_said_of_an_interval_over_seeds_and_images_that_excludes_zero():
    found = compare_groups(group("better", 0.92), group("base", 0.90))
    assert found.interval[0] > 0
    assert found.interval[0] < found.seeds.interval[0]
    assert found.p > found.seeds.p
