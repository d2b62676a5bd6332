"""Confounds: differences between two variants that make their comparison hard to interpret. They stop nothing."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from assay.core.finding import Finding, Severity
from assay.recipes.recipe import Recipe
from assay.studies.variant import Variant, differences

CountParameters = Callable[[Recipe], int]  # the number of parameters of a recipe's net
Changes = Mapping[str, tuple[Any, Any]]  # by key: the value before and after


def find_confounds(variants: Sequence[Variant], count_parameters: CountParameters) -> list[Finding]:
    """A finding for each thing that makes a variant hard to compare with the one that it builds on."""
    by_name = {variant.name: variant for variant in variants}
    findings = [
        finding
        for variant in variants
        if variant.after in by_name
        for finding in _compare(by_name[variant.after], variant, count_parameters)
    ]
    return findings or _compare_batch_sizes([variant.recipe.training.images_a_step for variant in variants])


def _compare_batch_sizes(sizes: Sequence[int]) -> list[Finding]:
    """For variants that build on none."""
    if not sizes or min(sizes) == max(sizes):
        return []
    return [
        _warning(
            "batch-size-at-equal-epochs",
            f"batch sizes range from {min(sizes)} to {max(sizes)} at equal epochs: the number of updates differs by a "
            f"factor of {max(sizes) / min(sizes):g} too, and either may cause an effect",
            {"batch_sizes": sorted(set(sizes))},
        )
    ]


def _compare(before: Variant, after: Variant, count_parameters: CountParameters) -> Iterator[Finding]:
    changes = differences(before.recipe, after.recipe)
    yield from _many_changes(after.name, changes)
    if "training.batch_size" in changes and "training.epochs" not in changes:
        yield _batch_size(after, changes)
    elif "training.epochs" in changes:
        old, new = changes["training.epochs"]
        message = f"{after.name} has a different budget: {new} epochs instead of {old}"
        yield _warning("unequal-epochs", message, {"before": old, "after": new})
    if any(key.endswith("kernels") for key in changes):
        yield from _parameters(after.name, count_parameters(before.recipe), count_parameters(after.recipe))


def _many_changes(name: str, changes: Changes) -> Iterator[Finding]:
    keys = [key for key in changes if not _follows_from_kind(key, changes)]
    if len(keys) > 1:
        message = f"{name} changes {len(keys)} things at once ({', '.join(keys)}): their effects cannot be separated"
        yield _warning("many-changes", message, {"keys": keys})


def _batch_size(after: Variant, changes: Changes) -> Finding:
    old, new = changes["training.batch_size"]
    epochs = max(1, round(after.recipe.training.epochs * new / old))
    return _warning(
        "batch-size-at-equal-epochs",
        f"{after.name} changes the batch size, {old} to {new}, at equal epochs, and so the number of updates too, "
        f"by a factor of {old / new:g}",
        {"before": old, "after": new},
        fix=f"for equal updates set training.epochs: {epochs}",
    )


def _parameters(name: str, before: int, after: int) -> Iterator[Finding]:
    if before != after:
        message = f"{name} changes the filter size and with it the number of parameters, {before:,} to {after:,}"
        yield _warning("kernels-change-parameters", message, {"before": before, "after": after})


def _warning(rule: str, message: str, evidence: Mapping[str, object], fix: str = "") -> Finding:
    return Finding(rule, Severity.WARNING, message, evidence, fix=fix)


def _follows_from_kind(key: str, changes: Changes) -> bool:
    """Whether a key only follows from another kind of its section: a new optimizer or net has other keys."""
    kind = f"{key.partition('.')[0]}.name"
    return kind in changes and key != kind
