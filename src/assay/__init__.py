"""assay: image-classification experiments that you can believe.

    from assay import train
    run = train("fashion/cnn-bn")
    print(run.results["test"]["accuracy"])

The public names are loaded when they are first used, so that `import assay` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from assay.data.imageset import ImageSet
    from assay.experiments.run import Run
    from assay.experiments.train import compare, evaluate, load, resume, train
    from assay.recipes.recipe import Recipe
    from assay.studies.runner import study

__all__ = ["ImageSet", "Recipe", "Run", "compare", "evaluate", "load", "resume", "study", "train"]

_HOMES = {
    "ImageSet": "assay.data.imageset",
    "Recipe": "assay.recipes.recipe",
    "Run": "assay.experiments.run",
    "compare": "assay.experiments.train",
    "evaluate": "assay.experiments.train",
    "load": "assay.experiments.train",
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
