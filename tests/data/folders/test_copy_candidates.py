"""The search in bins gives what sorting all distances gives."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from assay.data.folders import copy_candidates
from assay.data.folders.copy_candidates import nearest


@pytest.mark.parametrize(("n", "k"), [(2, 1), (17, 16), (65, 4), (500, 16), (2000, 16)])
def test_the_nearest_are_those_of_the_full_distance_matrix(n, k, monkeypatch):
    monkeypatch.setattr(copy_candidates, "_BLOCK_NUMBERS", 50_000)
    points = np.random.default_rng(n).normal(size=(n, 5)).astype(np.float32)
    distances = cdist(points, points)
    np.fill_diagonal(distances, np.inf)
    assert (np.sort(nearest(points, points, k)) == np.sort(np.argsort(distances)[:, :k])).all()
