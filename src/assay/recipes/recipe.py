"""The Recipe: a frozen, validated description of one run that says everything and hashes.

Here it is validated, hashed, changed and written. Its keys are in `sections.py`. Names of nets, layers, augmentations
and data sets are checked by the package that knows them; `Recipe.blame` then adds the file and line.
LoadedData a recipe from YAML, a file or the built-in collection: `assay.recipes.loader`.
"""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import (
    BeforeValidator,
    Field,
    NonNegativeInt,
    PrivateAttr,
    ValidationError,
    model_validator,
)

from assay.core.errors import UsageError, error_section, unknown
from assay.recipes.schema import (
    Adam,
    AdamW,
    Constant,
    Cosine,
    Data,
    Linear,
    Loss,
    MeanStd,
    Model,
    Muon,
    OneCycle,
    Optimizer,
    Piecewise,
    Plateau,
    Preprocessing,
    Reported,
    Schedule,
    Section,
    Sgd,
    Step,
    Stopping,
    Training,
    by_name,
)

KeyPath = tuple[str | int, ...]


class Recipe(Section):
    """One run, described in full. Frozen; equal recipes have equal hashes."""

    name: Annotated[str, Field(pattern=r"^\w[\w.+-]*(/\w[\w.+-]*)*$")] = "unnamed"  # becomes a folder: experiment/name
    data: Data = Data()
    preprocess: Preprocessing = Preprocessing()
    augment: tuple[str, ...] = ()
    model: Annotated[Model, BeforeValidator(by_name)]
    loss: Annotated[Loss, BeforeValidator(by_name)] = Loss()
    optimizer: Optimizer = Sgd(lr=0.01)
    schedule: Schedule = Constant()
    training: Training = Training()
    stopping: Stopping = Stopping()
    test_views: Literal[1, 2, 6] = 1  # test-time augmentation: a second figure, beside the plain one
    seed: NonNegativeInt = 0
    faults: tuple[str, ...] = ()  # mistakes of the reports, made on purpose: `faults.py`
    reported: Reported | None = None

    @model_validator(mode="after")
    def _validation_where_needed(self) -> Self:
        if self.data.validation == 0 and (self.stopping.patience or self.schedule.name == "plateau"):
            raise ValueError("patience and the plateau schedule watch validation images; data.validation is 0")
        return self

    _places: dict[KeyPath, str] = PrivateAttr(default_factory=dict)

    @classmethod
    def build(cls, values: dict[str, Any], places: dict[KeyPath, str] | None = None) -> "Recipe":
        """A recipe from plain values; `places` says which file and line a key came from. Raises UsageError."""
        values = american(values)
        places = {tuple(map(_american_word, path)): place for path, place in (places or {}).items()}
        try:
            recipe = cls.model_validate(values)
        except ValidationError as error:
            raise UsageError("\n".join(_explain(e, values, places) for e in error.errors())) from None
        recipe._places = places
        return recipe

    def __eq__(self, other: object) -> bool:
        """Equal in every key, whichever file they came from."""
        return isinstance(other, Recipe) and self.model_dump() == other.model_dump()

    @property
    def hash(self) -> str:
        """Eight hex digits of what is run: everything but the name, the seed and the report's figure."""
        content = self.model_dump(mode="json", exclude={"name", "seed", "reported"})
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:8]

    def to_yaml(self) -> str:
        """Every key with its value, as YAML that reads back to an equal recipe."""
        return str(yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False, width=110))

    def override(self, changes: dict[str, Any]) -> "Recipe":
        """A new recipe with dotted keys changed, `{"optimizer.lr": 0.1}`. Raises UsageError."""
        values = self.model_dump(mode="json")
        places = dict(self._places)
        for key, value in changes.items():
            word, path = f"{key}={value}", tuple(_american_word(part) for part in key.split("."))
            changed = _put(values, path, deepcopy(american(value)), word)  # a later change may go into it
            places = {old: place for old, place in places.items() if old[: len(changed)] != changed}
            places |= {changed: word, path: word}
        return Recipe.build(values, places)

    @contextmanager
    def locate_errors(self) -> Iterator[None]:
        """Within it, a UsageError that names a key (`at`) gains its file and line, or its command-line word."""
        try:
            yield
        except UsageError as error:
            place = _place(error.at, self._places) if error.at else ""
            if not place:
                raise
            raise type(error)(f"{place}: {_dotted(error.at)}: {error}") from None

    @contextmanager
    def blame(self, *section: str) -> Iterator[None]:
        """Within it, a UsageError about this section of the recipe gains the file and line (or command-line word)."""
        with self.locate_errors(), error_section(*section):
            yield


# What a recipe may write, and what assay writes: British spelling, and names that older versions of assay had.
_AMERICAN = {
    "optimiser": "optimizer", "normalise": "normalize", "centred": "centered", "drops": "piecewise",
    "unnormalised-test": "unnormalized-test",
}  # fmt: skip


