"""Where memory runs out a batch is trained in parts: the same gradients, and whoever watches is told."""

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
from assay.training.inference import infer
from assay.training.trainer import Trainer

FP32 = Runtime("cpu", "fp32", threads=1)
PLAIN = {"model.layers": ["conv 4 3x3", "relu", "flatten", "linear 3"], "training.batch_size": 50}
WITH_NORM = {"model.layers": ["conv 4 3x3", "batchnorm", "relu", "flatten", "linear 3"]}


class Notes(Callback):
    def __init__(self):
        self.notes = []

    def on_message(self, text):
        self.notes.append(text)


class Small:
    """A machine with memory for so many images: a forward pass of more fails, after batch norm has seen them."""

    def __init__(self, forward, most):
        self.forward, self.most, self.sizes = forward, most, []

    def __call__(self, pixels):
        logits = self.forward(pixels)
        self.sizes.append(len(pixels))
        if len(pixels) > self.most:
            raise RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory: you tried")
        return logits


def trainer(recipe: Recipe, images, changes, most: int | None = None) -> Trainer:
    one = set_up(recipe.override({**PLAIN, **changes}), FP32, images=images).trainer
    if most is not None:
        one.eager = one.forward = Small(one.forward, most)
    return one


def run(one: Trainer, callback: Callback | None = None) -> Trainer:
    one.run(callback or Callback(), lambda state: None, lambda: False)
    return one


def gradients(one: Trainer, size=50):
    pixels, labels = one.loader.batch(torch.arange(size), 0, 0)
    sums = one._gradients(0, 0, pixels, labels, size)
    return sums, {name: p.grad.clone() for name, p in one.state.net.named_parameters()}


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


def test_parts_are_halved_until_they_fit_and_stay_so(recipe, images):
    one = trainer(recipe, images, {"training.epochs": 1}, 13)
    run(one)
    # 180 images: three batches of 50 and one of 30. 50 fails, 25 fails, then four parts of each batch.
    assert one.eager.sizes == [50, 25, *3 * [13, 13, 12, 12], 8, 8, 7, 7]


def test_whoever_watches_is_told_once(recipe, images):
    callback = Notes()
    run(trainer(recipe, images, {}, 25), callback)
    assert callback.notes == ["memory ran out: batches are trained in parts of 25 images, gradients added up"]


def test_with_batch_norm_it_is_said_what_differs(recipe, images):
    callback = Notes()
    run(trainer(recipe, images, WITH_NORM, 25), callback)
    assert callback.notes[0].endswith("added up; batch norm sees each by itself, as it would in batches of that size")


def test_batch_norm_is_never_given_a_single_image(recipe, images):
    one = trainer(recipe, images, WITH_NORM, 2)
    gradients(one)
    assert min(one.eager.sizes) == 2


def test_without_a_lack_of_memory_nothing_is_said(recipe, images):
    callback = Notes()
    assert run(trainer(recipe, images, {}, 50), callback).state.micro_batches == 1
    assert callback.notes == []


@pytest.mark.parametrize(("changes", "size"), [({}, 1), (WITH_NORM, 2)])
def test_where_nothing_is_left_to_split_it_says_so(recipe, images, changes, size):
    with pytest.raises(
        AssayError, match=f"memory ran out with {size} images at once .*allocate memory.*; use a smaller net"
    ):
        gradients(trainer(recipe, images, changes, 0))


def test_one_of_several_processes_does_not_split_alone(recipe, images):
    one = trainer(recipe, images, {}, 25)
    one.process_group = ProcessGroup(0, 2)
    with pytest.raises(AssayError, match="memory ran out with 50 images in a process; lower"):
        gradients(one)


def test_another_error_is_not_taken_for_a_lack_of_memory(recipe, images):
    one = trainer(recipe, images, {})
    one.forward = nn.Linear(3, 3)
    with pytest.raises(RuntimeError, match="cannot be multiplied"):
        gradients(one)


def test_an_estimate_finds_the_parts_and_leaves_no_other_trace(recipe, images):
    one, plain = trainer(recipe, images, WITH_NORM, 25), trainer(recipe, images, WITH_NORM)
    one.seconds_per_epoch()
    assert one.state.micro_batches == 2
    mine, theirs = copy_weights(one.state.net), copy_weights(plain.state.net)
    assert all(torch.equal(mine[name], theirs[name]) for name in theirs)


def test_the_parts_are_in_the_checkpoint(recipe, images, tmp_path):
    one, other = trainer(recipe, images, {}, 13), trainer(recipe, images, {})
    run(one)
    one.state.save(tmp_path / "state.pt")
    other.state.load(tmp_path / "state.pt")
    assert other.state.micro_batches == 4


def test_inference_is_halved_too(recipe, images):
    one = trainer(recipe, images, WITH_NORM)
    net, pixels = one.state.net, torch.from_numpy(images.images)
    expected = infer(net, pixels, one.loader.preprocess, FP32)
    small = Small(net.forward, 60)
    net.forward = small
    torch.testing.assert_close(infer(net, pixels, one.loader.preprocess, FP32), expected)
    assert small.sizes == [200, 100, 50, 50, 100, 50, 50]
    small.most = 0
    with pytest.raises(AssayError, match="with a single image"):
        infer(net, pixels, one.loader.preprocess, FP32)
