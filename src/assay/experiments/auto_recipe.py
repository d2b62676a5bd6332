"""The recipe for a folder of photographs when none is named: by their number, the device and the weights at hand."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay.core.errors import AssayError, UsageError
from assay.core.progress import ProgressCallback, silent
from assay.core.runtime import Runtime
from assay.data.datasets.catalog import weights_folder
from assay.data.load import LoadedData, load_data
from assay.data.location import absolute_path
from assay.models.build import build
from assay.models.hubs import installed
from assay.models.pretrained import has_file_name, library_of, load, prepared, weights_file
from assay.recipes.loader import read_recipe
from assay.recipes.recipe import Recipe
from assay.recipes.schema import Data, Model, Preprocessing

# In order of preference: what reads some tens of photographs a second on one core, and what a GPU is for.
_SMALL = (
    Model(name="tf_efficientnet_lite0"), Model(name="mobilenet_v2"),
    Model(name="mobilenet_v1", arguments={"width": 0.75}),
)  # fmt: skip
_LARGE = (Model(name="resnet50"),)
_WITHOUT_LIBRARIES = ("mobilenet_v1",)

_CHOSEN = ("model.name", "model.arguments", "model.weights")  # changes that the choice has made already

FEW, STEPS = 1000, 800  # images below which none are kept for validation; updates that a head is given
FINE_TUNED = 1000  # images from which on a GPU trains the whole net


@dataclass(frozen=True)
class Suggestion:
    """A recipe, why it looks as it does, and the photographs."""

    recipe: Recipe
    why: str
    photographs: LoadedData


def suggest(folder: str, runtime: Runtime, changes: dict[str, Any], progress: ProgressCallback = silent) -> Suggestion:
    """The recipe for a folder or table, with the user's own `changes` in it.

    Raises UsageError where there are no images or weights belong to a net that nobody named; DataError for bad images.
    """
    own = {key.removeprefix("data."): value for key, value in changes.items() if key in ("data.size", "data.max_bad")}
    model, why = _net(runtime, changes)
    size = prepared(Preprocessing(resize="net"), model).resize if model else 32
    data = Data.model_validate({"name": str(absolute_path(folder)), "size": size, **own})
    found = load_data(data, progress)
    n, device = len(found.split.train) + len(found.split.validation), "a GPU" if _is_gpu(runtime) else "a CPU"
    values = _pretrained(model, n, runtime) if model else _fresh(n)
    net = model.name if model else "imp"
    values |= {"name": f"{_word(data.display_name)}/{net}"}
    values["data"] = {"name": data.name, "size": data.size, "validation": 0.1 if n >= FEW else 0}
    recipe = Recipe.build(values).override({key: value for key, value in changes.items() if key not in _CHOSEN})
    return Suggestion(recipe, f"no recipe is named; for {n:,} photographs to learn from, on {device}: {why}", found)


def _net(runtime: Runtime, changes: dict[str, Any]) -> tuple[Model | None, str]:
    """The pretrained net, if one can be had, and why this one."""
    given = changes.get("model.weights")
    if "model.name" in changes:
        name = changes["model.name"]
        if not library_of(name):
            raise UsageError(f"model.name={name}: no pretrained net; train another one by a recipe of your own")
        arguments = changes.get("model.arguments", {})
        return Model(name=name, arguments=arguments, weights=given or "library"), f"{name}, as you say"
    nets = [one for one in (*_LARGE * _is_gpu(runtime), *_SMALL) if installed() or one.name in _WITHOUT_LIBRARIES]
    if given is not None:
        fitting = [one for one in nets if has_file_name(one, Path(given).name)]
        if not fitting:
            raise UsageError(f"model.weights={given}: say which net these weights are for, with model.name=NAME")
        return fitting[0].model_copy(update={"weights": given}), f"{fitting[0].name}, whose weights you give"
    nets = [one.model_copy(update={"weights": "library"}) for one in nets]
    at_hand = next((one for one in nets if weights_file(one, weights_folder())), None)
    if at_hand:
        return at_hand, f"{at_hand.name}, whose weights are at hand, {weights_file(at_hand, weights_folder())}"
    if not installed():
        return None, _without("timm and torchvision are not here (pip install 'assay[pretrained]')")
    try:
        load(build(nets[0], (3, 224, 224), 2, 0), nets[0], 2, weights_folder())  # downloaded once, then kept
    except AssayError as error:
        return None, _without(str(error))
    return nets[0], f"{nets[0].name}, whose weights its library has downloaded"


def _without(reason: str) -> str:
    return f"a small net with fresh weights, which learns far less than a pretrained one; that cannot be had: {reason}"


def _pretrained(model: Model, n: int, runtime: Runtime) -> dict[str, Any]:
    """A head on features that are computed once; on a GPU, with enough images, the whole net."""
    whole = _is_gpu(runtime) and n >= FINE_TUNED
    batch = 32 if n < 5000 else 128
    return {
        "preprocess": "net",
        "augment": ["flip"] if whole else [],
        "model": {**model.model_dump(mode="json"), "train_only": "all" if whole else "head"},
        "optimizer": {"name": "adam", "lr": 0.001, "below_head": 0.1 if whole else 1.0},
        "schedule": "cosine",
        "training": {"epochs": 10 if whole else _epochs(n, batch), "batch_size": batch},
    }


def _fresh(n: int) -> dict[str, Any]:
    """The best of the reports' nets for small images with augmentation; few images take more epochs."""
    base = read_recipe("own-photos/imp2").model_dump(mode="json", exclude={"reported", "data"})
    return {**base, "schedule": {"name": "cosine"}, "training": {"epochs": max(20, _epochs(n, 64)), "batch_size": 64}}


def _epochs(n: int, batch: int) -> int:
    return max(10, min(60, round(STEPS * batch / max(1, n))))


def _is_gpu(runtime: Runtime) -> bool:
    return runtime.device != "cpu"


def _word(name: str) -> str:
    """A folder's name as a part of a recipe's."""
    return re.sub(r"[^\w.+-]", "-", name).lstrip(".+-") or "photographs"
