"""Which variants of a study are compared, and for how many comparisons their p values are corrected."""

from collections.abc import Mapping

from assay.core.errors import DataError
from assay.evaluation.comparison import Comparison, adjust_p_values, compare_groups
from assay.evaluation.group import Group


def compare_variants(parents: Mapping[str, str | None], groups: Mapping[str, Group]) -> dict[str, Comparison]:
    """Compare each variant with the one it builds on. If none builds on another, compare all with the best.

    parents: what each variant builds on, in the order of the result. groups: of the variants that have results.

    The best is chosen by the same runs, so any pair could have been the one shown: p values of comparisons with it are
    adjusted for all pairs (Holm 1979), those of comparisons with a parent for their own number.
    """
    has_parents = any(parents.values())
    best = max(groups, key=lambda name: groups[name].accuracies.mean(), default=None)
    opponents = parents if has_parents else dict.fromkeys(parents, best)
    possible = {name: _compare(name, opponent, groups) for name, opponent in opponents.items()}
    comparisons = {name: comparison for name, comparison in possible.items() if comparison is not None}
    pairs = len(groups) * (len(groups) - 1) // 2
    adjusted = adjust_p_values(list(comparisons.values()), of=None if has_parents else pairs)
    return dict(zip(comparisons, adjusted, strict=True))


def _compare(name: str, opponent: str | None, groups: Mapping[str, Group]) -> Comparison | None:
    """None where no comparison is possible: one run with several, or on other images, as with some faults."""
    if opponent is None or opponent == name or not {name, opponent} <= groups.keys():
        return None
    first, second = groups[name], groups[opponent]
    if (len(first.seeds) == 1) != (len(second.seeds) == 1):
        return None
    try:
        return compare_groups(first, second)
    except DataError:
        return None
