"""Complete linkage: every image of a group is a copy of every other."""

import numpy as np

from assay.data.folders.linkage import link_completely


def link(pairs, n):
    """Groups where exactly these pairs are copies, from the first on."""
    asked = np.array(pairs, np.int64).reshape(-1, 2)
    copies = {tuple(sorted(pair)) for pair in pairs}
    answer = lambda others: all(tuple(sorted(pair)) in copies for pair in others.tolist())  # noqa: E731
    return link_completely(asked, np.arange(len(pairs), dtype=np.float32), n, answer).tolist()


def test_a_chain_is_not_one_group():
    assert link([(0, 1), (2, 3), (1, 2)], 4) == [0, 0, 2, 2]


def test_images_that_are_all_alike_are_one_group():
    assert link([(4, 1), (1, 3), (3, 4)], 5) == [0, 1, 2, 1, 1]


def test_pairs_that_were_no_candidates_are_asked_for():
    groups = link_completely(np.array([(0, 1), (1, 2)]), np.zeros(2, np.float32), 3, lambda others: True)
    assert groups.tolist() == [0, 0, 0]


def test_without_pairs_every_image_is_alone():
    assert link([], 3) == [0, 1, 2]
