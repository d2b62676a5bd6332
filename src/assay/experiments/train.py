"""The public verbs train, resume, evaluate, compare and load: each wires the nouns along the flow, no more.

recipe -> ImageSet -> split -> Preprocess, Augment -> net -> Trainer -> best weights -> Predictions -> results, figures
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from assay.core.errors import AssayError, DataError, Interrupted, NonFiniteError, UsageError, unknown
from assay.core.files import remove_partial_files
from assay.core.runtime import Runtime
from assay.data.imageset import ImageSet
from assay.data.location import with_absolute_paths
from assay.data.preprocess import Preprocess
from assay.evaluation.classifier import Classifier
from assay.evaluation.comparison import Comparison, compare_all
from assay.evaluation.robustness import Robustness
from assay.experiments import fault_injection as faults
from assay.experiments.replicates import count_looks, find_group, read_group
from assay.experiments.run import Run, weights_hash
from assay.experiments.run_data import test_images, validation_images
from assay.experiments.scoring import score, score_corrupted, scored_before
from assay.experiments.setup import TrainingSetup, prepare, test_reader
from assay.experiments.tracking.run_mirror import mirrored
from assay.models.build import build
from assay.recipes.loader import read_recipe
from assay.recipes.recipe import Recipe
from assay.report.plots.run_figures import draw
from assay.report.terminal import progress, progress_bar
from assay.training.callbacks import Callback
from assay.training.checkpoint import TrainState, Weights
from assay.training.distributed import ProcessGroup, join_process_group
from assay.training.estimate import estimate_run
from assay.training.feature_cache import FeatureLoader
from assay.training.interrupt import interruptible

Train = Callable[[Callback, Callable[[TrainState], None], Callable[[], bool]], None]  # as `Trainer.run`

SAVE_EVERY_SECONDS = 20.0  # a kill loses at most this much, and the epoch under way


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
    """Train a recipe (or the built-in one of that name) to the end, read the test set once, return the finished run.

    `model`, `images` and `test` stand in for what the recipe names: one's own module from (N, C, H, W) to logits
    (N, classes), one's own images to train on and to test on. `start` is the folder of a run whose weights to begin
    with, for the fault shared-weights. Raises AssayError; Interrupted after Ctrl-C.
    """
    recipe = _own_names(read_recipe(recipe) if isinstance(recipe, str) else recipe, model, images, test)
    recipe = with_absolute_paths(recipe) if images is None else recipe
    runtime, process_group = _joined(runtime)
    talks, callback = callback is None and process_group.is_main, _voice(callback, process_group)
    with progress_bar("reading images", talks) as reading:
        job = prepare(recipe, runtime, model, images, test, _weights(start), process_group, reading)
    callback.on_message(job.text())
    _compute_features(job, talks)
    callback.on_message(estimate_run(job.trainer).text())
    if not process_group.is_main:
        return _train_along(job)
    run = Run.create(job.recipe, runs)
    job.describe(run)
    callback.on_message(f"run: {run.folder}")
    return complete(run, job, test, callback, mlflow)


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
    """Go on with a run that was stopped or killed, from its last checkpoint; own parts must be given again."""
    if run.status.get("state") == "finished":
        raise UsageError(f"{run.name} is finished; see its results with: assay runs show {run.folder}")
    runtime, process_group = _joined(runtime)
    talks, callback = callback is None and process_group.is_main, _voice(callback, process_group)
    with progress_bar("reading images", talks) as reading:
        job = prepare(run.recipe, runtime, model, images, test, _weights(start), process_group, reading)
    if run.read_json("config.json"):
        run.check_images(job.images)
        for line in runtime.changes(run.read_json("environment.json")):
            callback.on_message(f"note: {line}; the numbers may differ in their last bits")
    job.trainer.state.micro_batches = run.read_json("environment.json").get("micro_batches", 1)
    if run.checkpoint.exists():
        job.trainer.state.load(run.checkpoint)
    elif model is None and run.read_json("config.json").get("initial_weights") not in (None, job.initial_weights):
        raise DataError(f"{run.name} was set up with other initial weights: their file has changed; train anew")
    if not process_group.is_main:
        return _train_along(job)
    remove_partial_files(run.folder)
    if not run.read_json("config.json"):  # killed before it was described
        job.describe(run)
    done = job.trainer.state
    _compute_features(job, talks)
    callback.on_message(
        f"{run.name}: going on after {len(done.history)} of {run.recipe.training.epochs} epochs, step {done.step}"
    )
    return complete(run, job, test, callback, mlflow)


def evaluate(
    run: Run | str | Path,
    data: str = "test",
    *,
    images: ImageSet | None = None,
    model: nn.Module | None = None,
    runtime: Runtime | None = None,
) -> dict[str, Any]:
    """Metrics of a run on its `test` or `validation` images, or on the test set of other data; looks are counted.

    data: a named data set, or a folder or table of photographs, of which all images count unless it says which are for
    testing. Classes go by their names. `images` are one's own: to be called `data`, or for `validation` all those that
    training and validation came from. Returns the entry that results.json gains. Raises AssayError.
    """
    run = run if isinstance(run, Run) else Run.find(str(run))
    classifier = load(run, model=model, runtime=runtime)
    if data == "validation":
        called, read_images, indices = validation_images(run, images)
    else:
        called, read_images, indices = test_images(run, data, images, classifier.preprocess.source_shape)
    return score(run, classifier, called, read_images, by="evaluate", indices=indices)[1]


def evaluate_corrupted(
    run: Run | str | Path,
    data: str = "test",
    *,
    images: ImageSet | None = None,
    model: nn.Module | None = None,
    runtime: Runtime | None = None,
) -> tuple[Robustness, str]:
    """How a run stands corrupted copies of its test set, or of a named data set's: one look. Raises AssayError.

    Returns what was found and the name of its files in the run's folder, as of `score_corrupted`.
    """
    run = run if isinstance(run, Run) else Run.find(str(run))
    if data == "validation":
        raise UsageError("corruptions are for test sets; choose by validation images as they are")
    classifier = load(run, model=model, runtime=runtime)
    called, read_images, _ = test_images(run, data, images, classifier.preprocess.source_shape)
    return score_corrupted(run, classifier, called, read_images, by="evaluate --corruptions")


def compare(
    *what: str | Run | Sequence[Run], on: str = "validation", pairs: bool = False, runs: Path | None = None
) -> list[Comparison]:
    """Whether accuracies differ: each run or group of replicates with the first, or every pair, on the same images.

    what: runs, lists of replicates, or names as of `groups.find_group`. on: `validation` or `test`, where a look is
    counted. Raises UsageError, and DataError where the images are not the same.
    """
    if on not in ("validation", "test"):
        raise unknown("set of images", on, ("validation", "test"))
    if len(what) < 2:
        raise UsageError("give at least two runs, or groups of replicates, to compare")
    found = [find_group(one, runs) if isinstance(one, str) else [one] if isinstance(one, Run) else one for one in what]
    if len({tuple(run.folder.resolve() for run in group) for group in found}) < len(found):
        raise UsageError("the same runs are given twice")
    groups = [read_group(group, on) for group in found]
    comparisons = compare_all(groups, None if pairs else groups[0])
    if on == "test":  # before anybody sees them; what was refused was not seen
        for group in found:
            count_looks(group)
    return comparisons


def load(run: Run | str | Path, *, model: nn.Module | None = None, runtime: Runtime | None = None) -> Classifier:
    """The classifier that a run trained, with its best weights and its own Preprocess. Raises AssayError.

    A run of one's own module needs that module again, as `model`.
    """
    run = run if isinstance(run, Run) else Run.find(str(run))
    runtime = runtime or Runtime.choose()
    weights, config, recipe = run.read_weights(), run.read_json("config.json"), run.recipe
    preprocess, names = Preprocess.from_dict(config["preprocess"]), tuple(config["class_names"])
    if config["own_model"] and model is None:
        raise UsageError(f"{run.name} trained your own {recipe.model.name}; give it again: load(run, model=...)")
    net = model or build(faults.model(recipe, len(names)), preprocess.shape, len(names), recipe.seed)
    net.load_state_dict(weights)
    return Classifier(runtime.place(net), preprocess, names, runtime)


def _weights(folder: Path | None) -> Weights | None:
    return None if folder is None else Run.open(folder).read_weights()


def _own_names(recipe: Recipe, model: nn.Module | None, images: ImageSet | None, test: ImageSet | None) -> Recipe:
    """The recipe with the names of one's own parts in the place of those it had, so that the run tells the truth."""
    if images is not None and test is None:
        raise UsageError("your own training images need your own test images too: train(..., images=..., test=...)")
    changes: dict[str, Any] = {}
    if model is not None:
        changes["model.name"] = type(model).__name__
    if images is not None:
        changes["data.name"] = images.source
    return recipe.override(changes) if changes else recipe


