"""The loop learns, repeats itself bit for bit, and goes on from anywhere as if nothing had happened."""

from collections.abc import Callable

import pytest
import torch

from assay.core.errors import Interrupted, NonFiniteError
from assay.core.runtime import Runtime
from assay.data.augment.parse import Augment
from assay.data.imageset import ImageSet
from assay.data.preprocess import Preprocess
from assay.models.sequential import build_sequential
from assay.recipes.recipe import Recipe
from assay.training.callbacks import Callback, Progress
from assay.training.checkpoint import copy_weights
from assay.training.dry_run import seconds_per_epoch
from assay.training.loader import BatchLoader
from assay.training.trainer import Trainer

FP32 = Runtime("cpu", "fp32", threads=1)


def trainer(recipe: Recipe, images: ImageSet, validation: ImageSet | None = None, runtime: Runtime = FP32) -> Trainer:
    preprocess = Preprocess.fit(recipe.preprocess, images)
    net = build_sequential(recipe.model, images.shape, 3, recipe.seed)
    loader = BatchLoader(images, preprocess, Augment.parse(recipe.augment), FP32)
    return Trainer(recipe, net, loader, validation, FP32)


def run(one: Trainer, callback: Callback | None = None, stop: Callable[[], bool] = lambda: False) -> Trainer:
    one.run(callback or Callback(), lambda state: None, stop)
    return one


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(a[name], b[name]) for name in a) and a.keys() == b.keys()


def test_it_learns(recipe, images, test_images):
    history = run(trainer(recipe, images, test_images)).state.history
    assert history[-1].validation_accuracy > 0.9
    assert history[-1].train_loss < history[0].train_loss


def test_it_learns_with_the_fast_pieces(recipe, images, test_images):
    fast = ["whitening 2x2", "gelu", "conv 16 3x3 nobias dirac", "maxpool 2", "batchnorm nogain momentum 0.4", "gelu"]
    head = ["flatten", "linear 3 nobias unit", "scale 0.02"]
    history = run(trainer(recipe.override({**MUON, "model.layers": fast + head}), images, test_images)).state.history
    assert history[-1].validation_accuracy > 0.9


def test_the_same_seed_repeats_bit_for_bit(recipe, images):
    first, second = run(trainer(recipe, images)), run(trainer(recipe, images))
    assert same(copy_weights(first.state.net), copy_weights(second.state.net))


def test_another_seed_gives_other_weights(recipe, images):
    first, second = run(trainer(recipe, images)), run(trainer(recipe.override({"seed": 1}), images))
    assert not same(copy_weights(first.state.net), copy_weights(second.state.net))


MUON = {"optimizer": {"name": "muon", "lr": 0.1, "bias_lr": 0.5, "head_lr": 0.5, "decay": 1e-3}, "schedule": "linear"}


@pytest.mark.parametrize("changes", [{}, MUON], ids=["sgd", "muon"])
@pytest.mark.parametrize("stop_at", [1, 4, 7, 9])  # seven steps an epoch: within the first, at its end, in the second
def test_a_resumed_run_equals_an_undisturbed_one(recipe, images, test_images, tmp_path, stop_at, changes):
    recipe = recipe.override(changes)
    whole = run(trainer(recipe, images, test_images))
    stopped, steps = trainer(recipe, images, test_images), 0

    def stop() -> bool:
        nonlocal steps
        steps += 1
        return steps == stop_at

    with pytest.raises(Interrupted):
        stopped.run(Callback(), lambda state: state.save(tmp_path / "state.pt"), stop)
    again = trainer(recipe, images, test_images)
    again.state.load(tmp_path / "state.pt")
    run(again)
    assert same(copy_weights(again.state.net), copy_weights(whole.state.net))
    assert same(again.state.best, whole.state.best)
    for mine, theirs in zip(again.state.history, whole.state.history, strict=True):
        assert (mine.train_loss, mine.validation_loss, mine.lr) == (
            theirs.train_loss,
            theirs.validation_loss,
            theirs.lr,
        )


def test_train_loss_is_the_mean_over_images_not_over_batches(recipe, images):
    """With a learning rate near zero every image is evaluated by the same weights, whatever the batches are."""
    still = {"optimizer.lr": 1e-12, "augment": [], "model.layers": ["flatten", "linear 3"], "training.epochs": 1}
    losses = {
        run(trainer(recipe.override({**still, "training.batch_size": size}), images)).state.history[0].train_loss
        for size in (7, 64, 200)
    }
    assert max(losses) - min(losses) < 1e-6


MIXED = {"augment": ["random-resized-crop 8 0.6 1", "random-erasing 0.2", "mixup 0.2", "cutmix 1"]}


