"""The Recipe: a frozen, validated description of one run that says everything and hashes.

Here live the keys of a recipe, their types and defaults, and nothing that acts on them. Names of nets, layers,
augmentations and data sets are checked by the package that knows them; `Recipe.blame` then adds the file and line.
Reading a recipe from YAML, a file or the built-in collection: `assay.recipes`.
"""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    PrivateAttr,
    Tag,
    ValidationError,
    model_validator,
)

from assay.errors import UsageError, unknown

Fraction = Annotated[float, Field(ge=0, lt=1)]
KeyPath = tuple[str | int, ...]


class Section(BaseModel):
    """A frozen group of keys; an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Data(Section):
    """Which images, and how many of the training images are kept apart for validation."""

    name: str = "cifar10"
    validation: Fraction = 0.1
    split_seed: NonNegativeInt = 0  # apart from the run's seed: replicates then share one validation set and pair up


class Constants(Section):
    """Per-channel mean and standard deviation, in units of the scaled pixels."""

    mean: tuple[float, ...]
    std: tuple[PositiveFloat, ...]


# Told apart by hand, so that an error speaks of the one form that was meant.
Normalise = Annotated[
    Annotated[Literal["none", "train"], Tag("word")] | Annotated[Constants, Tag("constants")],
    Discriminator(lambda value: "word" if isinstance(value, str) else "constants"),
]


class Preprocessing(Section):
    """How a pixel reaches the net, in this order: resize, crop, scale, normalise."""

    resize: PositiveInt | None = None  # the shorter side, in pixels, antialiased
    crop: PositiveInt | None = None  # the centre square, in pixels
    scale: Literal["unit", "centred", "signed"] = "unit"  # [0, 1], [-0.5, 0.5], [-1, 1]
    normalise: Normalise = "none"  # "train": mean and std of the training images


class Model(Section):
    """A named net with its arguments, or a list of layers."""

    name: str | None = None
    arguments: dict[str, Any] = {}
    layers: tuple[str, ...] | None = None

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.name is None) == (self.layers is None):
            raise ValueError("give either a name or a list of layers")
        if self.layers is not None and self.arguments:
            raise ValueError("arguments belong to a named net; write them into the layers")
        return self


class Loss(Section):
    """The loss: always the mean over images."""

    name: Literal["cross-entropy", "nll"] = "cross-entropy"  # nll: for a net that ends in log_softmax
    label_smoothing: Fraction = 0.0

    @model_validator(mode="after")
    def _smoothing_has_a_meaning(self) -> Self:
        if self.name == "nll" and self.label_smoothing:
            raise ValueError("label_smoothing goes with cross-entropy, not with nll")
        return self


class _Optimiser(Section):
    lr: PositiveFloat
    weight_decay: NonNegativeFloat = 0.0
    clip_norm: PositiveFloat | None = None


class _CoupledOptimiser(_Optimiser):
    # Keras's meaning: the penalty l2 * sum(w^2) on the weights of layers of a kind, {conv: 1e-4}
    l2: dict[str, PositiveFloat] = {}


class Sgd(_CoupledOptimiser):
    """Stochastic gradient descent, as torch.optim.SGD."""

    name: Literal["sgd"] = "sgd"
    momentum: Fraction = 0.9
    nesterov: bool = False


class Adam(_CoupledOptimiser):
    """Adam (Kingma and Ba 2015), weight decay coupled, as torch.optim.Adam."""

    name: Literal["adam"] = "adam"
    betas: tuple[Fraction, Fraction] = (0.9, 0.999)
    eps: PositiveFloat = 1e-8


class AdamW(_Optimiser):
    """Adam with decoupled weight decay (Loshchilov and Hutter 2019), as torch.optim.AdamW."""

    name: Literal["adamw"] = "adamw"
    betas: tuple[Fraction, Fraction] = (0.9, 0.999)
    eps: PositiveFloat = 1e-8


class Muon(Section):
    """Muon for the filters of convolutions, SGD for all else (Jordan et al. 2024); `training/muon.py`.

    bias_lr: for biases and batch norm; head_lr: for linear layers; both for a loss that is a mean over images. decay:
    the share that a step at those peak rates takes off a weight. whitening_epochs: how long the bias of a whitening
    layer is trained (none: to the end); without it the backward pass ends earlier.
    """

    name: Literal["muon"] = "muon"
    lr: PositiveFloat = 0.24
    momentum: Fraction = 0.6
    nesterov: bool = True
    bias_lr: PositiveFloat
    head_lr: PositiveFloat
    sgd_momentum: Fraction = 0.85
    decay: NonNegativeFloat = 0.0
    whitening_epochs: NonNegativeInt | None = None
    clip_norm: PositiveFloat | None = None


class _Schedule(Section):
    warmup_epochs: NonNegativeFloat = 0.0  # linear from zero, before the schedule's own shape takes over


class Constant(_Schedule):
    """The learning rate stays."""

    name: Literal["constant"] = "constant"


class Step(_Schedule):
    """Times `factor` after every `every` epochs."""

    name: Literal["step"] = "step"
    every: PositiveInt
    factor: PositiveFloat = 0.1


class Drops(_Schedule):
    """Hand-given: from the start of epoch e (counted from 0) on, the learning rate is `at[e]`."""

    name: Literal["drops"] = "drops"
    at: dict[PositiveInt, PositiveFloat]


class Cosine(_Schedule):
    """Half a cosine down to `final` times the peak, step by step (Loshchilov and Hutter 2017)."""

    name: Literal["cosine"] = "cosine"
    final: Fraction = 0.0


class Linear(_Schedule):
    """Straight down to zero at the last step."""

    name: Literal["linear"] = "linear"


class OneCycle(Section):
    """Up from lr / `start` to lr over the first `up` of the steps, then down to lr / `start` / `end`, along cosines.

    As torch.optim.lr_scheduler.OneCycleLR (Smith and Topin 2018), momentum left alone.
    """

    name: Literal["one-cycle"] = "one-cycle"
    up: Annotated[float, Field(gt=0, lt=1)] = 0.3
    start: PositiveFloat = 25.0
    end: PositiveFloat = 1e4


class Plateau(_Schedule):
    """Times `factor` once the validation loss has not improved for more than `patience` epochs."""

    name: Literal["plateau"] = "plateau"
    patience: NonNegativeInt = 10
    factor: Annotated[float, Field(gt=0, lt=1)] = 0.1


def _named(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


Optimiser = Annotated[Sgd | Adam | AdamW | Muon, Field(discriminator="name"), BeforeValidator(_named)]
Schedule = Annotated[
    Constant | Step | Drops | Cosine | Linear | OneCycle | Plateau, Field(discriminator="name"), BeforeValidator(_named)
]


class Training(Section):
    """How long, and in which batches."""

    epochs: PositiveInt = 10
    batch_size: PositiveInt = 128
    shuffle: bool = True


class Stopping(Section):
    """Which weights are kept, and when to give up; validation images only."""

    metric: Literal["accuracy", "loss"] = "accuracy"
    patience: PositiveInt | None = None  # stop after so many epochs without a better value
    restore_best: bool = True


class Reported(Section):
    """The figure that a published report gives for this experiment."""

    report: str
    accuracy: Fraction
    note: str = ""


class Recipe(Section):
    """One run, described in full. Frozen; equal recipes have equal hashes."""

    name: Annotated[str, Field(pattern=r"^\w[\w.+-]*(/\w[\w.+-]*)*$")] = "unnamed"  # becomes a folder: experiment/name
    data: Data = Data()
    preprocess: Preprocessing = Preprocessing()
    augment: tuple[str, ...] = ()
    model: Annotated[Model, BeforeValidator(_named)]
    loss: Annotated[Loss, BeforeValidator(_named)] = Loss()
    optimiser: Optimiser = Sgd(lr=0.01)
    schedule: Schedule = Constant()
    training: Training = Training()
    stopping: Stopping = Stopping()
    test_views: Literal[1, 2, 6] = 1  # test-time augmentation: a second figure, beside the plain one
    seed: NonNegativeInt = 0
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
        places = places or {}
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
        """A new recipe with dotted keys changed, `{"optimiser.lr": 0.1}`. Raises UsageError."""
        values = self.model_dump(mode="json")
        places = dict(self._places)
        for key, value in changes.items():
            word, path = f"{key}={value}", tuple(key.split("."))
            changed = _put(values, path, value, word)
            places = {old: place for old, place in places.items() if old[: len(changed)] != changed}
            places |= {changed: word, path: word}
        return Recipe.build(values, places)

    @contextmanager
    def blame(self, *section: str) -> Iterator[None]:
        """Within it, a UsageError about this section of the recipe gains the file and line (or command-line word)."""
        try:
            yield
        except UsageError as error:
            path = (*section, *error.at)
            place = _place(path, self._places)
            if not place:
                raise
            raise type(error)(f"{place}: {_dotted(path)}: {error}") from None


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
        elif i < len(location) - 1 or part in ("word", "constants", "[key]"):
            continue
        path.append(part)
    return tuple(path)


_UNIONS: dict[str, dict[str, type[Section]]] = {
    "optimiser": {"sgd": Sgd, "adam": Adam, "adamw": AdamW, "muon": Muon},
    "schedule": {
        "constant": Constant, "step": Step, "drops": Drops, "cosine": Cosine, "linear": Linear,
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
    return list((Constants if len(location) > 1 else sections[section]).model_fields)
