"""The pictures of a run have fixed names, and are pictures."""

import numpy as np
from PIL import Image

from assay.evaluation.predictions import Predictions
from assay.report.plots.run_figures import draw
from assay.training.history import Epoch


def test_every_judged_set_gets_its_pictures(tmp_path):
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(30, 3)).astype(np.float32)
    judged = {
        "test": Predictions(logits, rng.integers(0, 3, 30), np.arange(30), ("left", "middle", "right"), "bars/test")
    }
    draw(tmp_path, [Epoch(i, 1.0, 0.1, 1 / i, 0.5, None, None, 100.0) for i in (1, 2)], 2, judged)
    names = {"curves", "test-confusion", "test-confusion-errors-only", "test-errors-per-class"}
    assert {path.name for path in tmp_path.iterdir()} == {f"{name}.png" for name in names}
    assert all(np.asarray(Image.open(path).convert("L")).std() > 5 for path in tmp_path.iterdir())
