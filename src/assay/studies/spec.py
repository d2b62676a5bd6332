"""What a study does, read from YAML. Its variants come from its plan (`plans/`), its folder is in `study.py`."""

from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BeforeValidator, Field, NonNegativeInt, PositiveInt, PrivateAttr, ValidationError

from assay.core.errors import UsageError, unknown
from assay.experiments.stored_size import complete_data
from assay.recipes.explain import explain
from assay.recipes.loader import read_yaml
from assay.recipes.recipe import Recipe
from assay.recipes.schema import Fraction, Section
from assay.recipes.spelling import american
from assay.studies.plans import AnyPlan
from assay.studies.plans.ladder import expand_recipe
from assay.studies.scaling import Scale
from assay.studies.variant import Scores, Variant, check_distinct, check_names
from assay.training.early_stopping import validation_score
from assay.training.history import Epoch

FOLDER = Path(__file__).parent / "builtin"
OLD_NAMES = {  # built-in studies under the names of older versions
    "mlflow-grid-relu-as-done": "mlflow-grid-relu-as-run",
    "mlflow-grid-leaky-as-done": "mlflow-grid-leaky-as-run",
}

DESCRIPTIVE_KEYS = ("name", "about", "reported", "reported_on_photos")  # they change no run


class StudySpec(Section):
    """A study's YAML file. Recipes are written by name and stored in full, so a study resumes as it began."""

    name: Annotated[str, Field(pattern=r"^\w[\w.+-]*$")]
    about: str = ""
    base: Annotated[Recipe, BeforeValidator(expand_recipe)]
    changes: dict[str, Any] = Field(default_factory=dict)  # to the base, and to each recipe that a step names
    scale: Annotated[float, Field(gt=0, le=1)] = 1.0  # share of the work: epochs and training images, each by its root
    score: Literal["accuracy", "loss"] = "accuracy"  # on validation images, of the weights that a run keeps
    replicates: PositiveInt = 3
    first_seed: NonNegativeInt = 0
    plan: AnyPlan
    reported: dict[str, Fraction] = Field(default_factory=dict)  # a paper's accuracy for a variant
    reported_on_photos: dict[str, tuple[Fraction, Fraction]] = Field(default_factory=dict)  # as they are, and blurred

    _variants: dict[frozenset[tuple[str, float]], list[Variant]] = PrivateAttr(default_factory=dict)

    def __eq__(self, value: object) -> bool:
        """Equal in every key."""
        return isinstance(value, StudySpec) and self.model_dump() == value.model_dump()

    def differences(self, before: "StudySpec") -> list[str]:
        """The keys in which two studies differ, of those that decide what runs."""
        keys = [key for key in StudySpec.model_fields if key not in DESCRIPTIVE_KEYS]
        return [key for key in keys if getattr(self, key) != getattr(before, key)]

    @property
    def seeds(self) -> range:
        """The seeds of every variant."""
        return range(self.first_seed, self.first_seed + self.replicates)

    def variants(self, scores: Scores) -> list[Variant]:
        """All variants that the scores decide, built once for equal scores. Raises UsageError for an unknown key."""
        state = frozenset(scores.items())
        if state not in self._variants:
            self._variants[state] = self._build_variants(scores)
        return self._variants[state]

    def _build_variants(self, scores: Scores) -> list[Variant]:
        scale = Scale(self.scale)
        variants = self.plan.scaled_variants(self.prepare(self.base), self.prepare, scores, scale)
        check_names(variants)
        if self.scale < 1:
            check_distinct(variants, self.scale)
        for variant in variants:
            if variant.recipe.data.validation == 0:
                raise UsageError(
                    f"{variant.name}: a study compares scores on validation images; "
                    "add data.validation: 0.1 to its changes"
                )
            if variant.recipe.training.batch_size == "auto":
                raise UsageError(
                    f"{variant.name}: training.batch_size: auto is for a single run; give a study a number"
                )
        return variants

    def epoch_score(self, row: Epoch) -> float | None:
        """The score of a run after an epoch, from its history; higher is better, None without validation."""
        return validation_score(self.score, row)

    def published_accuracy(self, variant: Variant) -> float | None:
        """The paper's accuracy for a variant, if it gives one."""
        result = variant.recipe.reported
        return self.reported.get(variant.name, result.accuracy if result else None)

    def replace(self, changes: dict[str, Any]) -> "StudySpec":
        """The same study with other values for some keys. Raises UsageError."""
        if not changes:
            return self
        values = {**self.model_dump(mode="json"), **changes}
        try:
            return StudySpec.model_validate(values)
        except ValidationError as error:
            raise explain(error, StudySpec, values, {}) from None

    def prepare(self, recipe: Recipe) -> Recipe:
        """A recipe with the study's changes, at full length."""
        return complete_data(recipe.override(self.changes))

    def shorten(self, epochs: int) -> int:
        """A number of epochs at the study's scale."""
        return Scale(self.scale).shorten(epochs)

    def to_yaml(self) -> str:
        """Every key, as YAML that reads back to an equal study."""
        return str(yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False, width=110))


def study_names() -> list[str]:
    """The built-in studies."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def read_study(name_or_path: str, changes: dict[str, Any] | None = None) -> StudySpec:
    """The built-in study of that name, or the one in that YAML file, its plan checked.

    changes: other values for some of its keys. Raises UsageError with file and line.
    """
    path = study_path(name_or_path)
    spec = parse_study(path).replace(changes or {})
    try:
        spec.variants({})
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from None
    return spec


def study_path(name_or_path: str) -> Path:
    """The file of a study. Raises UsageError with the nearest names."""
    name = OLD_NAMES.get(name_or_path, name_or_path)
    if name in study_names():
        return FOLDER / f"{name}.yaml"
    path = Path(name_or_path)
    if path.suffix not in (".yaml", ".yml"):
        raise unknown("study", name_or_path, study_names())
    return path


def parse_study(path: Path) -> StudySpec:
    """The study in a YAML file; its variants are not built. Raises UsageError with file and line."""
    values, places = read_yaml(path)
    values = {"name": path.stem, **american(values)}
    try:
        return StudySpec.model_validate(values)
    except ValidationError as error:
        raise explain(error, StudySpec, values, places) from None
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from None