def test_it_learns_from_mixed_images(recipe, images, test_images):
    history = run(trainer(recipe.override({**MIXED, "training.epochs": 12}), images, test_images)).state.history
    assert history[-1].validation_accuracy > 0.9


def test_the_accuracy_on_mixed_images_counts_the_heavier_label(recipe, images):
    still = {"optimizer.lr": 1e-12, "model.layers": ["flatten", "linear 3"], "training.epochs": 1}
    one = trainer(recipe.override({**MIXED, **still}), images)
    hits = sum(
        (one.state.net(pixels).argmax(1) == shares.argmax(1)).sum().item() for pixels, shares in one.iter_batches(0)
    )
    assert run(one).state.history[0].train_accuracy == hits / 200


def test_every_image_is_seen_once_an_epoch(recipe, images):
    class Count(Callback):
        images = 0

        def on_step(self, progress: Progress) -> None:
            self.images = progress.images

    count = Count()
    run(trainer(recipe.override({"training.epochs": 1}), images), count)
    assert count.images == len(images)


def test_a_last_batch_of_one_image_does_not_break_batch_norm(recipe, images):
    one_left = recipe.override({"model.layers": ["flatten", "linear 4", "batchnorm", "linear 3"]})
    history = run(trainer(one_left, images.subset(range(65)))).state.history
    assert len(history) == 3


def test_patience_ends_a_run_that_does_not_improve(recipe, images, test_images):
    still = recipe.override({"optimizer.lr": 1e-12, "stopping.patience": 2, "training.epochs": 9})
    plain = still.override({"model.layers": ["flatten", "linear 3"]})
    assert len(run(trainer(plain, images, test_images)).state.history) == 3


def test_the_best_weights_are_those_of_the_best_epoch(recipe, images, test_images):
    class Keep(Callback):
        def __init__(self) -> None:
            self.weights: list[dict[str, torch.Tensor]] = []

        def on_epoch_end(self, row, is_best) -> None:
            self.weights.append(copy_weights(one.state.net))

    keep, one = Keep(), trainer(recipe.override({"optimizer.lr": 0.5, "training.epochs": 6}), images, test_images)
    run(one, keep)
    accuracies = [row.validation_accuracy for row in one.state.history]
    assert one.best_epoch == accuracies.index(max(accuracies)) + 1
    assert same(one.state.best, keep.weights[one.best_epoch - 1])


def test_a_loss_that_is_not_finite_stops_at_once_and_names_the_tensor(recipe, images):
    wild = recipe.override({"optimizer.lr": 1e30, "model.layers": ["flatten", "linear 8", "relu", "linear 3"]})
    one = trainer(wild, images)
    initial = copy_weights(one.state.net)
    with pytest.raises(
        NonFiniteError, match=r"epoch 1, step \d+; the first bad tensor is .*(linear|weights).*lr is 1e\+30"
    ):
        run(one)
    assert same(one.state.best, initial)


def test_gradient_clipping_bounds_the_step(recipe, images):
    clipped = recipe.override(
        {"optimizer": {"name": "sgd", "lr": 1.0, "momentum": 0.0, "clip_norm": 1e-3}, "training.epochs": 1,
         "training.batch_size": 200, "model.layers": ["flatten", "linear 3"]}
    )  # fmt: skip
    one = trainer(clipped, images)
    before = copy_weights(one.state.net)
    run(one)
    moved = sum((tensor - before[name]).square().sum() for name, tensor in copy_weights(one.state.net).items())
    assert moved.sqrt().item() == pytest.approx(1e-3, rel=1e-3)


def test_estimating_the_time_changes_nothing(recipe, images):
    probed, plain = trainer(recipe, images), trainer(recipe, images)
    assert seconds_per_epoch(probed) > 0
    assert same(copy_weights(run(probed).state.net), copy_weights(run(plain).state.net))


def test_the_time_left_counts_smaller_images_as_less_work(recipe, images):
    """Two epochs of windows of a quarter of the pixels, then one of whole images: 0.25 of 1.5 after the first."""
    seen = []

    class Told(Callback):
        def on_step(self, progress):
            seen.append((progress, sum(row.seconds for row in one.state.history) + one.state.epoch_seconds))

    layers = ["conv 4 3x3", "globalmaxpool", "linear 3"]
    one = trainer(recipe.override({"model.layers": layers, "augment": ["window 4 epochs 2"]}), images)
    one.run(Told(), lambda state: None, lambda: False)
    progress, seconds = next(pair for pair in seen if pair[0].images == len(one.loader))
    assert one.cumulative_cost == [0, 0.25, 0.5, 1.5]
    assert progress.seconds_left == pytest.approx(seconds * (1.5 - 0.25) / 0.25)
