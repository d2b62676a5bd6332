"""The ladder: one change after another, each measured against the step it builds on."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from assay.core.errors import unknown
from assay.recipes.loader import read_recipe
from assay.recipes.recipe import Recipe
from assay.recipes.schema import Section
from assay.studies.plans.base import Plan, Prepare, plan
from assay.studies.variant import Scores, Variant


def expand_recipe(value: Any) -> Any:
    """The values of a recipe that is written as its name; anything else as it is."""
    return read_recipe(value).model_dump(mode="json") if isinstance(value, str) else value


def expand_step(value: Any) -> Any:
    """The values of a step that is written as a recipe's name, or as its changes alone."""
    if isinstance(value, str):
        return {"recipe": value}
    if isinstance(value, dict) and not value.keys() <= LadderStep.model_fields.keys():
        return {"changes": value}
    return value


class LadderStep(Section):
    """A step of a ladder: changes to the step before it, or a whole recipe; `after` names another step to build on."""

    changes: dict[str, Any] = Field(default_factory=dict)
    recipe: Annotated[Recipe | None, BeforeValidator(expand_recipe)] = None
    after: str | None = None


@plan("ladder")
class Ladder(Plan):
    """One change after another, on top of the base or of the last step.

    keep: `all` builds on every step, `better` only on a step that scores better than the one it builds on.
    """

    base_name: str = "base"
    steps: Annotated[dict[str, Annotated[LadderStep, BeforeValidator(expand_step)]], Field(min_length=1)]
    against: Literal["last", "base"] = "last"
    keep: Literal["all", "better"] = "all"

    @property
    def needs_scores(self) -> bool:
        """Whether the variants depend on the scores of earlier ones."""
        return self.keep == "better"

    def variants(self, base: Recipe, prepare: Prepare, scores: Scores) -> list[Variant]:
        """The base and all steps, or those up to the first one that still waits for its score."""
        last = Variant(self.base_name, base)
        variants = {last.name: last}
        for name, step in self.steps.items():
            parent = self._parent(variants, name, step.after) if step.after else last
            variant = Variant(name, step_recipe(step, parent.recipe, prepare), parent.name)
            variants[name] = variant
            if self.needs_scores and not {variant.name, parent.name} <= scores.keys():
                break
            is_kept = not self.needs_scores or scores[variant.name] > scores[parent.name]
            if self.against == "last" and is_kept:
                last = variant
        return list(variants.values())

    def _parent(self, variants: Mapping[str, Variant], name: str, after: str) -> Variant:
        if after not in variants:
            raise unknown(f"step before {name}:", after, variants)
        return variants[after]


def step_recipe(step: LadderStep, parent: Recipe, prepare: Prepare) -> Recipe:
    """The recipe of a step. A published result holds for an unchanged recipe only."""
    recipe = prepare(step.recipe) if step.recipe else parent
    if step.recipe and not step.changes:
        return recipe
    return recipe.override({"reported": None, **step.changes})
