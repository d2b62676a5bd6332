"""assay: reproducible image-classification experiments with honest error bars.

    from assay import train
    run = train("fashion/cnn-bn")
    print(run.results["test"]["accuracy"])

Public names are imported on first use, so `import assay` is cheap.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from assay.data.imageset import ImageSet
    from assay.experiments.compare import compare
    from assay.experiments.evaluate import evaluate
    from assay.experiments.load import load
    from assay.experiments.run import Run
    from assay.experiments.train import resume, train
    from assay.recipes.recipe import Recipe
    from assay.studies.runner import study

__all__ = ["ImageSet", "Recipe", "Run", "compare", "evaluate", "load", "resume", "study", "train"]

_HOMES = {
    "ImageSet": "assay.data.imageset",
    "Recipe": "assay.recipes.recipe",
    "Run": "assay.experiments.run",
    "compare": "assay.experiments.compare",
    "evaluate": "assay.experiments.evaluate",
    "load": "assay.experiments.load",
    "resume": "assay.experiments.train",
    "study": "assay.studies.runner",
    "train": "assay.experiments.train",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'assay' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
