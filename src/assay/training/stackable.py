"""Which runs can train as one stack (`stacked_trainer.py`): the rules of models, optimizers and schedules."""

import json

from assay.models.pretrained import find_hub, is_pretrained
from assay.models.sequential import lines_of
from assay.models.stacked import can_stack_lines
from assay.recipes.recipe import Recipe
from assay.recipes.schema import Model

VARYING = {"name", "seed", "reported"}  # keys that may differ within a stack, beside the optimizer's stackable ones


def stack_key(recipe: Recipe) -> str:
    """Equal for recipes of one stack."""
    values = recipe.model_dump(mode="json", exclude=VARYING)
    for key in recipe.optimizer.stackable_keys or ():
        values["optimizer"].pop(key, None)
    return json.dumps(values, sort_keys=True)


def can_stack(recipe: Recipe) -> bool:
    """Whether a run of this recipe can be part of a stack: it ends with the others and shares their forward pass."""
    return (
        recipe.optimizer.stackable_keys is not None
        and not recipe.schedule.needs_validation  # each net would need a rate of its own
        and recipe.stopping.patience is None
        and not recipe.faults
        and _can_stack_net(recipe)
    )


def _can_stack_net(recipe: Recipe) -> bool:
    if is_pretrained(recipe.model):
        return is_cached_head(recipe)
    return can_stack_lines(lines_of(recipe.model, 2))


def is_cached_head(recipe: Recipe) -> bool:
    """Whether only the new head of a pretrained net is trained, on features that are equal in all epochs."""
    is_equal_every_epoch = bool(recipe.training.views or not recipe.augment)
    return bool(find_hub(recipe.model.name)) and trains_only_head(recipe.model) and is_equal_every_epoch


def trains_only_head(model: Model) -> bool:
    """Whether the pretrained part of a net never changes."""
    is_frozen = model.train_only == "head" and not model.unfreeze and model.frozen_batch_norm
    return is_frozen and model.weights != "none"