def _joined(runtime: Runtime | None) -> tuple[Runtime, ProcessGroup]:
    """The runtime of this process, and its place among those that torchrun started."""
    runtime = runtime or Runtime.choose()
    process_group = join_process_group(runtime.device)
    return process_group.assign_gpu(runtime), process_group


def _voice(callback: Callback | None, process_group: ProcessGroup) -> Callback:
    """Only the first process talks."""
    return (callback or progress()) if process_group.is_main else Callback()


def _train_along(job: TrainingSetup) -> Run:
    """What every process but the first does: train, write nothing, and wait until the run has been judged."""
    with job.trainer.process_group.exit_together(), interruptible() as stop_requested:
        job.trainer.run(Callback(), lambda state: None, stop_requested)
    return Run(Path(job.trainer.process_group.broadcast()))


def _compute_features(job: TrainingSetup, talks: bool) -> None:
    """What a frozen part gives, before training, with a bar of its own."""
    trainer = job.trainer
    if isinstance(trainer.loader, FeatureLoader):
        with progress_bar("computing features", talks) as tell:
            trainer.loader.compute(trainer.validation, tell)


def complete(
    run: Run, job: TrainingSetup, test: ImageSet | None, callback: Callback, mlflow: bool, train: Train | None = None
) -> Run:
    """Train a described run, judge it, and keep its status true whatever happens.

    train: stands in for the job's own trainer, where the training is done already.
    """
    process_group = job.trainer.process_group
    if faults.selects_on_test(run.recipe):  # the job has read the test set already, at every start anew
        run.count_look(f"{run.recipe.data.display_name}/test", by="the fault select-on-test")
    try:
        # the mirror sees how it ended
        with process_group.exit_together(), mirrored(run, callback, wanted=mlflow) as told, _told(run, job):
            with interruptible() as stop_requested:
                (train or job.trainer.run)(told, _saver(run, job), stop_requested)
            _finish(run, job, test)
    finally:
        callback.on_close()
    process_group.broadcast(str(run.folder))  # the other processes may end now
    return run


