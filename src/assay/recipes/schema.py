"""The keys of a recipe by section, with types and defaults: one line per key. The whole recipe: `recipe.py`.

Sections that are picked by name (loss, optimizer, schedule) are in `named_sections.py`.
"""

from pathlib import PurePath
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    Tag,
    field_validator,
    model_validator,
)

from assay.recipes.epochs import LENGTH, STAGE

Fraction = Annotated[float, Field(ge=0, lt=1)]


class Section(BaseModel):
    """A frozen group of keys; an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Data(Section):
    """Which images, and how many of the training images are held out for validation."""

    name: str = "cifar10"  # a data set, or the path of a folder or table of photos
    validation: Fraction = 0.1
    share: Annotated[float, Field(gt=0, le=1)] = 1.0  # of the images left for training, per class
    split_seed: NonNegativeInt = 0  # not the run's seed: replicates share one validation set, so they pair up
    fold: Annotated[int, Field(ge=0, lt=5)] = 0  # the fifth of a folder that is the test set, where the folder has none
    size: PositiveInt | None = (
        None  # side of a folder's images in pixels; none: as the net sees them, see experiments/stored_size
    )
    max_bad: Fraction = 0.05  # the largest share of a folder's files that may be skipped as bad
    duplicates: Literal["auto", "exact", "off"] = "auto"  # a folder's images that stay on one side of a drawn split

    @field_validator("duplicates", mode="before")
    @classmethod
    def _accept_yaml_off(cls, value: Any) -> Any:
        return "off" if value is False else value  # YAML reads the word off as false

    @property
    def display_name(self) -> str:
        """The name in looks, titles and file names: for an absolute path its last part."""
        path = PurePath(self.name)
        return path.name if path.is_absolute() else self.name


class MeanStd(Section):
    """Per-channel mean and standard deviation, in units of the scaled pixels."""

    mean: tuple[float, ...]
    std: tuple[PositiveFloat, ...]


# Tags of the unions below: with them an error is about the form that you meant. "[key]" is pydantic's own.
TAGS = frozenset({"word", "constants", "pixels", "number", "[key]"})

Pixels = Annotated[
    Annotated[Literal["net"], Tag("word")] | Annotated[PositiveInt, Tag("pixels")],
    Discriminator(lambda value: "word" if isinstance(value, str) else "pixels"),
]

Normalize = Annotated[
    Annotated[Literal["none", "train", "net"], Tag("word")] | Annotated[MeanStd, Tag("constants")],
    Discriminator(lambda value: "word" if isinstance(value, str) else "constants"),
]


class Preprocessing(Section):
    """How a pixel reaches the net, in this order: resize, crop, scale, normalize.

    "net" is the preprocessing of a pretrained net, as its library has it: for resize, crop or normalize, or in place of
    the whole section for all three.
    """

    resize: Pixels | None = None  # the shorter side, in pixels, antialiased
    crop: Pixels | None = None  # the center square, in pixels
    interpolation: Literal["bilinear", "bicubic"] = "bilinear"  # of the resize; `resize: net` uses the net's
    scale: Literal["unit", "centered", "signed"] = "unit"  # [0, 1], [-0.5, 0.5], [-1, 1]
    normalize: Normalize = "none"  # "train": mean and std of the training images

    @model_validator(mode="before")
    @classmethod
    def _expand_net(cls, value: Any) -> Any:
        return {"resize": "net", "crop": "net", "normalize": "net"} if value == "net" else value


class Model(Section):
    """A named net with its arguments, or a list of layers. The keys from `weights` on are for pretrained nets only."""

    name: str | None = None
    arguments: dict[str, Any] = {}
    layers: tuple[str, ...] | None = None
    weights: str = "none"  # or "library": those of timm or torchvision; or a file
    train_only: Annotated[str, Field(pattern="^(all|head|last-conv|from:.+)$")] = "all"
    # from that epoch on
    unfreeze: Annotated[dict[PositiveInt, Annotated[str, Field(pattern="^(all|last-conv|from:.+)$")]], STAGE] = {}
    frozen_batch_norm: bool = True  # batch norm in the frozen part keeps its statistics
    dropout: Fraction = 0.0  # before the new head
    fingerprint: str = ""  # of your own module, filled in when it is trained: tells apart modules of one name

    @model_validator(mode="after")
    def _require_name_or_layers(self) -> Self:
        if (self.name is None) == (self.layers is None):
            raise ValueError("give either a name or a list of layers")
        if self.layers is not None and self.arguments:
            raise ValueError("arguments belong to a named net; write them into the layers")
        if self.layers is not None and self.as_pretrained:
            raise ValueError(f"{min(self.as_pretrained)} is for a pretrained net, given by its name")
        return self

    @property
    def as_pretrained(self) -> set[str]:
        """The keys for pretrained nets that are not at their defaults."""
        fields = type(self).model_fields
        return {
            key for key in _PRETRAINED_KEYS if getattr(self, key) != fields[key].get_default(call_default_factory=True)
        }


_PRETRAINED_KEYS = {"weights", "train_only", "unfreeze", "frozen_batch_norm", "dropout"}


def by_name(value: Any) -> Any:
    """Accept a section that is written as its name alone, `model: kth`."""
    return {"name": value} if isinstance(value, str) else value


BatchSize = Annotated[
    Annotated[Literal["auto"], Tag("word")] | Annotated[PositiveInt, Tag("number")],
    Discriminator(lambda value: "word" if isinstance(value, str) else "number"),
]


class Training(Section):
    """The length of the training, and its batches."""

    epochs: Annotated[PositiveInt, LENGTH] = 10
    batch_size: BatchSize = 128  # "auto": the largest that fits; the run's recipe gets the number
    shuffle: bool = True
    views: PositiveInt | None = None  # N augmented versions of each image, computed once; only with a frozen backbone

    @property
    def images_a_step(self) -> int:
        """The batch size as a number. Raises ValueError while it is still `auto`."""
        if self.batch_size == "auto":
            raise ValueError("the batch size has not been found yet")
        return self.batch_size


class Stopping(Section):
    """Which weights are restored and when to stop, by validation images only."""

    metric: Literal["accuracy", "loss"] = "accuracy"
    patience: Annotated[PositiveInt | None, LENGTH] = None  # stop after N epochs without a better value
    restore_best: bool = True


class Reported(Section):
    """The accuracy that a paper gives for this experiment."""

    report: str
    accuracy: Fraction
    note: str = ""
