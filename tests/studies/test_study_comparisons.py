"""Which variants of a study are compared, and how p is corrected: by hand and by simulation."""

import numpy as np
import pytest
from scipy import stats

from assay.evaluation.comparison import compare_groups
from assay.evaluation.group import Group
from assay.evaluation.predictions import Predictions
from assay.evaluation.statistics import holm
from assay.studies.study_comparisons import compare_variants


def group(name: str, hits: np.ndarray) -> Group:
    n = hits.shape[1]
    labels, indices = np.zeros(n, dtype=np.int64), np.arange(n)
    logits = np.stack([hits, ~hits], axis=2).astype(np.float32)
    runs = tuple(Predictions(values, labels, indices, ("right", "wrong"), "a/b") for values in logits)
    return Group(name, runs, tuple(range(len(hits))))


def equal_groups(rng: np.random.Generator, variants: int, runs: int, n: int = 60) -> dict[str, Group]:
    """Variants without a true difference, on images that are not equally hard."""
    hardness, shifts = rng.normal(size=n), 0.3 * rng.normal(size=(variants, runs, 1))
    hits = hardness + shifts + rng.normal(size=(variants, runs, n)) > -1
    return {f"v{i}": group(f"v{i}", one) for i, one in enumerate(hits)}


def test_without_parents_all_are_compared_with_the_best_and_corrected_for_every_pair():
    groups = equal_groups(np.random.default_rng(0), variants=4, runs=3)
    best = max(groups, key=lambda name: groups[name].accuracies.mean())
    comparisons = compare_variants(dict.fromkeys(groups), groups)
    alone = [compare_groups(groups[name], groups[best]).adjusted_p for name in groups if name != best]
    assert [one.second for one in comparisons.values()] == [best] * 3
    assert [one.adjusted_p for one in comparisons.values()] == pytest.approx(holm(alone, of=6))


def test_steps_of_a_ladder_are_corrected_for_their_own_number():
    groups = equal_groups(np.random.default_rng(0), variants=3, runs=3)
    comparisons = compare_variants({"v0": None, "v1": "v0", "v2": "v1"}, groups)
    alone = [compare_groups(groups[a], groups[b]).adjusted_p for a, b in (("v1", "v0"), ("v2", "v1"))]
    assert {name: one.second for name, one in comparisons.items()} == {"v1": "v0", "v2": "v1"}
    assert [one.adjusted_p for one in comparisons.values()] == pytest.approx(holm(alone))


def test_variants_without_results_are_compared_with_nothing():
    groups = equal_groups(np.random.default_rng(0), variants=1, runs=3)
    assert compare_variants({"v0": None, "lost": None}, groups) == {}
    assert compare_variants({"v0": None, "v1": "v0"}, {}) == {}


def test_a_variant_with_one_run_is_not_compared_with_several():
    groups = equal_groups(np.random.default_rng(0), variants=2, runs=3)
    single = Group("v1", groups["v1"].predictions[:1], (0,))
    assert compare_variants({"v0": None, "v1": None}, {**groups, "v1": single}) == {}


@pytest.mark.parametrize(("variants", "runs"), [(9, 5), (24, 10)])
def test_among_equal_variants_hardly_any_is_called_worse_than_the_best(variants, runs):
    """With p corrected only for the comparisons shown, some is below 5 % in 10 to 20 % of such studies."""
    accuracies = np.random.default_rng(2).normal(size=(400, variants, runs))
    alarms = 0
    for study in accuracies:
        best = study.mean(axis=1).argmax()
        p = stats.ttest_rel(study[best], np.delete(study, best, axis=0), axis=1).pvalue
        alarms += min(holm(p, of=variants * (variants - 1) // 2)) < 0.05
    assert alarms <= 0.05 * len(accuracies)
