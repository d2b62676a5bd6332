"""The Recipe: a frozen, validated description of one run, with its hash, its YAML and its overrides.

Its keys are in `schema.py` and `named_sections.py`. Names of nets, layers, augmentations and data sets are checked by
the packages that know them; `Recipe.locate_errors` adds the file and line to their errors. To read a recipe by name or
from a file: `assay.recipes.loader`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BeforeValidator, Field, NonNegativeInt, PrivateAttr, ValidationError, model_validator

from assay.core.errors import UsageError, error_section
from assay.recipes.explain import explain
from assay.recipes.identity import changed_values, identity_hash
from assay.recipes.keys import KeyPath, dotted_key, nearest_place
from assay.recipes.named_sections import AnyLoss, AnyOptimizer, AnySchedule, Loss, Optimizer, Schedule
from assay.recipes.overrides import put
from assay.recipes.schema import Data, Model, Preprocessing, Reported, Section, Stopping, Training, by_name
from assay.recipes.spelling import american, american_word

END_MARK = "# end of the recipe"  # the last line of a recipe that is written whole

_NOT_RUN = ("name", "seed", "reported")  # keys that do not change what is run, replicates apart


class Recipe(Section):
    """One run, described in full. Frozen; equal recipes have equal hashes."""

    name: Annotated[str, Field(pattern=r"^\w[\w.+-]*(/\w[\w.+-]*)*$")] = "unnamed"  # becomes a folder: experiment/name
    data: Data = Data()
    preprocess: Preprocessing = Preprocessing()
    augment: tuple[str, ...] = ()
    model: Annotated[Model, BeforeValidator(by_name)]
    loss: AnyLoss = Field(default_factory=lambda: Loss.pick("cross-entropy"))
    optimizer: AnyOptimizer = Field(default_factory=lambda: Optimizer.pick({"name": "sgd", "lr": 0.01}))
    schedule: AnySchedule = Field(default_factory=lambda: Schedule.pick("constant"))
    training: Training = Training()
    stopping: Stopping = Stopping()
    test_views: Literal[1, 2, 6] = 1  # test-time augmentation: a second figure, beside the plain one
    seed: NonNegativeInt = 0
    faults: tuple[str, ...] = ()  # mistakes of the papers, made on purpose: experiments/fault_injection.py
    reported: Reported | None = None

    _places: dict[KeyPath, str] = PrivateAttr(default_factory=dict)

    @model_validator(mode="after")
    def _require_validation(self) -> Self:
        if self.data.validation == 0 and (self.stopping.patience or self.schedule.needs_validation):
            raise ValueError("patience and the plateau schedule watch validation images; data.validation is 0")
        return self

    @classmethod
    def build(cls, values: dict[str, Any], places: dict[KeyPath, str] | None = None) -> "Recipe":
        """A recipe from plain values; `places` has the file and line of each key. Raises UsageError."""
        values = american(values)
        places = {tuple(map(american_word, path)): place for path, place in (places or {}).items()}
        try:
            recipe = cls.model_validate(values)
        except ValidationError as error:
            raise explain(error, cls, values, places) from None
        recipe._places = places
        return recipe

    def __eq__(self, recipe: object) -> bool:
        """Equal in every key, whichever file they came from."""
        return isinstance(recipe, Recipe) and self.model_dump() == recipe.model_dump()

    @property
    def hash(self) -> str:
        """Eight hex digits of what is run, the same for replicates: see `identity.py`."""
        values = changed_values(self)
        for key in _NOT_RUN:
            values.pop(key, None)
        return identity_hash(values, self.model)

    def to_yaml(self) -> str:
        """Every key with its value, as YAML that reads back to an equal recipe, and a last line that marks the end."""
        return f"{yaml.safe_dump(self.model_dump(mode='json'), sort_keys=False, width=110)}{END_MARK}\n"

    def override(self, changes: dict[str, Any]) -> "Recipe":
        """A new recipe with dotted keys changed, `{"optimizer.lr": 0.1}`. Raises UsageError."""
        values = self.model_dump(mode="json")
        places = dict(self._places)
        for key, value in changes.items():
            word, path = f"{key}={value}", tuple(american_word(part) for part in key.split("."))
            changed_path = put(
                type(self), values, path, deepcopy(american(value)), word
            )  # a later change may go into it
            places = {old: place for old, place in places.items() if old[: len(changed_path)] != changed_path}
            places |= {changed_path: word, path: word}
        return self.build(values, places)

    @contextmanager
    def locate_errors(self) -> Iterator[None]:
        """Within it, a UsageError that names a key (`at`) gains its file and line, or its command-line word."""
        try:
            yield
        except UsageError as error:
            place = nearest_place(error.at, self._places) if error.at else ""
            if not place:
                raise
            raise type(error)(f"{place}: {dotted_key(error.at)}: {error}") from None

    @contextmanager
    def blame(self, *section: str) -> Iterator[None]:
        """Within it, a UsageError about this section of the recipe gains the file and line (or command-line word)."""
        with self.locate_errors(), error_section(*section):
            yield
