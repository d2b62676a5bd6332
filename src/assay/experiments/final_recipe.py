"""The recipe that a run stores: with the names of your own parts, and with absolute paths."""

from typing import Any

from torch import nn

from assay.core.errors import UsageError
from assay.data.imageset import ImageSet
from assay.experiments.stored_size import complete_data
from assay.models.fingerprint import module_fingerprint
from assay.recipes.loader import read_recipe
from assay.recipes.recipe import Recipe


def final_recipe(
    recipe: Recipe | str, model: nn.Module | None, images: ImageSet | None, test: ImageSet | None
) -> Recipe:
    """The recipe of a run of these parts. Raises UsageError as `check_own_parts`.

    model, images, test: your own parts, as for `train`.
    """
    check_own_parts(model, images, test)
    recipe = read_recipe(recipe) if isinstance(recipe, str) else recipe
    changes: dict[str, Any] = {}
    if model is not None:
        changes["model.name"] = type(model).__name__
        changes["model.fingerprint"] = module_fingerprint(model)
    if images is not None:
        changes["data.name"] = images.source
    if changes:
        recipe = recipe.override(changes)
    return complete_data(recipe) if images is None else recipe


def check_own_parts(model: nn.Module | None, images: ImageSet | None, test: ImageSet | None) -> None:
    """Raise UsageError for parts of another type, and for training images without test images."""
    for name, part, kind in (("model", model, nn.Module), ("images", images, ImageSet), ("test", test, ImageSet)):
        if part is not None and not isinstance(part, kind):
            raise UsageError(f"{name} must be of type {kind.__name__}, not {type(part).__name__}")
    if images is not None and test is None:
        raise UsageError("your own training images need your own test images too: give test= beside images=")
