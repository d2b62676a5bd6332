"""Comparisons of made-up runs whose truth is known: verdicts, their reasons, and what cannot be compared."""

import numpy as np
import pytest

from assay.core.errors import DataError, UsageError
from assay.evaluation.comparison import Comparison, Group, compare_all, compare_groups
from assay.evaluation.image_identity import UNKNOWN_IMAGES, ImageIdentity
from assay.evaluation.predictions import Predictions

NAMES = ("cat", "dog")


def predictions(right: np.ndarray, data: str = "toy/validation", indices: np.ndarray | None = None) -> Predictions:
    labels = np.arange(len(right)) % 2
    logits = np.eye(2, dtype=np.float32)[np.where(right, labels, 1 - labels)]
    return Predictions(logits, labels, np.arange(len(right)) if indices is None else indices, NAMES, data)


def group(name: str, accuracy: float, seeds=(0, 1, 2, 3), n: int = 5000, spread: float = 0.003, draw: int = 0) -> Group:
    """Runs whose accuracies vary by `spread`, on images of which some are harder than others for all alike."""
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
    assert "over 4 runs a side, and it holds for other images too" in found.reason


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
    assert min(one.adjusted_p for one in together) == pytest.approx(3 * min(one.seeds.p for one in alone))
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