def record_end(run: Run, state: TrainState, error: BaseException) -> None:
    """Keep the best weights so far, and say in status.json how it ended."""
    stopped = isinstance(error, (Interrupted, KeyboardInterrupt))
    with suppress(AssayError):  # a full disk must not hide what went wrong first
        run.write_weights(state.best)
        run.set_status(
            state="stopped" if stopped else "failed",
            reason=str(error),
            diverged=isinstance(error, NonFiniteError) or None,
            epochs=len(state.history),
        )


@contextmanager
def _told(run: Run, job: TrainingSetup) -> Iterator[None]:
    """Whatever happens within, status.json says so, and the best weights so far are kept."""
    run.set_status(state="running", reason=None)
    try:
        yield
    except BaseException as error:
        record_end(run, job.trainer.state, error)
        if isinstance(error, Interrupted):
            raise Interrupted(f"{error}; go on with: assay train --resume {run.folder}") from None
        raise
    run.set_status(state="finished")
    run.checkpoint.unlink(missing_ok=True)


def _finish(run: Run, job: TrainingSetup, test: ImageSet | None) -> None:
    """Best weights back, then validation, then the one look at the test set, then figures."""
    trainer, state, name = job.trainer, job.trainer.state, run.recipe.data.display_name
    run.write_weights(state.best)
    state.net.load_state_dict(state.best)
    names, features = job.images.class_names, trainer.feature_cache
    classifier = Classifier(state.net, trainer.loader.preprocess, names, trainer.runtime, features)
    run.set_status(
        epochs=len(state.history),
        best_epoch=trainer.best_epoch,
        train_seconds=sum(row.seconds for row in state.history),
        micro_batches=state.micro_batches if state.micro_batches > 1 else None,
    )
    weights, judged = weights_hash(state.best), {}

    def judged_once(part: str, read: Callable[[], ImageSet], indices: NDArray[np.int64] | None = None) -> None:
        data = f"{name}/{part}"
        if (before := scored_before(run, data, weights)) is None:
            before, _ = score(run, classifier, data, read, by="train", indices=indices)
        judged[part] = before

    if (validation := trainer.validation) is not None:
        judged_once("validation", lambda: validation, job.validated)
    indices = job.split.test if len(job.split.test) and test is None else None
    judged_once("test", test_reader(run.recipe, job.images, job.split, test), indices)
    draw(run.folder / "figures", state.history, trainer.best_epoch, judged)


def _saver(run: Run, job: TrainingSetup) -> Callable[[TrainState], None]:
    """Writes the history after every epoch, and a checkpoint when one is due or training ends."""
    last = time.monotonic()

    def save(state: TrainState) -> None:
        nonlocal last
        run.write_history(state.history)
        if state.step or job.trainer.finished or time.monotonic() - last > SAVE_EVERY_SECONDS:
            state.save(run.checkpoint)
            last = time.monotonic()

    return save
