"""Studies of pretrained nets whose weights cannot be had: the same study with nets whose weights are at hand."""

from collections.abc import Callable
from pathlib import Path

from assay.core.errors import AssayError
from assay.data.datasets.catalog import weights_folder
from assay.models.pretrained import obtain
from assay.recipes.loader import read_recipe
from assay.recipes.recipe import Recipe
from assay.studies.plans import Ladder
from assay.studies.plans import Step as LadderStep
from assay.studies.spec import StudySpec

STAND_INS = ("transfer/tf_efficientnet_lite0", "transfer/mobilenet_v2", "transfer/mobilenet_v1")


def at_hand(
    spec: StudySpec, tell: Callable[[str], object], folder: Path | None = None, known: dict[str, str] | None = None
) -> StudySpec:
    """The study without the nets whose weights can neither be found nor downloaded, said with what to put where.

    If its base is one of them, the first stand-in whose weights are at hand takes its place, and all other stand-ins
    are steps of a ladder too; such a study has a name of its own. known: shared by several studies, so that each net is
    looked for and told of once. Raises AssayError where nothing is left.
    """
    folder, known = folder or weights_folder(), {} if known is None else known

    def lacking(recipe: Recipe) -> str:
        key = recipe.model.model_dump_json()
        if key not in known:
            known[key] = _lacking(recipe, folder)
            if known[key]:
                tell(f"left out: {known[key]}")
        return known[key]

    steps = _without(spec, lacking)
    if not lacking(spec.base):
        return spec if steps == _steps(spec) else spec.changed({"plan": _plan(spec, steps)})
    present = [name for name in STAND_INS if not lacking(read_recipe(name))]
    if not present:
        raise AssayError(f"{spec.name}: there are no weights of any of its nets, nor of those that could stand in")
    first, *others = present
    tell(f"{spec.name}: with {', '.join(map(_short, present))} instead")
    base = spec.base.override({"model": read_recipe(first).model.model_dump(mode="json"), "reported": None})
    steps |= {_short(name): LadderStep(recipe=read_recipe(name)) for name in others if isinstance(spec.plan, Ladder)}
    plan = _plan(spec, steps) | ({"base_name": _short(first)} if isinstance(spec.plan, Ladder) else {})
    return spec.changed({
        "name": f"{spec.name}-{_short(first)}", "base": base.model_dump(mode="json"), "plan": plan, "reported": {},
    })  # fmt: skip


def _lacking(recipe: Recipe, folder: Path) -> str:
    """Why its weights cannot be had; empty where they can."""
    try:
        obtain(recipe.model, folder)
    except AssayError as error:
        return str(error)
    return ""


def _steps(spec: StudySpec) -> dict[str, LadderStep]:
    return dict(spec.plan.steps) if isinstance(spec.plan, Ladder) else {}


def _without(spec: StudySpec, lacking: Callable[[Recipe], str]) -> dict[str, LadderStep]:
    """The steps of a ladder whose weights are at hand."""
    return {
        name: step
        for name, step in _steps(spec).items()
        if not (step.recipe and lacking(step.recipe.override(step.changes)))
    }


def _plan(spec: StudySpec, steps: dict[str, LadderStep]) -> dict[str, object]:
    plan = spec.plan.model_dump(mode="json")
    if isinstance(spec.plan, Ladder):
        plan["steps"] = {name: step.model_dump(mode="json") for name, step in steps.items()}
    return plan


def _short(name: str) -> str:
    return name.rpartition("/")[2]
