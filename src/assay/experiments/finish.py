"""A described run is trained, evaluated and recorded to its end. For `train`, `resume` and the engines of studies."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict

from assay.core.errors import AssayError, Interrupted, NonFiniteError
from assay.evaluation.classifier import Classifier
from assay.evaluation.predictions import Predictions
from assay.experiments.run import Run, RunState, SplitName
from assay.experiments.run_data import Selection
from assay.experiments.run_findings import find_worse_than_guessing
from assay.experiments.scoring import score, scored_before
from assay.experiments.setup import TrainingSetup
from assay.experiments.tracking.run_mirror import mirror_run
from assay.report.plots.run import save_run_figures
from assay.training.callbacks import Callback
from assay.training.checkpoint import TrainState, weights_hash
from assay.training.interrupt import interruptible

SAVE_EVERY_SECONDS = 20.0  # a kill loses at most this much, and the current epoch

TrainFunction = Callable[[Callback, Callable[[TrainState], None], Callable[[], bool]], None]  # as `Trainer.run`


def complete(
    run: Run, setup: TrainingSetup, callback: Callback, mlflow: bool, train_net: TrainFunction | None = None
) -> Run:
    """Train and evaluate a described run, and keep its status true whatever happens.

    train_net: replaces the setup's own trainer, where the net is trained already.
    """
    process_group = setup.trainer.process_group
    if setup.faults.validate_on_test:  # every setup has read the test set already
        run.count_look(run.test_set, by="the fault select-on-test")
    with (
        process_group.exit_together(),
        mirror_run(run, callback, enabled=mlflow) as mirrored_callback,
        _record_state(run, setup),  # inside the mirror, which stores how the run ended
    ):
        with interruptible() as stop_requested:
            (train_net or setup.trainer.run)(mirrored_callback, _saver(run, setup), stop_requested)
        _evaluate(run, setup)
    process_group.broadcast(str(run.folder))  # the other processes may end now
    return run


def record_end(run: Run, state: TrainState, error: BaseException) -> None:
    """Store the best weights so far, and in status.json how the run ended."""
    is_stop = isinstance(error, (Interrupted, KeyboardInterrupt))
    with suppress(AssayError):  # a full disk must not hide the first error
        run.write_weights(state.best)
        run.set_status(
            state=RunState.STOPPED if is_stop else RunState.FAILED,
            reason=str(error),
            diverged=isinstance(error, NonFiniteError) or None,
            epochs=len(state.history),
        )


@contextmanager
def _record_state(run: Run, setup: TrainingSetup) -> Iterator[None]:
    """Keep `state` in status.json true: running within, then finished, or what an error means."""
    run.set_status(state=RunState.RUNNING, reason=None)
    try:
        yield
    except BaseException as error:
        record_end(run, setup.trainer.state, error)
        if isinstance(error, Interrupted):
            raise Interrupted(f"{error}; resume with: assay train --resume {run.folder}") from None
        raise
    run.set_status(state=RunState.FINISHED)
    run.checkpoint.unlink(missing_ok=True)


def _evaluate(run: Run, setup: TrainingSetup) -> None:
    """Load the best weights, score the validation set, then the test set once, then draw the figures."""
    trainer, state = setup.trainer, setup.trainer.state
    run.write_weights(state.best)
    state.net.load_state_dict(state.best)
    run.set_status(
        epochs=len(state.history),
        best_epoch=trainer.best_epoch,
        train_seconds=sum(row.seconds for row in state.history),
        micro_batches=state.micro_batches if state.micro_batches > 1 else None,
    )
    classifier = Classifier(
        state.net, trainer.loader.preprocess, setup.images.class_names, trainer.runtime, trainer.loader.feature_cache
    )
    weights, predictions = weights_hash(state.best), dict[str, Predictions]()
    for split_name, images in _sets(setup).items():
        result = scored_before(run, images.name, weights)
        if result is None:
            result, _ = score(run, classifier, images, by="train")
        predictions[split_name] = result
    results = run.results
    scores = results.get(SplitName.VALIDATION) or results[SplitName.TEST]
    finding = find_worse_than_guessing(run.recipe, state.history, scores)
    run.set_status(findings=[asdict(finding)] if finding else None)
    save_run_figures(run.folder / "figures", state.history, trainer.best_epoch, predictions)


def _sets(setup: TrainingSetup) -> dict[SplitName, Selection]:
    """The validation set, if there is one, and the test set."""
    sets, name = dict[SplitName, Selection](), setup.recipe.data.display_name
    validation, test_indices = setup.trainer.validation, setup.data.test_indices
    if validation is not None:
        full_name = SplitName.VALIDATION.of(name)
        sets[SplitName.VALIDATION] = Selection(full_name, lambda: validation, setup.validation_indices, False)
    sets[SplitName.TEST] = Selection(
        SplitName.TEST.of(name), setup.data.read_test, test_indices, needs_check=not setup.data.has_published_test
    )
    return sets


def _saver(run: Run, setup: TrainingSetup) -> Callable[[TrainState], None]:
    """A function that writes history and changes of threads, and a checkpoint when one is due or the training stops."""
    last, recorded_changes = time.monotonic(), 0

    def save(state: TrainState) -> None:
        nonlocal last, recorded_changes
        run.write_history(state.history)
        if len(state.thread_changes) > recorded_changes:
            recorded_changes = len(state.thread_changes)
            environment = run.read_json("environment.json")
            run.write_json("environment.json", {**environment, "thread_changes": state.thread_changes})
        if state.step or setup.trainer.finished or time.monotonic() - last > SAVE_EVERY_SECONDS:
            state.save(run.checkpoint)
            last = time.monotonic()

    return save
