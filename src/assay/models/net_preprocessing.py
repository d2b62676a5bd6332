"""Preprocessing that a recipe leaves to its pretrained net: the word `net` becomes the hub's numbers.

A recipe section in, a recipe section out: only the hubs know the numbers, and the data room needs nothing but numbers.
"""

from typing import Any

from assay.core.errors import UsageError
from assay.models.pretrained import find_hub
from assay.recipes.schema import Model, Preprocessing


def resolve_preprocessing(spec: Preprocessing, model: Model) -> Preprocessing:
    """The preprocessing with the hub's numbers in place of `net`. Raises UsageError for a net without a hub."""
    keys = [key for key in ("resize", "crop", "normalize") if getattr(spec, key) == "net"]
    if not keys:
        return spec
    match = find_hub(model.name)
    if match is None:
        raise UsageError("only a pretrained net, given by its name, has preprocessing of its own", at=(keys[0],))
    if "normalize" in keys and spec.scale != "unit":
        raise UsageError("normalize: net goes with scale: unit", at=("scale",))
    hub, name = match
    config = hub.config(name)
    numbers: dict[str, Any] = {
        "resize": config.resize, "crop": config.crop, "normalize": {"mean": config.mean, "std": config.std},
    }  # fmt: skip
    values = spec.model_dump() | {key: numbers[key] for key in keys}
    if "resize" in keys:
        values["interpolation"] = config.interpolation
    return Preprocessing.model_validate(values)
