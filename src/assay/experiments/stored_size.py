"""The data section of a recipe as it is run and stored: a folder's absolute path, and the size of its stored photos."""

from assay.data.location import DEFAULT_SIZE_PX, is_path, with_absolute_path
from assay.models.net_preprocessing import resolve_preprocessing
from assay.recipes.recipe import Recipe
from assay.recipes.schema import Model, Preprocessing


def complete_data(recipe: Recipe) -> Recipe:
    """The recipe with the absolute path of its folder, if it names one, and with the size of the stored photos.

    Raises UsageError with file and line.
    """
    data = recipe.data
    if data.size is None and is_path(data.name):
        with recipe.blame("preprocess"):
            data = data.model_copy(update={"size": stored_size(recipe.preprocess, recipe.model) or DEFAULT_SIZE_PX})
    with recipe.blame("data"):
        return recipe.model_copy(update={"data": with_absolute_path(data)})


def stored_size(spec: Preprocessing, model: Model) -> int | None:
    """The side in pixels at which photos are stored, so that preprocessing never enlarges them.

    That is the size they are resized to, which is larger than that of a crop after it. Without a resize the net takes
    any size: None, or the size of a crop that would not fit into the default. Raises UsageError for `net` without one.
    """
    sizes = resolve_preprocessing(Preprocessing(resize=spec.resize, crop=spec.crop), model)
    resize, crop = sizes.resize, sizes.crop
    if isinstance(resize, int):
        return resize
    return crop if isinstance(crop, int) and crop > DEFAULT_SIZE_PX else None
