"""Stand-ins: studies of pretrained nets whose weights are not available, with nets whose weights are."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from assay.core.errors import AssayError
from assay.core.folders import weights_folder
from assay.models.pretrained_weights import fetch_weights
from assay.recipes.loader import read_recipe
from assay.recipes.recipe import Recipe
from assay.studies.plans.ladder import Ladder, LadderStep
from assay.studies.spec import StudySpec

STAND_INS = ("transfer/tf_efficientnet_lite0", "transfer/mobilenet_v2", "transfer/mobilenet_v1")

Notify = Callable[[str], object]


@dataclass(frozen=True)
class WeightsCheck:
    """Which pretrained weights are available, each net checked and reported once.

    notify: gets a line for each net whose weights can neither be found nor downloaded, with what to put where.
    """

    notify: Notify
    folder: Path = field(default_factory=weights_folder)
    problems: dict[str, str] = field(default_factory=dict)  # by model; empty: available

    def has_weights(self, recipe: Recipe) -> bool:
        """Whether the weights of a recipe's net are available, or it needs none."""
        key = recipe.model.model_dump_json()
        if key not in self.problems:
            self.problems[key] = _weights_problem(recipe, self.folder)
            if self.problems[key]:
                self.notify(f"left out: {self.problems[key]}")
        return not self.problems[key]


def _weights_problem(recipe: Recipe, folder: Path) -> str:
    """Why its weights are not available; empty where they are."""
    try:
        fetch_weights(recipe.model, folder)
    except AssayError as error:
        return str(error)
    return ""


def use_available_weights(spec: StudySpec, check: WeightsCheck) -> StudySpec:
    """The study without the nets whose weights are not available.

    If its base is one of them, the first stand-in with available weights replaces it, and the other stand-ins become
    steps of its ladder; such a study has a name of its own. Raises AssayError where no net is left.
    """
    steps = _available_steps(spec, check)
    if not check.has_weights(spec.base):
        return _replace_base(spec, steps, check)
    return spec if steps == _steps(spec) else spec.replace({"plan": _plan_values(spec, steps)})


def _replace_base(spec: StudySpec, steps: dict[str, LadderStep], check: WeightsCheck) -> StudySpec:
    available = [name for name in STAND_INS if check.has_weights(read_recipe(name))]
    if not available:
        raise AssayError(f"{spec.name}: no weights are available for any of its nets, nor for a stand-in")
    first, *other_names = available
    check.notify(f"{spec.name}: with {', '.join(map(_last_word, available))} instead")
    base = spec.base.override({"model": read_recipe(first).model.model_dump(mode="json"), "reported": None})
    if isinstance(spec.plan, Ladder):
        steps |= {_last_word(name): LadderStep(recipe=read_recipe(name)) for name in other_names}
    plan = _plan_values(spec, steps)
    if isinstance(spec.plan, Ladder):
        plan["base_name"] = _last_word(first)
    return spec.replace({
        "name": f"{spec.name}-{_last_word(first)}", "base": base.model_dump(mode="json"), "plan": plan, "reported": {},
    })  # fmt: skip


def _steps(spec: StudySpec) -> dict[str, LadderStep]:
    return dict(spec.plan.steps) if isinstance(spec.plan, Ladder) else {}


def _available_steps(spec: StudySpec, check: WeightsCheck) -> dict[str, LadderStep]:
    """The steps of a ladder whose weights are available."""
    return {
        name: step
        for name, step in _steps(spec).items()
        if step.recipe is None or check.has_weights(step.recipe.override(step.changes))
    }


def _plan_values(spec: StudySpec, steps: dict[str, LadderStep]) -> dict[str, object]:
    plan = spec.plan.model_dump(mode="json")
    if isinstance(spec.plan, Ladder):
        plan["steps"] = {name: step.model_dump(mode="json") for name, step in steps.items()}
    return plan


def _last_word(name: str) -> str:
    return name.rpartition("/")[2]