def american(value: Any) -> Any:
    """Plain values of a recipe or study with every key, dotted key and word in American spelling."""
    if isinstance(value, dict):
        return {_american_key(key): american(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [american(inner) for inner in value]
    return _american_word(value)


def _american_key(key: Any) -> Any:
    return ".".join(map(_american_word, key.split("."))) if isinstance(key, str) else key


def _american_word(word: Any) -> Any:
    return _AMERICAN.get(word, word) if isinstance(word, str) else word


def _dotted(path: KeyPath) -> str:
    return ".".join(str(part) for part in path)


def _place(path: KeyPath, places: dict[KeyPath, str]) -> str:
    while path and path not in places:
        path = path[:-1]
    return places.get(path, "")


def _key_names(values: dict[str, Any], prefix: str = "") -> list[str]:
    names = []
    for key, value in values.items():
        names.append(f"{prefix}{key}")
        if isinstance(value, dict):
            names += _key_names(value, f"{prefix}{key}.")
    return names


def _explain(error: Any, values: dict[str, Any], places: dict[KeyPath, str]) -> str:
    """One pydantic error as a sentence: place, key, what is wrong, the nearest right name."""
    path = _real_path(error["loc"], values)
    place = _place(path, places)
    key, kind, context = _dotted(path), error["type"], error.get("ctx", {})
    if kind == "extra_forbidden":
        known = _keys_of(error["loc"][:-1])
        return str(unknown("key", key, [_dotted((*path[:-1], name)) for name in known], place))
    if kind in ("literal_error", "union_tag_invalid"):
        choices = str(context.get("expected") or context.get("expected_tags")).replace(" or ", ", ").split(", ")
        given = error["input"].get("name") if isinstance(error["input"], dict) else error["input"]
        return str(unknown(f"value for {key}:", str(given), [choice.strip("'") for choice in choices], place))
    message = str(context["error"]) if kind == "value_error" else error["msg"]
    given = "" if kind in ("missing", "value_error") else f" (given: {error['input']!r})"
    return f"{place + ': ' if place else ''}{key}: {message[0].lower()}{message[1:]}{given}"


def _real_path(location: KeyPath, values: Any) -> KeyPath:
    """Pydantic's location without the union tags that it puts between the keys."""
    path: list[str | int] = []
    for i, part in enumerate(location):
        if isinstance(values, dict) and part in values:
            values = values[part]
        elif isinstance(values, (list, tuple)) and isinstance(part, int):
            values = list(values)[part]
        elif i < len(location) - 1 or part in ("word", "constants", "pixels", "number", "[key]"):
            continue
        path.append(part)
    return tuple(path)


_UNIONS: dict[str, dict[str, type[Section]]] = {
    "optimizer": {"sgd": Sgd, "adam": Adam, "adamw": AdamW, "muon": Muon},
    "schedule": {
        "constant": Constant, "step": Step, "piecewise": Piecewise, "cosine": Cosine, "linear": Linear,
        "one-cycle": OneCycle, "plateau": Plateau,
    },
}  # fmt: skip


def _put(values: dict[str, Any], path: tuple[str, ...], value: Any, word: str) -> tuple[str, ...]:
    """Put a value at its place among a recipe's; returns what was changed by it: the key, or its whole section."""
    target = values
    for part in path[:-1]:
        if not isinstance(target.get(part), dict):
            raise unknown("key", ".".join(path), _key_names(values), word)
        target = target[part]
    section, last = path[:-1], path[-1]
    if section == ("model",) and last in ("name", "layers"):  # a net replaces the net, arguments and all
        values["model"] = {last: value}
        return section
    if last == "name" and len(section) == 1 and section[0] in _UNIONS:
        values[section[0]] = {**_own_choices(section[0], target), last: value}
        return section
    target[last] = value
    return path


def _own_choices(section: str, values: dict[str, Any]) -> dict[str, Any]:
    """The values of a section that are not just the defaults of its kind: what is kept when another kind takes over."""
    fields = _UNIONS[section][values["name"]].model_fields
    plain = {name: _plain(field.get_default(call_default_factory=True)) for name, field in fields.items()}
    return {name: value for name, value in values.items() if value != plain[name]}


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _keys_of(location: KeyPath) -> list[str]:
    """The keys of the section at this place of a recipe."""
    if not location:
        return list(Recipe.model_fields)
    section = str(location[0])
    if section in _UNIONS:
        return list(_UNIONS[section][str(location[1])].model_fields)
    sections: dict[str, type[Section]] = {
        "data": Data, "preprocess": Preprocessing, "model": Model, "loss": Loss, "training": Training,
        "stopping": Stopping, "reported": Reported,
    }  # fmt: skip
    return list((MeanStd if len(location) > 1 else sections[section]).model_fields)
