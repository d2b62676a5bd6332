"""A recipe for a folder of photos, chosen by their number, the device and the available weights."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay.core.errors import AssayError, UsageError
from assay.core.folders import weights_folder
from assay.core.progress import ProgressCallback, silent
from assay.core.runtime import Runtime
from assay.data.load import LoadedData, load_data
from assay.data.location import DEFAULT_SIZE_PX, absolute_path
from assay.experiments.stored_size import stored_size
from assay.models.build import build_net
from assay.models.pretrained import find_hub
from assay.models.pretrained_weights import find_weights_file, is_weights_name, load_pretrained
from assay.models.timm_hub import has_timm
from assay.recipes.loader import read_recipe
from assay.recipes.recipe import Recipe
from assay.recipes.schema import Data, Model

# In order of preference. Small nets read some tens of photos a second on one core; large ones are for a GPU.
_SMALL = (
    Model(name="tf_efficientnet_lite0"), Model(name="mobilenet_v2"),
    Model(name="mobilenet_v1", arguments={"width": 0.75}),
)  # fmt: skip
_LARGE = (Model(name="resnet50"),)
_WITHOUT_LIBRARIES = ("mobilenet_v1",)

_MODEL_KEYS = ("model.name", "model.arguments", "model.weights")  # changes that the choice of the net includes

FRESH_SIZE_PX = 32  # of the net with fresh weights, as of the data set that it was made for
VALIDATION_FROM = 1000  # images; with fewer, none are held out for validation
HEAD_STEPS = 800  # updates that train a new head
FINE_TUNE_FROM = 1000  # images; with as many, a GPU trains the whole net


@dataclass(frozen=True)
class Suggestion:
    """A recipe, the reason for it, and the photos."""

    recipe: Recipe
    reason: str
    photos: LoadedData


def suggest(folder: str, runtime: Runtime, changes: dict[str, Any], progress: ProgressCallback = silent) -> Suggestion:
    """The recipe for a folder or table, with your `changes` applied.

    Raises UsageError if there are no images, or if weights are given without their net; DataError for damaged images.
    """
    model, reason = _choose_net(runtime, changes)
    size = _stored_size(model, changes)
    keys = ("size", "max_bad", "duplicates")
    data_changes = {key: changes[f"data.{key}"] for key in keys if f"data.{key}" in changes}
    data = Data.model_validate({"name": str(absolute_path(folder)), "size": size, **data_changes})
    photos = load_data(data, progress)
    count = len(photos.split.train) + len(photos.split.validation)
    values = _pretrained_values(model, count, runtime) if model else _fresh_values(count)
    values["name"] = f"{_recipe_word(data.display_name)}/{model.name if model else 'imp'}"
    values["data"] = {
        "name": data.name, "size": data.size, "validation": 0.1 if count >= VALIDATION_FROM else 0,
    }  # fmt: skip
    recipe = Recipe.build(values).override({key: value for key, value in changes.items() if key not in _MODEL_KEYS})
    device = "a GPU" if _is_gpu(runtime) else "a CPU"
    return Suggestion(recipe, f"no recipe is named; for {count:,} photos to learn from, on {device}: {reason}", photos)


def _stored_size(model: Model | None, changes: dict[str, Any]) -> int:
    """The size at which the photos are stored: what the net will see, by its preprocessing and your changes to it."""
    if model is None:
        base, default = Recipe.build(_fresh_values(0)), FRESH_SIZE_PX
    else:
        base, default = Recipe.build({"preprocess": "net", "model": model.model_dump(mode="json")}), DEFAULT_SIZE_PX
    recipe = base.override({key: value for key, value in changes.items() if key.partition(".")[0] == "preprocess"})
    return stored_size(recipe.preprocess, recipe.model) or default


def _choose_net(runtime: Runtime, changes: dict[str, Any]) -> tuple[Model | None, str]:
    """The pretrained net, if one is available, and the reason for it."""
    weights = changes.get("model.weights")
    if "model.name" in changes:
        return _named_net(changes["model.name"], changes.get("model.arguments", {}), weights)
    candidates = (*_LARGE, *_SMALL) if _is_gpu(runtime) else _SMALL
    nets = [net for net in candidates if has_timm() or net.name in _WITHOUT_LIBRARIES]
    if weights is not None:
        return _net_of_weights(nets, weights)
    nets = [net.model_copy(update={"weights": "library"}) for net in nets]
    for net in nets:
        path = find_weights_file(net, weights_folder())
        if path:
            return net, f"{net.name}, whose weights are here: {path}"
    if not has_timm():
        return None, _without("timm and torchvision are not installed (pip install 'assay[pretrained]')")
    try:
        load_pretrained(build_net(nets[0], (3, 224, 224), 2, 0), nets[0], 2, weights_folder())  # downloads the weights
    except AssayError as error:
        return None, _without(str(error))
    return nets[0], f"{nets[0].name}, whose weights its library has downloaded"


def _named_net(name: str, arguments: dict[str, Any], weights: str | None) -> tuple[Model, str]:
    if not find_hub(name):
        raise UsageError(f"model.name={name}: no pretrained net; train another one by a recipe of your own")
    return Model(name=name, arguments=arguments, weights=weights or "library"), f"{name}, as you asked"


def _net_of_weights(nets: list[Model], weights: str) -> tuple[Model, str]:
    """The first net whose weights have a file of that name."""
    for net in nets:
        if is_weights_name(net, Path(weights).name):
            return net.model_copy(update={"weights": weights}), f"{net.name}, whose weights you gave"
    raise UsageError(f"model.weights={weights}: say which net these weights are for, with model.name=NAME")


def _without(reason: str) -> str:
    return f"a small net with fresh weights, which learns far less than a pretrained one; that cannot be had: {reason}"


def _pretrained_values(model: Model, count: int, runtime: Runtime) -> dict[str, Any]:
    """A head on features that are computed once; on a GPU, with enough images, the whole net."""
    whole = _is_gpu(runtime) and count >= FINE_TUNE_FROM
    batch_size = 32 if count < 5000 else 128
    return {
        "preprocess": "net",
        "augment": ["flip"] if whole else [],
        "model": {**model.model_dump(mode="json"), "train_only": "all" if whole else "head"},
        "optimizer": {"name": "adam", "lr": 0.001, "below_head": 0.1 if whole else 1.0},
        "schedule": "cosine",
        "training": {"epochs": 10 if whole else epochs_for(count, batch_size), "batch_size": batch_size},
    }


def _fresh_values(count: int) -> dict[str, Any]:
    """The best of the papers' nets for small images with augmentation; few images take more epochs."""
    base = read_recipe("own-photos/imp2").model_dump(mode="json", exclude={"reported", "data"})
    epochs = max(20, epochs_for(count, 64))
    return {**base, "schedule": {"name": "cosine"}, "training": {"epochs": epochs, "batch_size": 64}}


def epochs_for(count: int, batch_size: int) -> int:
    """Between 10 and 60 epochs: about HEAD_STEPS updates."""
    return max(10, min(60, round(HEAD_STEPS * batch_size / max(1, count))))


def _is_gpu(runtime: Runtime) -> bool:
    return runtime.device != "cpu"


def _recipe_word(name: str) -> str:
    """A folder's name as part of a recipe's name."""
    return re.sub(r"[^\w.+-]", "-", name).lstrip(".+-") or "photographs"
