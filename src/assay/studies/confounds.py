"""What a plan mixes up: said before anything is trained. A warning stops nothing."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from assay.recipes.recipe import Recipe
from assay.studies.variant import Variant, differences

Counts = Callable[[Recipe], int]  # a recipe's net's parameters


def warnings(variants: Sequence[Variant], parameters: Counts) -> list[str]:
    """A sentence for each thing that makes a variant hard to compare with the one that it builds on."""
    by_name = {one.name: one for one in variants}
    found = [text for one in variants if one.after in by_name for text in _between(by_name[one.after], one, parameters)]
    return found or list(_across([one.recipe.training.images_a_step for one in variants]))


def _across(sizes: Sequence[int]) -> Iterator[str]:
    """Variants that all stand beside each other."""
    if sizes and min(sizes) < max(sizes):
        yield (
            f"batch sizes from {min(sizes)} to {max(sizes)} at equal epochs: the number of updates differs by "
            f"{max(sizes) / min(sizes):g} too, so an effect may be that of either"
        )


def _between(before: Variant, after: Variant, parameters: Counts) -> Iterator[str]:
    changed = differences(before.recipe, after.recipe)
    keys = [key for key in changed if not _follows(key, changed)]
    if len(keys) > 1:
        yield f"{after.name} changes {len(keys)} things at once ({', '.join(keys)}): their effects cannot be told apart"
    if "training.batch_size" in changed and "training.epochs" not in changed:
        old, new = changed["training.batch_size"]
        epochs = max(1, round(after.recipe.training.epochs * new / old))
        yield (
            f"{after.name} changes the batch size, {old} to {new}, at equal epochs, and so the number of updates too, "
            f"by {old / new:g}; for equal updates set training.epochs: {epochs}"
        )
    elif "training.epochs" in changed:
        old, new = changed["training.epochs"]
        yield f"{after.name} has another budget: {new} epochs, not {old}"
    if any(key.endswith("kernels") for key in changed):
        old, new = parameters(before.recipe), parameters(after.recipe)
        if old != new:
            yield f"{after.name} changes the filters' size and with it the number of parameters, {old:,} to {new:,}"


def _follows(key: str, changed: dict[str, Any]) -> bool:
    """Whether a key only follows from a change of its section's kind: another optimizer or net has other keys."""
    kind = f"{key.partition('.')[0]}.name"
    return kind in changed and key != kind
