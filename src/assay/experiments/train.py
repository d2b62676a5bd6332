"""`train` and `resume`: from a recipe to a finished run.

recipe -> ImageSet -> split -> Preprocess, Augment -> net -> Trainer -> best weights -> Predictions -> results, figures
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from torch import nn

from assay.core.errors import DataError, UsageError
from assay.core.files import remove_partial_files
from assay.core.runtime import Runtime
from assay.data.imageset import ImageSet
from assay.experiments.final_recipe import check_own_parts, final_recipe
from assay.experiments.finish import complete
from assay.experiments.run import Run
from assay.experiments.setup import TrainingSetup, set_up
from assay.recipes.recipe import Recipe
from assay.training.callbacks import Callback
from assay.training.checkpoint import Weights
from assay.training.distributed import ProcessGroup, join_process_group
from assay.training.estimate import estimate_run
from assay.training.feature_loader import FeatureLoader
from assay.training.interrupt import interruptible


def train(
    recipe: Recipe | str,
    *,
    model: nn.Module | None = None,
    images: ImageSet | None = None,
    test: ImageSet | None = None,
    runs: Path | None = None,
    runtime: Runtime | None = None,
    callback: Callback | None = None,
    mlflow: bool = True,
    start: Path | None = None,
) -> Run:
    """Train a recipe, or the built-in recipe of that name, to the end. The test set is read once, at the end.

    model: your own module, from (N, C, H, W) to logits (N, classes), in place of the recipe's. images, test: your own
    images to train on and to test on. callback: observes the run; without one, nothing is printed. start: the folder
    of a run whose weights to start from, for the fault shared-weights.

    Returns the finished run. Raises AssayError; Interrupted after Ctrl-C.
    """
    recipe = final_recipe(recipe, model, images, test)
    runtime, process_group = _join(runtime)
    callback = _main_callback(callback, process_group)
    try:
        setup = set_up(recipe, runtime, model, images, test, _start_weights(start), process_group, _reading(callback))
        callback.on_message(setup.text())
        _compute_features(setup, callback)
        callback.on_message(estimate_run(setup.trainer).text())
        if not process_group.is_main:
            return _train_as_helper(setup)
        run = Run.create(setup.recipe, runs)
        setup.describe(run)
        callback.on_message(f"run: {run.folder}")
        return complete(run, setup, callback, mlflow)
    finally:
        _restore_threads(runtime)
        callback.on_close()


def resume(
    run: Run,
    *,
    model: nn.Module | None = None,
    images: ImageSet | None = None,
    test: ImageSet | None = None,
    runtime: Runtime | None = None,
    callback: Callback | None = None,
    mlflow: bool = True,
    start: Path | None = None,
) -> Run:
    """Resume a run that was stopped or killed from its last checkpoint. Give it your own parts again, as for `train`.

    Returns the finished run. Raises AssayError, also if the data or the initial weights have changed.
    """
    if run.is_finished:
        raise UsageError(f"{run.name} is finished; see its results with: assay runs show {run.folder}")
    check_own_parts(model, images, test)
    runtime, process_group = _join(runtime)
    callback = _main_callback(callback, process_group)
    try:
        setup = set_up(
            run.recipe, runtime.as_recorded(run.read_json("environment.json")), model, images, test,
            _start_weights(start), process_group, _reading(callback),
        )  # fmt: skip
        _restore(run, setup, model is not None, callback)
        if not process_group.is_main:
            return _train_as_helper(setup)
        remove_partial_files(run.folder)
        if not run.read_json("config.json"):  # killed before it was described
            setup.describe(run)
        _compute_features(setup, callback)
        state, epochs = setup.trainer.state, run.recipe.training.epochs
        callback.on_message(
            f"{run.name}: resuming after {len(state.history)} of {epochs} epochs, step {state.step}"
        )  # fmt: skip
        return complete(run, setup, callback, mlflow)
    finally:
        _restore_threads(runtime)
        callback.on_close()


def _restore(run: Run, setup: TrainingSetup, has_own_model: bool, callback: Callback) -> None:
    """Bring a setup to where the run stopped. Raises DataError if data, split or initial weights have changed."""
    config, environment = run.read_json("config.json"), run.read_json("environment.json")
    if config:
        setup.check_images(run)
        for line in setup.trainer.runtime.changes(environment):
            callback.on_message(f"note: {line}; the numbers may differ in their last bits")
    setup.trainer.state.micro_batches = environment.get("micro_batches", 1)
    if run.checkpoint.exists():
        setup.trainer.state.load(run.checkpoint)
    elif not has_own_model and config.get("initial_weights") not in (None, setup.initial_weights):
        raise DataError(f"{run.name} was set up with other initial weights: their file has changed; train it again")


def _join(runtime: Runtime | None) -> tuple[Runtime, ProcessGroup]:
    """The runtime of this process, and the group of processes that torchrun started."""
    runtime = runtime or Runtime.choose()
    process_group = join_process_group(runtime.device)
    return process_group.assign_gpu(runtime), process_group


def _restore_threads(runtime: Runtime) -> None:
    """Undo the run's own changes of the number of threads, so that they are no limit for the next run."""
    if runtime.threads_may_change:
        runtime.set_threads()


def _main_callback(callback: Callback | None, process_group: ProcessGroup) -> Callback:
    """Only rank 0 has a callback."""
    return callback if callback and process_group.is_main else Callback()


def _reading(callback: Callback) -> Callable[[int, int], None]:
    return partial(callback.on_progress, "reading images")


def _start_weights(folder: Path | None) -> Weights | None:
    return None if folder is None else Run.open(folder).read_weights()


def _compute_features(setup: TrainingSetup, callback: Callback) -> None:
    """Compute the features of a frozen first part before training starts."""
    trainer = setup.trainer
    if isinstance(trainer.loader, FeatureLoader):
        trainer.loader.compute(trainer.validation, partial(callback.on_progress, "computing features"))


def _train_as_helper(setup: TrainingSetup) -> Run:
    """What every rank but 0 does: train, write nothing, and wait until rank 0 has evaluated the run."""
    process_group = setup.trainer.process_group
    with process_group.exit_together(), interruptible() as stop_requested:
        setup.trainer.run(Callback(), lambda state: None, stop_requested)
    return Run(Path(process_group.broadcast()))
