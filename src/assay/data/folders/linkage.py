"""Complete linkage: groups in which all images are copies of all others, so that likeness cannot chain.

Single linkage joins A to C because both are like B; over thousands of images that are alike it joins whole classes.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.int64]

_MEMBERS = 6  # of each group, evenly spaced, stand in for larger ones


def link_completely(
    pairs: Indices, distances: NDArray[np.float32], n: int, are_copies: Callable[[Indices], bool]
) -> Indices:
    """The number of each image's group, int64 (n,): the first image in it.

    pairs: int64 (P, 2), copies, joined from the smallest distance on. are_copies: whether all of other pairs (Q, 2) are
    copies too, which is asked before two groups become one.
    """
    groups = {image: [image] for image in range(n)}
    number = np.arange(n)
    copies = set(map(tuple, np.sort(pairs, axis=1).tolist()))
    for i, j in pairs[np.argsort(distances, kind="stable")].tolist():
        first, second = sorted((int(number[i]), int(number[j])))
        if first == second:
            continue
        across = [(min(a, b), max(a, b)) for a in _spread(groups[first]) for b in _spread(groups[second])]
        missing = [pair for pair in across if pair not in copies]
        if missing and not are_copies(np.array(missing, np.int64)):
            continue
        groups[first] = sorted(groups[first] + groups.pop(second))
        number[groups[first]] = first
    return number


def _spread(members: list[int]) -> list[int]:
    """All of a small group, or some of a large one."""
    if len(members) <= _MEMBERS:
        return members
    return [members[i] for i in np.linspace(0, len(members) - 1, _MEMBERS).astype(int).tolist()]
