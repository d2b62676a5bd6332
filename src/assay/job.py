"""The Job: a recipe made ready to train. Data read and split, Preprocess fitted, net built, all checked."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from assay import faults
from assay.data.augment import Augment
from assay.data.imageset import ImageSet
from assay.data.preprocess import Preprocess
from assay.data.sources import check_present, data_root, weights_folder
from assay.data.sources import load as load_data
from assay.data.split import Split, split
from assay.errors import DataError, ShapeError, UsageError
from assay.models.build import build
from assay.models.cut import cut
from assay.models.frozen import Frozen
from assay.models.initialise import fit_layers
from assay.models.layers import parse
from assay.models.net import Net
from assay.models.pretrained import is_pretrained, library_of, prepared, with_new_head
from assay.models.pretrained import load as load_weights
from assay.recipe import Recipe
from assay.run import Run, weights_hash
from assay.runtime import Runtime
from assay.training.checkpoint import Weights
from assay.training.features import FeatureFeed, Features, View
from assay.training.feed import Feed
from assay.training.loop import Trainer
from assay.training.parallel import ALONE, Ranks

FIT_IMAGES = 5000  # at most; enough for the covariance of small patches


@dataclass(frozen=True, eq=False)
class Job:
    """What a training needs: the training images before the split, the split, and the trainer."""

    recipe: Recipe
    images: ImageSet
    split: Split
    trainer: Trainer
    own_model: bool

    def text(self) -> str:
        """Data, sizes of the split and machine, as lines for people."""
        runtime, sizes = self.trainer.runtime, f"{len(self.split.train):,} images to train on"
        if len(self.split.validation):
            sizes += f", {len(self.split.validation):,} for validation"
        wrong, kept = faults.warning(self.recipe), self.trainer.features
        if kept:
            sizes += f"; what its frozen part gives for them is computed once and kept in {kept.folder}"
        return (wrong + "\n" if wrong else "") + (
            f"{self.recipe.name}, seed {self.recipe.seed}: {self.recipe.data.name}, {sizes}; "
            "the test set waits for the end\n"
            f"on {runtime.device}, {runtime.threads} thread{'s' if runtime.threads > 1 else ''}, {runtime.precision}"
        )

    @property
    def validated(self) -> NDArray[np.int64]:
        """The places of the validation images in their set."""
        on_test = faults.selects_on_test(self.recipe) and self.trainer.validation is not None
        return np.arange(len(self.trainer.validation or ())) if on_test else self.split.validation

    def describe(self, run: Run) -> None:
        """Write down in the run's folder what was set up: split, environment, preprocessing, initial weights' hash."""
        self.split.save(run.folder / "split.npz")
        processes = {"processes": ranks.size} if (ranks := self.trainer.ranks).size > 1 else {}
        run.write_json("environment.json", {**self.trainer.runtime.environment(), **processes})
        run.write_json("config.json", {
            "class_names": self.images.class_names,
            "preprocess": self.trainer.feed.preprocess.to_dict(),
            "own_model": self.own_model,
            "data": self.images.source,
            "data_fingerprint": self.images.fingerprint,
            "initial_weights": weights_hash(self.trainer.state.best),
        })  # fmt: skip


def prepare(
    recipe: Recipe,
    runtime: Runtime,
    model: nn.Module | None = None,
    images: ImageSet | None = None,
    test: ImageSet | None = None,
    start: Weights | None = None,
    ranks: Ranks = ALONE,
) -> Job:
    """Read, split, fit and build what the recipe names; own parts stand in. Raises AssayError with file and line.

    start: weights to begin with, instead of fresh ones. `test` is read here for a fault alone. ranks: the processes
    that train this together.
    """
    faults.check(recipe)
    with recipe.blame("augment"):
        augment = Augment.parse(recipe.augment)
    data, images = recipe.data, _training_images(recipe) if images is None else images
    parts = faults.split(recipe, split(images.labels, data.validation, data.split_seed, data.share))
    if not len(parts.train):
        raise DataError(f"{images.source}: no training images are left of {len(images)}")
    train = images.subset(parts.train)
    with recipe.blame("preprocess"):
        spec, colour = prepared(recipe.preprocess, recipe.model), model is None and bool(library_of(recipe.model.name))
        preprocess = Preprocess.fit(spec, train, colour=colour)
    net, frozen = _net(recipe, preprocess.shape, len(images.class_names), model)
    _fit(net, torch.from_numpy(train.images), preprocess)
    faults.start(net, start)
    what = f"the net {recipe.model.name}" if model is None else "your module"
    _check(recipe, net, preprocess.shape, augment, len(images.class_names), what)
    kept = images.subset(parts.validation) if len(parts.validation) else None
    trainer = Trainer(
        faults.training(recipe), net, _feed(recipe, net, frozen, train, preprocess, augment, runtime),
        faults.validation(recipe, kept, reader(test, data.name)), runtime,
        partial(faults.reported, recipe), partial(faults.watched, recipe), ranks, frozen,
    )  # fmt: skip
    return Job(recipe, images, parts, trainer, own_model=model is not None)


def alike(job: Job, recipe: Recipe) -> Job:
    """A job that differs in seed and rates alone, so that it shares the images: both for one stack, without faults."""
    trainer = job.trainer
    feed, classes = trainer.feed, len(job.images.class_names)
    if isinstance(feed, FeatureFeed):
        net, head = with_new_head(trainer.state.net, trainer.fixed, recipe.model, classes, recipe.seed)
        feed = feed.of_head(head)
    else:
        net = build(recipe.model, feed.preprocess.shape, classes, recipe.seed)
        _fit(net, feed.images, feed.preprocess)
    made = Trainer(recipe, net, feed, trainer.validation, trainer.runtime, frozen=trainer.frozen)
    return replace(job, recipe=recipe, trainer=made)


def _feed(
    recipe: Recipe, net: nn.Module, frozen: Frozen | None, train: ImageSet, preprocess: Preprocess, augment: Augment,
    runtime: Runtime,
) -> Feed | FeatureFeed:  # fmt: skip
    """The images; or the features that a frozen part gives for them, where those are the same in every epoch."""
    number = recipe.training.views
    views = [View(recipe.augment, i) for i in range(number)] if number else [None]
    if frozen and (number or not recipe.augment) and (halves := cut(runtime.place(net), frozen, preprocess.shape)):
        return FeatureFeed(Features(halves, preprocess, runtime, data_root() / "features"), train, views)
    if number:
        with recipe.blame("training", "views"):
            raise UsageError(
                "views are for a pretrained net whose first part is frozen throughout; see model.train_only"
            )
    return Feed(train, preprocess, augment, runtime)


def _fit(net: nn.Module, images: torch.Tensor, preprocess: Preprocess) -> None:
    """Fit what starts from the training images, uint8 (N, C, H, W)."""
    sample = images[:: -(-len(images) // FIT_IMAGES)]  # spread evenly: folders come class by class
    fit_layers(net, lambda: preprocess(sample.cpu()))


def _training_images(recipe: Recipe) -> ImageSet:
    with recipe.blame("data", "name"):
        check_present(recipe.data.name)  # the test set too: nobody wants to learn at the end that it is missing
        return load_data(recipe.data.name, "train")


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


def reader(images: ImageSet | None, name: str) -> Callable[[], ImageSet]:
    """Reads a test set only when it is called: one's own images, or the named data set's."""
    return lambda: load_data(name, "test") if images is None else images


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
    """A net made for whole images must take the first epochs' smaller ones with the same weights."""
    if isinstance(net, Net) and seen != whole and _parameters(net, seen) != _parameters(net, whole):
        raise UsageError(
            f"the window of {seen[1]} x {seen[2]} px does not fit a net made for {whole[1]} x {whole[2]}; "
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
