"""Where memory runs out a batch is trained in micro-batches: the same gradients, and the user is told."""

import pytest
import torch
from torch import nn

from assay.core.errors import AssayError
from assay.core.runtime import Runtime
from assay.experiments.setup import set_up
from assay.recipes.recipe import Recipe
from assay.training.callbacks import Callback
from assay.training.checkpoint import copy_weights
from assay.training.distributed import ProcessGroup
from assay.training.dry_run import seconds_per_epoch
from assay.training.inference import infer
from assay.training.trainer import Trainer

FP32 = Runtime("cpu", "fp32", threads=1)
PLAIN = {"model.layers": ["conv 4 3x3", "relu", "flatten", "linear 3"], "training.batch_size": 50}
WITH_NORM = {"model.layers": ["conv 4 3x3", "batchnorm", "relu", "flatten", "linear 3"]}


class Messages(Callback):
    def __init__(self):
        self.messages = []

    def on_message(self, text):
        self.messages.append(text)


class LimitedMemory:
    """A machine with memory for `most` images: a forward pass of more fails, after batch norm has seen them."""

    def __init__(self, forward, most):
        self.forward, self.most, self.sizes = forward, most, []

    def __call__(self, pixels):
        logits = self.forward(pixels)
        self.sizes.append(len(pixels))
        if len(pixels) > self.most:
            raise RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory: you tried")
        return logits


def trainer(recipe: Recipe, images, changes, most: int | None = None) -> Trainer:
    made = set_up(recipe.override({**PLAIN, **changes}), FP32, images=images).trainer
    if most is not None:
        accumulator = made.optimizer_step.gradients
        accumulator.eager = accumulator.forward = LimitedMemory(accumulator.forward, most)
    return made


def sizes(limited: Trainer) -> list[int]:
    """The sizes of all batches that the net of a trainer with limited memory was given."""
    return limited.optimizer_step.gradients.eager.sizes


def run(trainer: Trainer, callback: Callback | None = None) -> Trainer:
    trainer.run(callback or Callback(), lambda state: None, lambda: False)
    return trainer


def gradients(trainer: Trainer, size=50):
    pixels, labels = trainer.loader.batch(torch.arange(size), 0, 0)
    sums = trainer.optimizer_step.gradients(trainer.state, pixels, labels, size, seed=0)
    return sums, {name: p.grad.clone() for name, p in trainer.state.net.named_parameters()}


@pytest.mark.parametrize("most", [49, 25, 12, 7, 1])
@pytest.mark.parametrize("loss", [{}, {"loss.label_smoothing": 0.1, "augment": ["mixup 1"]}], ids=["labels", "mixed"])
def test_gradients_loss_and_hits_are_those_of_the_whole_batch(recipe, images, most, loss):
    sums, whole = gradients(trainer(recipe, images, loss))
    found, parts = gradients(trainer(recipe, images, loss, most))
    torch.testing.assert_close(found, sums, rtol=1e-5, atol=1e-5)
    for name, gradient in whole.items():
        torch.testing.assert_close(parts[name], gradient, rtol=1e-4, atol=1e-6)


def test_a_run_in_parts_is_the_run_within_float_noise(recipe, images):
    whole, parts = run(trainer(recipe, images, {})), run(trainer(recipe, images, {}, 13))
    assert parts.state.micro_batches == 4
    mine, theirs = copy_weights(parts.state.net), copy_weights(whole.state.net)
    for name, tensor in theirs.items():
        torch.testing.assert_close(mine[name], tensor, rtol=1e-3, atol=1e-5)
    for row, other in zip(parts.state.history, whole.state.history, strict=True):
        assert row.train_loss == pytest.approx(other.train_loss, rel=1e-4)
        assert row.train_accuracy == pytest.approx(other.train_accuracy, abs=0.011)


def test_micro_batches_are_halved_until_they_fit_and_stay_so(recipe, images):
    limited = trainer(recipe, images, {"training.epochs": 1}, 13)
    run(limited)
    # 180 images: three batches of 50 and one of 30. 50 fails, 25 fails, then four parts of each batch.
    assert sizes(limited) == [50, 25, *3 * [13, 13, 12, 12], 8, 8, 7, 7]


def test_the_user_is_told_once(recipe, images):
    callback = Messages()
    run(trainer(recipe, images, {}, 25), callback)
    assert callback.messages == [
        "memory ran out: batches are trained in micro-batches of 25 images with accumulated gradients"
    ]


def test_with_batch_norm_it_is_said_what_differs(recipe, images):
    callback = Messages()
    run(trainer(recipe, images, WITH_NORM, 25), callback)
    expected = "accumulated gradients; batch norm sees one micro-batch at a time, as if batches had that size"
    assert callback.messages[0].endswith(expected)


def test_batch_norm_is_never_given_a_single_image(recipe, images):
    limited = trainer(recipe, images, WITH_NORM, 2)
    gradients(limited)
    assert min(sizes(limited)) == 2


def test_without_a_lack_of_memory_nothing_is_said(recipe, images):
    callback = Messages()
    assert run(trainer(recipe, images, {}, 50), callback).state.micro_batches == 1
    assert callback.messages == []


@pytest.mark.parametrize(("changes", "size"), [({}, 1), (WITH_NORM, 2)])
def test_where_nothing_is_left_to_split_it_says_so(recipe, images, changes, size):
    with pytest.raises(
        AssayError, match=f"memory ran out with {size} images at once .*allocate memory.*; use a smaller net"
    ):
        gradients(trainer(recipe, images, changes, 0))


def test_one_of_several_processes_does_not_split_alone(recipe, images):
    limited = trainer(recipe, images, {}, 25)
    limited.optimizer_step.gradients.process_group = ProcessGroup(0, 2)
    with pytest.raises(AssayError, match="memory ran out with 50 images in a process; lower"):
        gradients(limited)


def test_another_error_is_not_taken_for_a_lack_of_memory(recipe, images):
    broken = trainer(recipe, images, {})
    broken.optimizer_step.gradients.forward = nn.Linear(3, 3)
    with pytest.raises(RuntimeError, match="cannot be multiplied"):
        gradients(broken)


def test_an_estimate_finds_the_micro_batches_and_leaves_no_other_trace(recipe, images):
    limited, plain = trainer(recipe, images, WITH_NORM, 25), trainer(recipe, images, WITH_NORM)
    seconds_per_epoch(limited)
    assert limited.state.micro_batches == 2
    weights, expected = copy_weights(limited.state.net), copy_weights(plain.state.net)
    assert all(torch.equal(weights[name], expected[name]) for name in expected)


def test_micro_batches_are_in_the_checkpoint(recipe, images, tmp_path):
    limited, resumed = trainer(recipe, images, {}, 13), trainer(recipe, images, {})
    run(limited)
    limited.state.save(tmp_path / "state.pt")
    resumed.state.load(tmp_path / "state.pt")
    assert resumed.state.micro_batches == 4


def test_inference_is_halved_too(recipe, images):
    plain = trainer(recipe, images, WITH_NORM)
    net, pixels, preprocess = plain.state.net, torch.from_numpy(images.images), plain.loader.preprocess
    expected = infer(net, pixels, preprocess, FP32)
    limited = LimitedMemory(net.forward, 60)
    net.forward = limited
    torch.testing.assert_close(infer(net, pixels, preprocess, FP32), expected)
    assert limited.sizes == [200, 100, 50, 50, 100, 50, 50]
    limited.most = 0
    with pytest.raises(AssayError, match="with a single image"):
        infer(net, pixels, preprocess, FP32)
