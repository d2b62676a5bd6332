"""From a recipe to a trainer: load the data, build the model, make the trainer."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import nn

from assay.core.errors import DataError
from assay.core.progress import ProgressCallback, silent
from assay.core.runtime import Runtime
from assay.data.folders.summary import summary
from assay.data.imageset import ImageSet
from assay.data.split import Split
from assay.experiments.fault_injection import Faults
from assay.experiments.image_uses import store_hashes
from assay.experiments.run import Run
from assay.experiments.run_identity import check_own_test
from assay.experiments.runtime_choice import RuntimeChoice
from assay.experiments.setup_data import TrainingData, load_data
from assay.experiments.setup_model import BuiltModel, build_model
from assay.experiments.setup_trainer import make_trainer
from assay.recipes.recipe import Recipe
from assay.training.checkpoint import Weights, weights_hash
from assay.training.distributed import SINGLE_PROCESS, ProcessGroup
from assay.training.trainer import Trainer


def set_up(
    recipe: Recipe,
    runtime: Runtime,
    model: nn.Module | None = None,
    images: ImageSet | None = None,
    test: ImageSet | None = None,
    start: Weights | None = None,
    process_group: ProcessGroup = SINGLE_PROCESS,
    progress: ProgressCallback = silent,
) -> "TrainingSetup":
    """Make a recipe ready to train. Raises AssayError, with file and line where a key of the recipe is wrong.

    model, images, test: stand in for what the recipe names. start: weights to begin with instead of fresh ones.
    process_group: the processes that train together. progress: of decoding a folder of photos.
    """
    with recipe.locate_errors():
        faults = Faults(recipe)
        data = load_data(recipe, faults, images, test, model is not None, progress)
        net = build_model(recipe, data, faults, model, start)
        ready = make_trainer(recipe, data, net, faults, runtime, process_group)
    return TrainingSetup(ready.recipe, data, net, ready.trainer, faults, ready.choice, ready.batch_size_note)


@dataclass(frozen=True, eq=False)
class TrainingSetup:
    """A recipe made ready to train: its data, its model and the trainer."""

    recipe: Recipe
    data: TrainingData
    model: BuiltModel
    trainer: Trainer
    faults: Faults
    runtime_choice: RuntimeChoice
    batch_size_note: str = ""

    @property
    def images(self) -> ImageSet:
        """The images before the split."""
        return self.data.images

    @property
    def split(self) -> Split:
        """The places of the training, validation and test images."""
        return self.data.split

    @property
    def validation_indices(self) -> NDArray[np.int64]:
        """The places of the validation images in their set."""
        validation = self.trainer.validation
        if self.faults.validate_on_test and validation is not None:
            return np.arange(len(validation))
        return self.split.validation

    @property
    def initial_weights(self) -> str:
        """The hash of the weights before the first epoch."""
        return weights_hash(self.trainer.state.best)

    def text(self) -> str:
        """Faults, data, sizes of the split and machine, one line each."""
        runtime, name = self.trainer.runtime, self.recipe.data.display_name
        plural = "s" if runtime.threads > 1 else ""
        lines = (
            self.faults.warning,
            *(summary(self.data.folder.scan) if self.data.folder else ()),
            f"{self.recipe.name}, seed {self.recipe.seed}: {name}, {self._sizes()}; the test set waits for the end",
            *self.data.gaps,
            f"on {runtime.device}, {runtime.threads} thread{plural}, {runtime.precision}",
            self.runtime_choice.text(),
            self.batch_size_note,
        )
        return "\n".join(line for line in lines if line)

    def _sizes(self) -> str:
        text = f"{len(self.split.train):,} images to train on"
        if len(self.split.validation):
            text += f", {len(self.split.validation):,} for validation"
        if self.trainer.loader.feature_cache:
            folder = self.trainer.loader.feature_cache.folder
            return f"{text}; the features of its frozen part are computed once and kept in {folder}"
        if self.trainer.frozen and self.trainer.frozen.has_fixed_part:
            reason = "its code cannot be cut there"
            if self.recipe.augment:
                reason = "they are augmented anew; see training.views"
            return f"{text}; its frozen part runs in every epoch, because {reason}"
        return text

    def check_images(self, run: Run) -> None:
        """Raise DataError unless the run was set up with these images, in this split, and these own test images."""
        run.check_images(self.images)
        if not Split.load(run.folder / "split.npz").is_same(self.split):
            raise DataError(f"{run.name} began with another split, drawn by an older version of assay; train it again")
        check_own_test(run, self.data.own_test)

    def describe(self, run: Run) -> None:
        """Write the split, the environment and config.json to the run's folder."""
        self.split.save(run.folder / "split.npz")
        if self.data.folder:
            self.data.folder.write_lists(run.folder, self.split)
        if not self.data.is_published:
            store_hashes(run, self.images)
        run.write_json("environment.json", self._environment())
        run.write_json("config.json", {
            **self._hashes(),
            "class_names": self.images.class_names,
            "preprocess": self.trainer.loader.preprocess.to_dict(),
            "own_model": self.model.is_own,
            "data": self.images.source,
            "initial_weights": self.initial_weights,
        })  # fmt: skip

    def _hashes(self) -> dict[str, str]:
        """What tells the images of this run from others: see `run_identity`."""
        hashes = {"data_fingerprint": self.images.fingerprint}
        if self.data.folder:
            hashes["data_contents"] = self.data.folder.contents
        if self.data.own_test:
            hashes["test_fingerprint"] = self.data.own_test.fingerprint
        return hashes

    def _environment(self) -> dict[str, object]:
        processes, micro_batches = self.trainer.process_group.size, self.trainer.state.micro_batches
        environment: dict[str, object] = {**self.trainer.runtime.environment(), **self.runtime_choice.record()}
        if processes > 1:
            environment["processes"] = processes
        if micro_batches > 1:
            environment["micro_batches"] = micro_batches
        return environment
