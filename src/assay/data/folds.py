"""The folds of a folder without test images: each is the test set once, with near-duplicates together."""

from collections import Counter

import numpy as np

from assay.core.randomness import Stream, stream_seed
from assay.data.split import Indices, split

FOLDS = 5


def draw_fold(labels: Indices, groups: Indices, seed: int, number: int) -> Indices:
    """The indices, ascending, of one fold of FOLDS, stratified by class, with groups together.

    labels, groups: int64 (N,). Every image is in one fold, except for classes that would lie entirely in one fold (of a
    single image or group) and the copies of their images: no net could be trained on such a class, so they are in none.
    """
    has_groups = len(np.unique(groups)) < len(groups)
    numbers = _deal_groups(labels, groups, seed) if has_groups else _deal_images(labels, groups, seed)
    fold = np.flatnonzero(numbers == number)
    counts = np.bincount(labels)
    is_whole = np.bincount(labels[fold], minlength=len(counts)) == counts
    untestable_groups = groups[fold[is_whole[labels[fold]]]]
    output: Indices = fold[~np.isin(groups[fold], untestable_groups)]
    return output


def _deal_images(labels: Indices, groups: Indices, seed: int) -> Indices:
    """The fold of each image where no two belong together, int64 (N,): equal draws from what is left."""
    numbers, remainder = np.full(len(labels), FOLDS - 1), np.arange(len(labels))
    for number in range(FOLDS - 1):
        parts = split(
            labels[remainder], 1 / (FOLDS - number), seed, groups=groups[remainder], stream=Stream.TEST
        )  # fmt: skip
        numbers[remainder[parts.validation]] = number
        remainder = remainder[parts.train]
    return numbers


def _deal_groups(labels: Indices, groups: Indices, seed: int) -> Indices:
    """The fold of each image, int64 (N,), with groups whole.

    Greedy, as scikit-learn's StratifiedGroupKFold: the largest group first (by its share of a class), each into the
    fold that has least of its classes, or of these the fewest images. Ties are random, and so is which fold gets the
    largest group.
    """
    generator, counts = np.random.default_rng(stream_seed(seed, Stream.TEST)), np.bincount(labels)
    group_of = np.unique(groups, return_inverse=True)[1]
    class_counts = [Counter[int]() for _ in range(group_of.max() + 1)]
    for group, label in zip(group_of.tolist(), labels.tolist(), strict=True):
        class_counts[group][label] += 1
    largest_shares = np.array([max(n / counts[label] for label, n in needs.items()) for needs in class_counts])
    order = generator.permutation(len(class_counts))
    order = order[np.argsort(-largest_shares[order], kind="stable")]
    loads, sizes, fold_of = [Counter[int]() for _ in range(FOLDS)], [0] * FOLDS, np.empty(len(order), np.int64)
    for group in order.tolist():
        needs = class_counts[group]
        crowding = [sum(load[label] * n / counts[label] ** 2 for label, n in needs.items()) for load in loads]
        fold = min(range(FOLDS), key=lambda number: (crowding[number], sizes[number]))
        loads[fold].update(needs)
        sizes[fold] += needs.total()
        fold_of[group] = fold
    return generator.permutation(FOLDS)[fold_of][group_of]
