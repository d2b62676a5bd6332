"""The papers' mistakes as named faults, so that a paper can be reproduced as it was run. Nothing else knows of them.

A fault bends one piece of a run: it overrides the method of that piece. To add one: a class here with `@fault`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import ClassVar

from torch import Tensor, nn

from assay.core.errors import UsageError, error_section
from assay.core.registry import Registry
from assay.data.preprocess import Preprocess
from assay.data.split import Split
from assay.models.pretrained import is_pretrained
from assay.models.sequential import lines_of
from assay.recipes.recipe import Recipe
from assay.recipes.schema import Model
from assay.training.callbacks import EpochHooks
from assay.training.history import Epoch


class Fault:
    """One mistake. The defaults change nothing."""

    name: ClassVar[str]
    paper: ClassVar[str]  # the paper that made it
    does: ClassVar[str]
    extra_layer: ClassVar[str] = ""  # appended to the net
    validates_on_test: ClassVar[bool] = False  # the test set is read in place of the validation set

    def split(self, split: Split) -> Split:
        """The images that train and validate."""
        return split

    def training_recipe(self, recipe: Recipe) -> Recipe:
        """The recipe that the trainer follows."""
        return recipe

    def test_preprocess(self, preprocess: Preprocess) -> Preprocess:
        """How test images reach the net."""
        return preprocess

    def record_epoch(self, row: Epoch, batch_size: int) -> Epoch:
        """An epoch as the history stores it."""
        return row

    def selection_history(self, history: Sequence[Epoch]) -> Sequence[Epoch]:
        """The history that chooses the best epoch and stops early."""
        return history


FAULTS = Registry[type[Fault]]("fault")


def fault(name: str, *, paper: str, does: str) -> Callable[[type[Fault]], type[Fault]]:
    """Decorator that registers a Fault under a name. paper: the paper that made the mistake."""

    def register(kind: type[Fault]) -> type[Fault]:
        kind.name, kind.paper, kind.does = name, paper, does
        return FAULTS.add(name)(kind)

    return register


@fault("double-softmax", paper="kth", does="a softmax in the net, before a cross-entropy with one of its own")
class DoubleSoftmax(Fault):
    """Softmax twice."""

    extra_layer = "softmax"


@fault("relu-on-logits", paper="mlflow-grid", does="a ReLU behind the last layer: logits at 0 get no gradient")
class ReluOnLogits(Fault):
    """A ReLU as the last layer."""

    extra_layer = "relu"


@fault("unnormalized-test", paper="kth", does="test images are only scaled to [0, 1], unlike training images")
class UnnormalizedTest(Fault):
    """Test images skip normalization."""

    def test_preprocess(self, preprocess: Preprocess) -> Preprocess:
        """Scale to [0, 1] alone."""
        return replace(preprocess, scale="unit", mean=None, std=None)


@fault("no-shuffle", paper="kth", does="every epoch goes through the images in the same order")
class NoShuffle(Fault):
    """The images stay in order."""

    def training_recipe(self, recipe: Recipe) -> Recipe:
        """Without shuffling."""
        return recipe.override({"training.shuffle": False})


@fault("shared-weights", paper="mlflow-grid", does="a trial starts from the weights of the one before, where they fit")
class SharedWeights(Fault):
    """For a study, which passes the weights of the trial before; see `load_start_weights`."""


@fault("stop-on-train", paper="mlflow-grid", does="patience and the choice of the epoch use training metrics")
class StopOnTrain(Fault):
    """Selection by training metrics."""

    def selection_history(self, history: Sequence[Epoch]) -> Sequence[Epoch]:
        """Training metrics in the place of validation metrics."""
        return [replace(row, validation_loss=row.train_loss, validation_accuracy=row.train_accuracy) for row in history]


@fault("select-on-test", paper="mlflow-grid", does="test images replace validation images and choose the epoch")
class SelectOnTest(Fault):
    """Selection by the test set."""

    validates_on_test = True


@fault("swapped-split", paper="fashion", does="trained on the validation images, validated on the training images")
class SwappedSplit(Fault):
    """Training and validation images are swapped."""

    def split(self, split: Split) -> Split:
        """The two swapped."""
        return replace(split, train=split.validation, validation=split.train)


@fault("batch-scaled-loss", paper="fashion", does="recorded losses are divided by the batch size")
class BatchScaledLoss(Fault):
    """The mean over a batch, divided by its size again."""

    def record_epoch(self, row: Epoch, batch_size: int) -> Epoch:
        """Both losses, divided by the batch size."""
        validation_loss = None if row.validation_loss is None else row.validation_loss / batch_size
        return replace(row, train_loss=row.train_loss / batch_size, validation_loss=validation_loss)


class Faults:
    """All faults of a recipe together. Without faults, every method returns its argument unchanged."""

    def __init__(self, recipe: Recipe) -> None:
        """Raises UsageError for an unknown fault."""
        for i, name in enumerate(recipe.faults):
            with error_section("faults", i):
                FAULTS[name]
        self._faults = [FAULTS[name]() for name in sorted(set(recipe.faults))]

    @property
    def warning(self) -> str:
        """One line for each fault; empty without any."""
        return "\n".join(f"FAULT ON PURPOSE, {fault.name}: {fault.does}" for fault in self._faults)

    @property
    def validate_on_test(self) -> bool:
        """Whether the test images replace the validation images."""
        return any(fault.validates_on_test for fault in self._faults)

    def model(self, model: Model, classes: int) -> Model:
        """The net with all extra layers. Raises UsageError where a fault needs a list of layers."""
        layers = [fault.extra_layer for fault in self._faults if fault.extra_layer]
        if not layers:
            return model
        if is_pretrained(model):
            raise UsageError(f"the fault of a {layers[0]} behind the net needs a net of layers, not {model.name}")
        return Model(layers=(*lines_of(model, classes), *layers))

    def check_module(self) -> None:
        """Raise UsageError for a fault that adds a layer, which your own module cannot take."""
        for fault in self._faults:
            if fault.extra_layer:
                raise UsageError(f"the fault {fault.name} needs a net that assay builds, not your own module")

    def split(self, split: Split) -> Split:
        """The images that train and validate."""
        for fault in self._faults:
            split = fault.split(split)
        return split

    def training_recipe(self, recipe: Recipe) -> Recipe:
        """The recipe that the trainer follows."""
        for fault in self._faults:
            recipe = fault.training_recipe(recipe)
        return recipe

    def test_preprocess(self, preprocess: Preprocess) -> Preprocess:
        """How test images reach the net."""
        for fault in self._faults:
            preprocess = fault.test_preprocess(preprocess)
        return preprocess

    def epoch_hooks(self, recipe: Recipe) -> EpochHooks:
        """What the trainer records and selects by."""
        return EpochHooks(lambda row: self._record(row, recipe.training.images_a_step), self._select)

    def _record(self, row: Epoch, batch_size: int) -> Epoch:
        for fault in self._faults:
            row = fault.record_epoch(row, batch_size)
        return row

    def _select(self, history: Sequence[Epoch]) -> Sequence[Epoch]:
        for fault in self._faults:
            history = fault.selection_history(history)
        return history


def load_start_weights(net: nn.Module, weights: Mapping[str, Tensor] | None) -> None:
    """Start from the weights of another trial, for the fault shared-weights, if they fit the net."""
    if weights is None:
        return
    shapes = {name: value.shape for name, value in net.state_dict().items()}
    if shapes == {name: value.shape for name, value in weights.items()}:
        net.load_state_dict(dict(weights))
