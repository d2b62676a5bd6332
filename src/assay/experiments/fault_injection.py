"""The reports' mistakes as named switches, so that a report can be reproduced as it was done. All of them are here.

Each fault bends one piece of a run. Whoever makes that piece passes it through the function of its name below; nothing
else knows of faults, and a recipe without any passes unchanged. `shared-weights` is for a study, which starts a trial
from the one before it. To add one: a line in FAULTS, and its effect in the function of the piece that it bends.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from torch import Tensor, nn

from assay.core.errors import UsageError, unknown
from assay.data.imageset import ImageSet
from assay.data.preprocess import Preprocess
from assay.data.split import Split
from assay.models.pretrained import is_pretrained
from assay.models.sequential import lines_of
from assay.recipes.recipe import Recipe
from assay.recipes.schema import Model
from assay.training.history import Epoch


@dataclass(frozen=True)
class Fault:
    """A mistake: the report that made it, and what it does."""

    report: str
    does: str


FAULTS: dict[str, Fault] = {
    "double-softmax": Fault("kth", "a softmax in the net, before a cross-entropy with one of its own"),
    "unnormalized-test": Fault("kth", "test images are only scaled to [0, 1], whatever training images go through"),
    "no-shuffle": Fault("kth", "every epoch goes through the images in the same order"),
    "relu-on-logits": Fault("mlflow-grid", "a ReLU behind the last layer: logits at 0 get no gradient"),
    "shared-weights": Fault("mlflow-grid", "a trial goes on with the weights of the one before it, where they fit"),
    "stop-on-train": Fault("mlflow-grid", "patience and the choice of the epoch watch training figures"),
    "select-on-test": Fault("mlflow-grid", "the test images stand in for validation images and choose the epoch"),
    "swapped-split": Fault("fashion", "trained on the validation images, validated on the training images"),
    "batch-scaled-loss": Fault("fashion", "reported losses are divided by the batch size"),
}

_LAYERS = {"double-softmax": "softmax", "relu-on-logits": "relu"}


def check(recipe: Recipe) -> None:
    """Raise UsageError for a fault that nobody knows."""
    for i, name in enumerate(recipe.faults):
        if name not in FAULTS:
            with recipe.blame("faults", str(i)):
                raise unknown("fault", name, FAULTS)


def warning(recipe: Recipe) -> str:
    """What is wrong with this recipe on purpose, a line for each fault; empty without any."""
    return "\n".join(f"FAULT ON PURPOSE, {name}: {FAULTS[name].does}" for name in recipe.faults)


def model(recipe: Recipe, classes: int) -> Model:
    """The net. Raises UsageError where the fault needs a list of layers."""
    extra = [line for name, line in _LAYERS.items() if name in recipe.faults]
    if extra and is_pretrained(recipe.model):
        raise UsageError(f"the fault of a {extra[0]} behind the net needs a net of layers, not {recipe.model.name}")
    return Model(layers=(*lines_of(recipe.model, classes), *extra)) if extra else recipe.model


def own_model(recipe: Recipe) -> None:
    """One's own module cannot be given another layer. Raises UsageError."""
    if wrong := [name for name in recipe.faults if name in _LAYERS]:
        raise UsageError(f"the fault {wrong[0]} needs a net that assay builds, not your own module")


def start(net: nn.Module, weights: Mapping[str, Tensor] | None) -> None:
    """Begin with the weights of another trial, where they fit the net."""
    own = {name: value.shape for name, value in net.state_dict().items()}
    if weights is not None and own == {name: value.shape for name, value in weights.items()}:
        net.load_state_dict(dict(weights))


def split(recipe: Recipe, plain: Split) -> Split:
    """Which images train and which validate."""
    swapped = replace(plain, train=plain.validation, validation=plain.train)
    return swapped if "swapped-split" in recipe.faults else plain


def selects_on_test(recipe: Recipe) -> bool:
    """Whether the test images stand in for the validation images."""
    return "select-on-test" in recipe.faults


def validation(recipe: Recipe, plain: ImageSet | None, read_test: Callable[[], ImageSet]) -> ImageSet | None:
    """The images that choose the epoch."""
    return read_test() if selects_on_test(recipe) else plain


def test_preprocess(recipe: Recipe, plain: Preprocess) -> Preprocess:
    """How test images reach the net."""
    return replace(plain, scale="unit", mean=None, std=None) if "unnormalized-test" in recipe.faults else plain


def training(recipe: Recipe) -> Recipe:
    """The recipe as the trainer gets it."""
    return recipe.override({"training.shuffle": False}) if "no-shuffle" in recipe.faults else recipe


def reported(recipe: Recipe, row: Epoch) -> Epoch:
    """An epoch as it is written down."""
    if "batch-scaled-loss" not in recipe.faults:
        return row
    size, loss = recipe.training.images_a_step, row.validation_loss
    return replace(row, train_loss=row.train_loss / size, validation_loss=None if loss is None else loss / size)


def watched(recipe: Recipe, history: Sequence[Epoch]) -> Sequence[Epoch]:
    """The figures by which the epoch is chosen and patience counts."""
    if "stop-on-train" not in recipe.faults:
        return history
    return [replace(row, validation_loss=row.train_loss, validation_accuracy=row.train_accuracy) for row in history]
