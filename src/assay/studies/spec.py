"""What a study is to do, read from YAML. Which variants follow from it: `plans.py`; its folder: `study.py`."""

from math import sqrt
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BeforeValidator, Field, NonNegativeInt, PositiveInt, ValidationError

from assay.core.errors import UsageError, unknown
from assay.data.location import with_absolute_paths
from assay.recipes.explain import explain
from assay.recipes.loader import read_yaml
from assay.recipes.recipe import Recipe
from assay.recipes.schema import TAGS, Fraction, Section
from assay.recipes.spelling import american
from assay.studies.plans import Plan, named_recipe
from assay.studies.variant import Scores, Variant, check_names
from assay.training.early_stopping import validation_score
from assay.training.history import Epoch

FOLDER = Path(__file__).parent / "builtin"
_TAGS = TAGS | {"ladder", "grid", "random", "halving", "asha"}


class StudySpec(Section):
    """A study's YAML file. Recipes are written by name, and kept in full, so that a study goes on as it began."""

    name: Annotated[str, Field(pattern=r"^\w[\w.+-]*$")]
    about: str = ""
    base: Annotated[Recipe, BeforeValidator(named_recipe)]
    changes: dict[str, Any] = Field(default_factory=dict)  # to the base, and to every recipe that a step names
    scale: Annotated[float, Field(gt=0, le=1)] = 1.0  # of the work: epochs and training images, each by its root
    score: Literal["accuracy", "loss"] = "accuracy"  # of validation images, as the runs report it
    replicates: PositiveInt = 3
    first_seed: NonNegativeInt = 0
    plan: Plan
    reported: dict[str, Fraction] = Field(default_factory=dict)  # a report's accuracy for a variant

    @property
    def seeds(self) -> range:
        """Of every variant."""
        return range(self.first_seed, self.first_seed + self.replicates)

    def variants(self, scores: Scores) -> list[Variant]:
        """All that the scores so far decide. Raises UsageError for a change that no recipe has."""
        found = self.plan.variants(self.ready(self.base), self.ready, scores)
        check_names(found)
        for one in found:
            if one.recipe.data.validation == 0:
                raise UsageError(
                    f"{one.name}: a study judges by validation images; add data.validation: 0.1 to its changes"
                )
            if one.recipe.training.batch_size == "auto":
                raise UsageError(f"{one.name}: training.batch_size: auto is for a single run; give a study a number")
        return found

    def epoch_score(self, row: Epoch) -> float | None:
        """The score of a run after an epoch, as it is written down; higher is better, None without validation."""
        return validation_score(self.score, row)

    def figure(self, variant: Variant) -> float | None:
        """What the report gives for a variant, if it does."""
        own = variant.recipe.reported
        return self.reported.get(variant.name, own.accuracy if own else None)

    def changed(self, changes: dict[str, Any]) -> "StudySpec":
        """The same study with other values for some keys. Raises UsageError."""
        values = {**self.model_dump(mode="json"), **changes}
        try:
            return StudySpec.model_validate(values)
        except ValidationError as error:
            raise explain(error, StudySpec, values, {}, _TAGS) from None

    def ready(self, recipe: Recipe) -> Recipe:
        """A recipe with what the study changes in all of them."""
        return scaled(with_absolute_paths(recipe.override(self.changes)), self.scale)

    def to_yaml(self) -> str:
        """Every key, as YAML that reads back to an equal study."""
        return str(yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False, width=110))


def scaled(recipe: Recipe, scale: float) -> Recipe:
    """The recipe with `scale` times its work: epochs and training images are each cut to the root of that share.

    A schedule that counts epochs is shortened alike; validation and test images stay whole.
    """
    if scale == 1:
        return recipe
    root = sqrt(scale)

    def shorter(epochs: float) -> int:
        return max(1, round(epochs * root))

    changes: dict[str, Any] = {
        "training.epochs": shorter(recipe.training.epochs), "data.share": recipe.data.share * root,
    }  # fmt: skip
    changes |= {f"schedule.{key}": value for key, value in recipe.schedule.scaled_keys(shorter).items()}
    return recipe.override(changes)


def study_names() -> list[str]:
    """The built-in studies."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def read_study(name_or_path: str) -> StudySpec:
    """The built-in study of that name, or the one in that YAML file. Raises UsageError with file and line."""
    built_in = name_or_path in study_names()
    path = FOLDER / f"{name_or_path}.yaml" if built_in else Path(name_or_path)
    if not built_in and path.suffix not in (".yaml", ".yml"):
        raise unknown("study", name_or_path, study_names())
    values, places = read_yaml(path)
    values = {"name": path.stem, **american(values)}
    try:
        spec = StudySpec.model_validate(values)
        spec.variants({})
    except ValidationError as error:
        raise explain(error, StudySpec, values, places, _TAGS) from None
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from None
    return spec
