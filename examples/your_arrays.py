"""Train on your own NumPy arrays, without any download: `python examples/your_arrays.py`."""

from pathlib import Path

import numpy as np

from assay import ImageSet, Recipe, Run, train

CLASS_NAMES = ("horizontal", "vertical")


def draw_stripes(count: int, seed: int) -> ImageSet:
    """Noisy images of horizontal (0) and vertical (1) stripes: uint8 (N, 1, 16, 16)."""
    generator = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    images = generator.integers(0, 100, (count, 1, 16, 16), dtype=np.uint8)
    for image, label in zip(images, labels, strict=True):
        rows = image[0] if label == 0 else image[0].T
        rows[generator.integers(0, 4) :: 4] += 100
    return ImageSet(images, labels.astype(np.int64), CLASS_NAMES, "stripes")


def main(runs: Path = Path("runs")) -> Run:
    """Train on one set of stripes, test on another, and return the finished run."""
    recipe = Recipe.build(
        {
            "name": "examples/your-arrays",
            "model": {"layers": ["conv 8 3x3", "relu", "globalmaxpool", "linear 2"]},
            "optimizer": {"name": "adam", "lr": 0.02},
            "training": {"epochs": 5, "batch_size": 64},
        }
    )
    return train(recipe, images=draw_stripes(1000, seed=0), test=draw_stripes(500, seed=1), runs=runs, mlflow=False)


if __name__ == "__main__":
    run = main()
    print(f"test accuracy {run.results['test']['accuracy']:.2%}, interval {run.results['test']['interval']}")
