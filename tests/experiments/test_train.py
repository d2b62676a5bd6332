"""The library: train, resume, evaluate and load, with one's own parts and without."""

import signal
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, log_loss
from torch import nn

import assay
from assay import Run, evaluate, load, resume
from assay.core.errors import AssayError, DataError, Interrupted, NonFiniteError, UsageError
from assay.core.runtime import Runtime
from assay.data.imageset import ImageSet
from assay.data.split import Split
from assay.evaluation.predictions import Predictions
from assay.experiments.run import list_runs
from assay.training import step_monitor
from assay.training.callbacks import Callback, Progress
from assay.training.thread_watch import ThreadChange

FP32 = Runtime("cpu", "fp32", threads=1)


class Own(nn.Module):
    """A user's own net."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(64, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.linear(x.flatten(1))


class CtrlC(Callback):
    """Presses Ctrl-C in the middle of the second epoch."""

    def on_step(self, progress: Progress) -> None:
        if progress.epoch == 2 and progress.images == 96:
            signal.raise_signal(signal.SIGINT)


@pytest.fixture
def train(recipe, images, test_images, tmp_path):
    """Train on own images, quietly."""

    def call(changes=None, **more) -> Run:
        options = {"callback": Callback(), "runtime": FP32, "runs": tmp_path / "runs", "mlflow": False}
        parts = {"images": images, "test": test_images}
        return assay.train(recipe.override(changes or {}), **(options | parts | more))

    return call


def contents(run: Run) -> dict[str, bytes]:
    return {str(path.relative_to(run.folder)): path.read_bytes() for path in run.folder.rglob("*") if path.is_file()}


def test_a_batch_size_that_was_found_is_in_the_runs_own_recipe(train):
    run = train({"training.batch_size": "auto", "training.epochs": 1})
    assert run.recipe.training.batch_size == 180
    assert run.recipe.hash in run.name


def test_parts_for_want_of_memory_are_in_the_runs_files_and_a_resumed_run_begins_with_them(
    train, images, test_images, tmp_path, monkeypatch
):
    forward = nn.Linear.forward

    def small(self, x):
        if len(x) > 20 and self.training:
            raise MemoryError
        return forward(self, x)

    monkeypatch.setattr(nn.Linear, "forward", small)
    with pytest.raises(Interrupted):
        train(callback=CtrlC())
    (run,) = list_runs(tmp_path / "runs")
    assert run.read_json("environment.json")["micro_batches"] == 2
    run = resume(run, images=images, test=test_images, runtime=FP32, callback=Callback(), mlflow=False)
    assert run.status["micro_batches"] == 2


class OneThreadAfterTwoSteps:
    """A ThreadWatch beside a neighbor that is always busy."""

    def __init__(self, threads: int, maximum: int) -> None:
        self.threads, self.steps = threads, 0

    def begin_epoch(self, cost: float) -> None:
        """Nothing to do."""

    def after_step(self, images: int) -> ThreadChange | None:
        self.steps += 1
        return ThreadChange(2, 1, {2: 77.0, 1: 128.0}) if self.steps == 2 else None


def test_a_change_of_the_threads_is_told_and_recorded(train, monkeypatch):
    monkeypatch.setattr(step_monitor, "ThreadWatch", OneThreadAfterTwoSteps)
    messages: list[str] = []

    class Listener(Callback):
        def on_message(self, text: str) -> None:
            messages.append(text)

    run = train(runtime=replace(FP32, max_threads=2), callback=Listener())
    assert any(text.startswith("other processes are busy: 77 images/s with 2 threads") for text in messages)
    environment = run.read_json("environment.json")
    assert environment["threads_may_change"] is True
    assert environment["thread_changes"] == [{"epoch": 1, "step": 2, "threads": 1, "before": 2}]


def test_a_resumed_run_keeps_the_record_of_its_threads(train, images, test_images, tmp_path, monkeypatch):
    monkeypatch.setattr(step_monitor, "ThreadWatch", OneThreadAfterTwoSteps)
    with pytest.raises(Interrupted):
        train(runtime=replace(FP32, max_threads=2), callback=CtrlC())
    (run,) = list_runs(tmp_path / "runs")
    runtime = replace(FP32, max_threads=2)
    resume(run, images=images, test=test_images, runtime=runtime, callback=Callback(), mlflow=False)
    first, second = run.read_json("environment.json")["thread_changes"]
    assert (first["epoch"], second["epoch"]) == (1, 2)


def test_a_run_with_fixed_threads_has_no_watch(train, monkeypatch):
    monkeypatch.setattr(step_monitor, "ThreadWatch", None)  # calling it would raise
    environment = train().read_json("environment.json")
    assert environment["threads_may_change"] is False
    assert "thread_changes" not in environment


def test_a_resumed_run_computes_as_its_first_part_was_recorded(train, images, test_images, tmp_path):
    open_runtime = replace(FP32, measures_precision=True)
    with pytest.raises(Interrupted):
        train(runtime=replace(FP32, channels_last=False), callback=CtrlC())
    (run,) = list_runs(tmp_path / "runs")
    resume(run, images=images, test=test_images, runtime=open_runtime, callback=Callback(), mlflow=False)
    whole = train(runtime=replace(FP32, channels_last=False))
    assert (run.folder / "model.safetensors").read_bytes() == (whole.folder / "model.safetensors").read_bytes()


def test_a_run_of_own_images_repeats_bit_for_bit_in_a_folder_of_its_own(train):
    first = train()
    before = contents(first)
    second = train()
    assert second.folder != first.folder
    assert contents(first) == before
    after = contents(second)
    assert after["model.safetensors"] == before["model.safetensors"]
    for run in (first, second):
        assert [path.name for path in run.folder.glob("**/.part*")] == []
        assert not run.checkpoint.exists()
    for part in ("test", "validation"):
        mine, theirs = (Predictions.load(run.folder / "predictions" / f"{part}.npz") for run in (first, second))
        assert np.array_equal(mine.logits, theirs.logits)
    assert before.keys() == after.keys() >= {
        "recipe.yaml", "environment.json", "config.json", "status.json", "history.csv", "split.npz",
        "model.safetensors", "results.json", "looks.jsonl", "predictions/test.npz", "predictions/validation.npz",
        "figures/curves.png",
    }  # fmt: skip


def test_the_numbers_are_scikit_learns_on_the_stored_predictions_and_load_gives_the_same(train, images, test_images):
    run = train()
    validation = Split.load(run.folder / "split.npz").validation
    for part, truth in (("test", test_images.labels), ("validation", images.labels[validation])):
        stored, entry = Predictions.load(run.folder / "predictions" / f"{part}.npz"), run.results[part]
        assert np.array_equal(stored.labels, truth)
        assert entry["n"] == len(truth)
        assert entry["accuracy"] == pytest.approx(accuracy_score(truth, stored.predicted))
        assert entry["loss"] == pytest.approx(log_loss(truth, stored.probabilities), rel=1e-6)
    assert np.array_equal(Predictions.load(run.folder / "predictions" / "validation.npz").indices, validation)
    loaded = load(run, runtime=FP32).predictions(test_images, "bars/test")
    assert np.array_equal(loaded.logits, Predictions.load(run.folder / "predictions" / "test.npz").logits)
    best = run.history[run.status["best_epoch"] - 1]
    assert run.results["validation"]["accuracy"] == pytest.approx(best.validation_accuracy)
    assert run.results["validation"]["loss"] == pytest.approx(best.validation_loss, rel=1e-5)


def test_the_test_set_is_not_looked_at_before_training_is_over(train, tmp_path):
    class Nosy(Callback):
        def on_epoch_end(self, row, is_best) -> None:
            (run,) = list_runs(tmp_path / "runs")
            seen.append((run.status["state"], len(run.history), len(run.looks), run.results))

    seen: list[tuple] = []
    run = train(callback=Nosy())
    assert seen == [("running", epoch, 0, {}) for epoch in (1, 2, 3)]
    assert [(look["data"], look["by"]) for look in run.looks] == [("bars/test", "train")]
    assert run.status["state"] == "finished"


def test_an_own_module_and_own_images_are_named_in_the_run_and_given_again(train, test_images):
    run = train({"training.epochs": 1}, model=Own())
    assert (run.recipe.model.name, run.recipe.data.name) == ("Own", "bars")
    with pytest.raises(UsageError, match=r"trained your own Own; give it again: load\(run, model=\.\.\.\)"):
        load(run)
    logits = load(run, model=Own(), runtime=FP32).predictions(test_images, "bars/test").logits
    assert np.array_equal(logits, Predictions.load(run.folder / "predictions" / "test.npz").logits)
    assert evaluate(run, images=test_images, model=Own(), runtime=FP32)["look"] == 2
    assert [look["by"] for look in run.looks] == ["train", "evaluate"]


def test_own_training_images_without_own_test_images_are_refused(recipe, images, tmp_path):
    with pytest.raises(UsageError, match="your own training images need your own test images too"):
        assay.train(recipe, images=images, runs=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_images_with_negative_strides_train_and_test_as_their_copies(train, recipe, images, test_images, tmp_path):
    mirrored = [
        ImageSet(part.images[..., ::-1], part.labels[::-1], part.class_names, part.source)
        for part in (images, test_images)
    ]
    copies = [ImageSet(part.images.copy(), part.labels.copy(), part.class_names, part.source) for part in mirrored]
    options = {"runs": tmp_path / "runs", "runtime": FP32, "mlflow": False}
    views, copied = (assay.train(recipe, images=train, test=test, **options) for train, test in (mirrored, copies))
    assert views.results["test"]["accuracy"] == copied.results["test"]["accuracy"]
    assert views.read_json("config.json") == copied.read_json("config.json")


@pytest.mark.parametrize(
    ("test", "message"),
    [
        (lambda bars: ImageSet(bars.images.repeat(2, 3), bars.labels, bars.class_names, "wide"), "of wide are 1x8x16"),
        (lambda bars: ImageSet(bars.images, bars.labels, ("left", "up", "down"), "odd"), "new: down, up; missing: mid"),
        (lambda bars: bars.subset([]), "there are no images to evaluate on"),
        (lambda bars: (bars.images, bars.labels), "test must be of type ImageSet, not tuple"),
    ],
    ids=["another size", "unknown classes", "none", "a tuple"],
)
def test_own_test_images_that_do_not_fit_are_refused_before_training(train, test_images, tmp_path, test, message):
    with pytest.raises(AssayError, match=message):
        train(test=test(test_images))
    assert not (tmp_path / "runs").exists()


def test_a_resumed_run_needs_its_own_test_images_before_it_trains(train, images):
    run = train({"training.epochs": 1})
    run.set_status(state="stopped")
    with pytest.raises(UsageError, match="your own training images need your own test images too"):
        resume(run, images=images, runtime=FP32, callback=Callback(), mlflow=False)


def test_a_run_that_an_older_version_split_otherwise_is_not_resumed(train, images, test_images, tmp_path):
    with pytest.raises(Interrupted):
        train(callback=CtrlC())
    (stopped,) = list_runs(tmp_path / "runs")
    split = Split.load(stopped.folder / "split.npz")
    Split(split.train[1:], np.sort(np.append(split.validation, split.train[0]))).save(stopped.folder / "split.npz")
    with pytest.raises(DataError, match="began with another split"):
        resume(stopped, images=images, test=test_images, runtime=FP32, callback=Callback(), mlflow=False)


def test_a_stopped_run_goes_on_and_ends_as_if_nothing_had_happened(train, images, test_images):
    whole = train()
    with pytest.raises(Interrupted, match=r"stopped in epoch 2, after step 3 of 6; resume with: assay train --resume"):
        train(callback=CtrlC())
    (stopped,) = [run for run in list_runs(whole.folder.parent.parent) if run != whole]
    assert (stopped.status["state"], stopped.status["epochs"]) == ("stopped", 1)
    assert stopped.looks == []
    assert stopped.read_weights()

    changed = ImageSet(images.images ^ 1, images.labels, images.class_names, images.source)
    with pytest.raises(DataError, match="are not those that"):
        resume(stopped, images=changed, test=test_images, runtime=FP32, callback=Callback(), mlflow=False)

    resume(stopped, images=images, test=test_images, runtime=FP32, callback=Callback(), mlflow=False)
    assert stopped.status["state"] == "finished"
    assert contents(stopped)["model.safetensors"] == contents(whole)["model.safetensors"]
    for part in ("validation", "test"):
        assert {**stopped.results[part], "seconds": 0} == {**whole.results[part], "seconds": 0}


def test_a_run_that_broke_off_after_its_look_does_not_look_again(train, images, test_images, monkeypatch, tmp_path):
    def full(*_: object) -> None:
        raise AssayError("no space left")

    with monkeypatch.context() as patched:
        patched.setattr("assay.experiments.finish.save_run_figures", full)
        with pytest.raises(AssayError, match="no space left"):
            train()
    (run,) = list_runs(tmp_path / "runs")
    before = contents(run)
    resume(run, images=images, test=test_images, runtime=FP32, callback=Callback(), mlflow=False)
    assert run.status["state"] == "finished"
    assert len(run.looks) == 1
    after = contents(run)
    for name in ("results.json", "predictions/test.npz", "predictions/validation.npz"):
        assert after[name] == before[name]
    assert not any("test-2" in name for name in after)


def test_a_loss_that_is_not_finite_fails_the_run_and_keeps_the_last_good_weights(train, tmp_path):
    with pytest.raises(NonFiniteError, match="first bad tensor is"):
        train({"optimizer.lr": 1e30, "model.layers": ["flatten", "linear 8", "relu", "linear 3"]})
    (run,) = list_runs(tmp_path / "runs")
    assert run.status["state"] == "failed"
    assert "first bad tensor is" in run.status["reason"]
    assert all(tensor.isfinite().all() for tensor in run.read_weights().values())
    assert run.looks == []


def test_without_validation_the_last_weights_are_judged_and_validation_cannot_be(train):
    run = train({"data.validation": 0, "training.epochs": 1})
    assert run.results.keys() == {"test"}
    assert run.status["best_epoch"] == 1
    with pytest.raises(UsageError, match="kept no images for validation"):
        evaluate(run, "validation", runtime=FP32)


@pytest.mark.filterwarnings("ignore")  # MLflow's own
def test_a_run_is_mirrored_to_mlflow(train, tmp_path):
    mlflow = pytest.importorskip("mlflow")
    run = train({"training.epochs": 1}, mlflow=True)
    client = mlflow.MlflowClient(f"sqlite:///{tmp_path / 'runs' / 'mlflow.db'}")
    (copy,) = client.search_runs([client.get_experiment_by_name("tests").experiment_id])
    assert (copy.info.run_name, copy.info.status) == (run.folder.name, "FINISHED")
    assert copy.data.params["optimizer.lr"] == "0.05"
    assert copy.data.metrics["final_test_accuracy"] == run.results["test"]["accuracy"]
    assert copy.data.tags["initial_weights"] == run.read_json("config.json")["initial_weights"]
    assert "figures" in {item.path for item in client.list_artifacts(copy.info.run_id)}


def test_the_public_names_are_there():
    for name in assay.__all__:
        assert getattr(assay, name) is not None
    assert set(dir(assay)) == set(assay.__all__)
    with pytest.raises(AttributeError, match="module 'assay' has no attribute 'trian'"):
        _ = assay.trian
