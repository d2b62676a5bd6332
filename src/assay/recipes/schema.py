"""The sections of a recipe: their keys, types and defaults, and nothing that acts on them. The whole: `recipe.py`.

A key is a line here, with its default and a comment.
"""

from pathlib import PurePath
from typing import Annotated, Any, Literal, Self

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
    Tag,
    model_validator,
)

Fraction = Annotated[float, Field(ge=0, lt=1)]


class Section(BaseModel):
    """A frozen group of keys; an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Data(Section):
    """Which images, and how many of the training images are kept apart for validation."""

    name: str = "cifar10"  # a data set, or the path of a folder or table of photographs
    validation: Fraction = 0.1
    share: Annotated[float, Field(gt=0, le=1)] = 1.0  # of those left for training, of each class alike
    split_seed: NonNegativeInt = 0  # apart from the run's seed: replicates then share one validation set and pair up
    fold: Annotated[int, Field(ge=0, lt=5)] = 0  # which fifth of a folder tests, where none of its images are given to
    size: PositiveInt | None = None  # of a folder's images, in pixels, square (none: 160); data sets have their own
    max_bad: Fraction = 0.05  # of a folder's files, that may be left out as bad

    @property
    def display_name(self) -> str:
        """The name in looks, titles and file names: of a path its last part."""
        path = PurePath(self.name)
        return path.name if path.is_absolute() else self.name


class MeanStd(Section):
    """Per-channel mean and standard deviation, in units of the scaled pixels."""

    mean: tuple[float, ...]
    std: tuple[PositiveFloat, ...]


Pixels = Annotated[
    Annotated[Literal["net"], Tag("word")] | Annotated[PositiveInt, Tag("pixels")],
    Discriminator(lambda value: "word" if isinstance(value, str) else "pixels"),
]

# Told apart by hand, so that an error speaks of the one form that was meant.
Normalize = Annotated[
    Annotated[Literal["none", "train", "net"], Tag("word")] | Annotated[MeanStd, Tag("constants")],
    Discriminator(lambda value: "word" if isinstance(value, str) else "constants"),
]


class Preprocessing(Section):
    """How a pixel reaches the net, in this order: resize, crop, scale, normalize.

    "net" stands for what the library says of a pretrained net, in any of resize, crop and normalize; written instead
    of the whole section, for all three.
    """

    resize: Pixels | None = None  # the shorter side, in pixels, antialiased
    crop: Pixels | None = None  # the center square, in pixels
    interpolation: Literal["bilinear", "bicubic"] = "bilinear"  # of the resizing; resize: net takes the net's own
    scale: Literal["unit", "centered", "signed"] = "unit"  # [0, 1], [-0.5, 0.5], [-1, 1]
    normalize: Normalize = "none"  # "train": mean and std of the training images

    @model_validator(mode="before")
    @classmethod
    def _all_of_it(cls, value: Any) -> Any:
        return {"resize": "net", "crop": "net", "normalize": "net"} if value == "net" else value


class Model(Section):
    """A named net with its arguments, or a list of layers. The keys from `weights` on are for pretrained nets alone."""

    name: str | None = None
    arguments: dict[str, Any] = {}
    layers: tuple[str, ...] | None = None
    weights: str = "none"  # or "library": the library's own; or a file
    train_only: Annotated[str, Field(pattern="^(all|head|last-conv|from:.+)$")] = "all"
    unfreeze: dict[PositiveInt, Annotated[str, Field(pattern="^(all|last-conv|from:.+)$")]] = {}  # from that epoch on
    frozen_batch_norm: bool = True  # in the frozen part it keeps its statistics
    dropout: Fraction = 0.0  # before the new head

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.name is None) == (self.layers is None):
            raise ValueError("give either a name or a list of layers")
        if self.layers is not None and self.arguments:
            raise ValueError("arguments belong to a named net; write them into the layers")
        if self.layers is not None and (given := self.as_pretrained):
            raise ValueError(f"{min(given)} is for a pretrained net, given by its name")
        return self

    @property
    def as_pretrained(self) -> set[str]:
        """The keys that only a pretrained net has, of those that are not at their defaults."""
        fields = type(self).model_fields
        return {key for key in _PRETRAINED if getattr(self, key) != fields[key].get_default(call_default_factory=True)}


_PRETRAINED = {"weights", "train_only", "unfreeze", "frozen_batch_norm", "dropout"}


class Loss(Section):
    """The loss: always the mean over images."""

    name: Literal["cross-entropy", "nll"] = "cross-entropy"  # nll: for a net that ends in log_softmax
    label_smoothing: Fraction = 0.0

    @model_validator(mode="after")
    def _smoothing_has_a_meaning(self) -> Self:
        if self.name == "nll" and self.label_smoothing:
            raise ValueError("label_smoothing goes with cross-entropy, not with nll")
        return self


class _Optimizer(Section):
    lr: PositiveFloat
    weight_decay: NonNegativeFloat = 0.0
    clip_norm: PositiveFloat | None = None

    # the lr of what is trained below a pretrained net's new head, as a share of lr
    below_head: Annotated[float, Field(gt=0, le=1)] = 1.0


class _CoupledOptimizer(_Optimizer):
    # Keras's meaning: the penalty l2 * sum(w^2) on the weights of layers of a kind, {conv: 1e-4}
    l2: dict[str, PositiveFloat] = {}


class Sgd(_CoupledOptimizer):
    """Stochastic gradient descent, as torch.optim.SGD."""

    name: Literal["sgd"] = "sgd"
    momentum: Fraction = 0.9
    nesterov: bool = False


class Adam(_CoupledOptimizer):
    """Adam (Kingma and Ba 2015), weight decay coupled, as torch.optim.Adam."""

    name: Literal["adam"] = "adam"
    betas: tuple[Fraction, Fraction] = (0.9, 0.999)
    eps: PositiveFloat = 1e-8


class AdamW(_Optimizer):
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


class Piecewise(_Schedule):
    """Hand-given: from the start of epoch e (counted from 0) on, the learning rate is `at[e]`."""

    name: Literal["piecewise"] = "piecewise"
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


def by_name(value: Any) -> Any:
    """A section that is written as its name alone, `schedule: linear`."""
    return {"name": value} if isinstance(value, str) else value


Optimizer = Annotated[Sgd | Adam | AdamW | Muon, Field(discriminator="name"), BeforeValidator(by_name)]
Schedule = Annotated[
    Constant | Step | Piecewise | Cosine | Linear | OneCycle | Plateau,
    Field(discriminator="name"),
    BeforeValidator(by_name),
]


# Told apart by hand, as Normalize.
BatchSize = Annotated[
    Annotated[Literal["auto"], Tag("word")] | Annotated[PositiveInt, Tag("number")],
    Discriminator(lambda value: "word" if isinstance(value, str) else "number"),
]


class Training(Section):
    """How long, and in which batches."""

    epochs: PositiveInt = 10
    batch_size: BatchSize = 128  # "auto": the largest that fits; a run's own recipe has the number
    shuffle: bool = True
    views: PositiveInt | None = None  # so many augmented versions of an image, made once; with a frozen part alone

    @property
    def images_a_step(self) -> int:
        """The batch size as a number, which `auto` is not yet."""
        if self.batch_size == "auto":
            raise ValueError("the batch size has not been found yet")
        return self.batch_size


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
