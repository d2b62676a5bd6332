"""The TrainingSetup: a recipe made ready to train. Data read and split, Preprocess fitted, net built, all checked."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from assay.core.errors import DataError, ShapeError, UsageError
from assay.core.progress import ProgressCallback, silent
from assay.core.runtime import Runtime
from assay.data.augment.parse import Augment
from assay.data.datasets.catalog import data_root, load_dataset, weights_folder
from assay.data.folders.folder import Folder
from assay.data.folders.summary import summary
from assay.data.imageset import ImageSet
from assay.data.load import LoadedData, load_data, split_images
from assay.data.preprocess import Preprocess
from assay.data.split import Split
from assay.experiments import fault_injection as faults
from assay.experiments.run import Run, weights_hash
from assay.models.backbone import cut
from assay.models.build import build
from assay.models.freezing import Frozen
from assay.models.layers import parse
from assay.models.pretrained import is_pretrained, library_of, prepared, with_new_head
from assay.models.pretrained import load as load_weights
from assay.models.sequential import Net
from assay.models.special_layers import fit_layers
from assay.recipes.recipe import Recipe
from assay.training.batch_size import find_batch_size
from assay.training.callbacks import EpochHooks
from assay.training.checkpoint import Weights
from assay.training.distributed import SINGLE_PROCESS, ProcessGroup
from assay.training.feature_cache import FeatureCache, FeatureLoader, View
from assay.training.loader import BatchLoader
from assay.training.trainer import Trainer

FIT_IMAGES = 5000  # at most; enough for the covariance of small patches


@dataclass(frozen=True, eq=False)
class TrainingSetup:
    """What a training needs: the images before the split, the split, and the trainer.

    folder: where they come from, if it is a folder of photographs; its test images are then among them.
    """

    recipe: Recipe
    images: ImageSet
    split: Split
    trainer: Trainer
    own_model: bool
    found: str = ""  # a batch size that the recipe left open
    folder: Folder | None = None

    def text(self) -> str:
        """Data, sizes of the split and machine, as lines for people."""
        runtime, sizes = self.trainer.runtime, f"{len(self.split.train):,} images to train on"
        if len(self.split.validation):
            sizes += f", {len(self.split.validation):,} for validation"
        if kept := self.trainer.feature_cache:
            sizes += f"; what its frozen part gives for them is computed once and kept in {kept.folder}"
        elif self.trainer.frozen and self.trainer.frozen.keeps:
            why = (
                "they are augmented anew; see training.views" if self.recipe.augment else "its code cannot be cut there"
            )
            sizes += f"; its frozen part runs in every epoch, because {why}"
        lines = (
            faults.warning(self.recipe),
            *(summary(self.folder.scan) if self.folder else ()),
            f"{self.recipe.name}, seed {self.recipe.seed}: {self.recipe.data.display_name}, {sizes}; "
            "the test set waits for the end",
            f"on {runtime.device}, {runtime.threads} thread{'s' if runtime.threads > 1 else ''}, {runtime.precision}",
            self.found,
        )
        return "\n".join(line for line in lines if line)

    @property
    def validated(self) -> NDArray[np.int64]:
        """The places of the validation images in their set."""
        on_test = faults.selects_on_test(self.recipe) and self.trainer.validation is not None
        return np.arange(len(self.trainer.validation or ())) if on_test else self.split.validation

    @property
    def initial_weights(self) -> str:
        """Their hash, before the first epoch."""
        return weights_hash(self.trainer.state.best)

    def describe(self, run: Run) -> None:
        """Write down in the run's folder what was set up: split, environment, preprocessing, initial weights' hash."""
        self.split.save(run.folder / "split.npz")
        if self.folder:
            self.folder.write_lists(run.folder, self.split)
        processes = {"processes": process_group.size} if (process_group := self.trainer.process_group).size > 1 else {}
        parts = {"micro_batches": parts} if (parts := self.trainer.state.micro_batches) > 1 else {}
        run.write_json("environment.json", {**self.trainer.runtime.environment(), **processes, **parts})
        run.write_json("config.json", {
            "class_names": self.images.class_names,
            "preprocess": self.trainer.loader.preprocess.to_dict(),
            "own_model": self.own_model,
            "data": self.images.source,
            "data_fingerprint": self.images.fingerprint,
            "initial_weights": self.initial_weights,
        })  # fmt: skip


def prepare(
    recipe: Recipe,
    runtime: Runtime,
    model: nn.Module | None = None,
    images: ImageSet | None = None,
    test: ImageSet | None = None,
    start: Weights | None = None,
    process_group: ProcessGroup = SINGLE_PROCESS,
    progress: ProgressCallback = silent,
) -> TrainingSetup:
    """Read, split, fit and build what the recipe names; own parts stand in. Raises AssayError with file and line.

    start: weights to begin with, instead of fresh ones. `test` is read here for a fault alone. process_group: the
    processes that train this net together. progress: of decoding a folder of photographs.
    """
    faults.check(recipe)
    with recipe.blame("augment"):
        augment = Augment.parse(recipe.augment)
    read = _read(recipe, progress) if images is None else split_images(recipe.data, images)
    images, parts = read.images, faults.split(recipe, read.split)
    _check_classes(images)
    if not len(parts.train):
        raise DataError(f"{images.source}: no training images are left of {len(images)}")
    train = images.subset(parts.train)
    with recipe.blame("preprocess"):
        spec, color = prepared(recipe.preprocess, recipe.model), model is None and bool(library_of(recipe.model.name))
        preprocess = Preprocess.fit(spec, train, color=color)
    net, frozen = _net(recipe, preprocess.shape, len(images.class_names), model)
    _fit(net, train, preprocess)
    faults.start(net, start)
    what = f"the net {recipe.model.name}" if model is None else "your module"
    _check(recipe, net, preprocess.shape, augment, len(images.class_names), what)
    kept = images.subset(parts.validation) if len(parts.validation) else None
    loader, validation = (
        _feed(recipe, net, frozen, train, preprocess, augment, runtime),
        faults.validation(recipe, kept, test_reader(recipe, images, parts, test)),
    )

    def trainer_for(recipe: Recipe) -> Trainer:
        hooks = EpochHooks(partial(faults.reported, recipe), partial(faults.watched, recipe))
        return Trainer(faults.training(recipe), net, loader, validation, runtime, hooks, process_group, frozen)

    recipe, size = _sized(recipe, trainer_for)
    return TrainingSetup(recipe, images, parts, trainer_for(recipe), model is not None, size, read.folder)


def alike(job: TrainingSetup, recipe: Recipe) -> TrainingSetup:
    """A job that differs in seed and rates alone, so that it shares the images: both for one stack, without faults."""
    trainer = job.trainer
    loader, classes = trainer.loader, len(job.images.class_names)
    if isinstance(loader, FeatureLoader):
        net, head = with_new_head(trainer.state.net, trainer.fixed, recipe.model, classes, recipe.seed)
        loader = loader.with_head(head)
    else:
        net = build(recipe.model, loader.preprocess.shape, classes, recipe.seed)
        _fit(net, loader.images, loader.preprocess)
    made = Trainer(recipe, net, loader, trainer.validation, trainer.runtime, frozen=trainer.frozen)
    return replace(job, recipe=recipe, trainer=made)


def _feed(
    recipe: Recipe, net: nn.Module, frozen: Frozen | None, train: ImageSet, preprocess: Preprocess, augment: Augment,
    runtime: Runtime,
) -> BatchLoader | FeatureLoader:  # fmt: skip
    """The images; or the features that a frozen part gives for them, where those are the same in every epoch."""
    number = recipe.training.views
    if number and augment.mix.masks:
        with recipe.blame("augment"):
            raise UsageError(
                "mixup and cutmix do not go with training.views: a mixed image has another label each time"
            )
    views = [View(recipe.augment, i) for i in range(number)] if number else [None]
    if frozen and (number or not recipe.augment) and (halves := cut(runtime.place(net), frozen, preprocess.shape)):
        return FeatureLoader(FeatureCache(halves, preprocess, runtime, data_root() / "features"), train, views)
    if number:
        with recipe.blame("training", "views"):
            raise UsageError(
                "views are for a pretrained net whose first part is frozen throughout; see model.train_only"
            )
    return BatchLoader(train, preprocess, augment, runtime)


def _sized(recipe: Recipe, trainer_for: Callable[[Recipe], Trainer]) -> tuple[Recipe, str]:
    """The recipe with a number for its batch size, and what to say of it."""
    if recipe.training.batch_size != "auto":
        return recipe, ""
    size, found = find_batch_size(trainer_for(recipe.override({"training.batch_size": 1})))
    return recipe.override({"training.batch_size": size}), found


def _fit(net: nn.Module, images: ImageSet, preprocess: Preprocess) -> None:
    """Fit what starts from the training images."""
    sample = torch.arange(0, len(images), -(-len(images) // FIT_IMAGES))  # spread evenly: folders come class by class
    fit_layers(net, lambda: preprocess(images.take(sample)))


def _read(recipe: Recipe, progress: ProgressCallback) -> LoadedData:
    with recipe.blame("data", "name"):
        return load_data(recipe.data, progress)


def _check_classes(images: ImageSet) -> None:
    if len(images.class_names) < 2:
        raise DataError(f"{images.source}: all images are of one class, {images.class_names[0]}; two are needed")


def _net(
    recipe: Recipe, shape: tuple[int, int, int], classes: int, own: nn.Module | None
) -> tuple[nn.Module, Frozen | None]:
    """The net with the weights that it begins with, and what of it is not trained."""
    if own is not None:
        faults.own_model(recipe)
        return own, None
    with recipe.blame("model"):
        model = faults.model(recipe, classes)
        net = build(model, shape, classes, recipe.seed)
        if not is_pretrained(model):
            return net, None
        load_weights(net, model, classes, weights_folder())
        partly = model.train_only != "all" or model.unfreeze
        return net, Frozen.of(model, net, shape, classes) if partly else None


def test_reader(recipe: Recipe, images: ImageSet, parts: Split, own: ImageSet | None) -> Callable[[], ImageSet]:
    """Reads a run's test images only when it is called: one's own, a folder's, or the named data set's."""
    if own is not None:
        return lambda: own
    if len(parts.test):
        return lambda: images.subset(parts.test)
    return lambda: load_dataset(recipe.data.name, "test")


def _check(
    recipe: Recipe, net: nn.Module, shape: tuple[int, int, int], augment: Augment, classes: int, what: str
) -> None:
    """Whether the net fits the loss, the images that it will see and the classes."""
    _check_loss(recipe, net)
    with recipe.blame("augment"):
        seen = augment.shape(shape, 0)  # smaller ones at first, where there is a window
        _check_window(net, shape, seen)
    for size in {shape, seen}:
        _check_output(net, size, classes, what)


def _check_loss(recipe: Recipe, net: nn.Module) -> None:
    """NLL of anything but log-probabilities is not a likelihood: it falls without bound."""
    if recipe.loss.name == "nll" and isinstance(net, Net) and net.lines[-1] != "log_softmax":
        with recipe.blame("loss"):
            raise UsageError("nll needs a net that ends in log_softmax; add that layer, or use cross-entropy")


def _check_window(net: nn.Module, whole: tuple[int, int, int], seen: tuple[int, int, int]) -> None:
    """A net made for whole images must take those that augmentation makes smaller or larger."""
    if isinstance(net, Net) and seen != whole and _parameters(net, seen) != _parameters(net, whole):
        raise UsageError(
            f"images of {seen[1]} x {seen[2]} px do not fit a net made for {whole[1]} x {whole[2]}; "
            "a net for several sizes ends in globalmaxpool or globalavgpool and linear layers"
        )


def _parameters(net: Net, shape: tuple[int, int, int]) -> list[int]:
    """How many each layer would have for images of that shape; none if they are too small for the net."""
    try:
        return [layer.parameters for layer in parse(net.lines, shape)]
    except ShapeError:
        return []


def _check_output(net: nn.Module, shape: tuple[int, int, int], classes: int, what: str) -> None:
    """One's own module may give anything, and a library's want larger images; find out before the first step."""
    if isinstance(net, Net):
        return
    training = net.training
    try:
        with torch.no_grad():
            found = tuple(net.eval()(torch.zeros(2, *shape)).shape)
    except (RuntimeError, ValueError, TypeError) as error:
        raise ShapeError(f"{what} does not take images (N, {', '.join(map(str, shape))}): {error}") from None
    finally:
        net.train(training)
    if found != (2, classes):
        raise ShapeError(f"{what} gives {found} for two images; it should give logits (2, {classes})")
