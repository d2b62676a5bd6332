"""The BatchLoader gives batches that depend on indices, epoch and seed alone."""

import numpy as np
import pytest
import torch

from assay.core.runtime import Runtime
from assay.data.augment.parse import Augment
from assay.data.preprocess import Preprocess
from assay.recipes.schema import Preprocessing
from assay.training.loader import BatchLoader

FP32 = Runtime("cpu", "fp32", threads=1)
SOME = torch.tensor([5, 3, 150])


@pytest.fixture
def loader(images):
    def make(*augment: str) -> BatchLoader:
        spec = Preprocessing(scale="centered", normalize="train")
        return BatchLoader(images, Preprocess.fit(spec, images), Augment.parse(augment), FP32)

    return make


def test_without_augmentation_a_batch_is_the_preprocessed_images(loader, images):
    pixels, labels = loader().batch(SOME, 0, 0)
    scaled = images.images / 255 - 0.5
    expected = (scaled[SOME] - scaled.mean()) / scaled.std()
    np.testing.assert_allclose(pixels.numpy(), expected, atol=1e-5)
    assert labels.tolist() == images.labels[SOME].tolist()
    assert (pixels.dtype, labels.dtype) == (torch.float32, torch.int64)


def test_the_seed_decides_the_augmentation(loader):
    one = loader("crop 2", "rotate 20")
    assert torch.equal(one.batch(SOME, 0, 1)[0], one.batch(SOME, 0, 1)[0])
    assert not torch.equal(one.batch(SOME, 0, 1)[0], one.batch(SOME, 0, 2)[0])


def test_the_epoch_decides_the_alternating_flip(loader):
    one = loader("alternating-flip")
    first, second = one.batch(SOME, 1, 0)[0], one.batch(SOME, 2, 0)[0]
    assert torch.equal(first.flip(3), second)


def test_a_batch_leaves_the_images_and_torchs_generator_alone(loader, images):
    before, state = images.images.copy(), torch.get_rng_state()
    loader("flip", "channel-shift 0.2").batch(SOME, 0, 0)
    assert np.array_equal(images.images, before)
    assert torch.equal(torch.get_rng_state(), state)


def collected(loader, batches, start=0):
    return list(loader.iter_epoch(batches, 0, lambda group: 10 + group, start))


@pytest.mark.parametrize("numbers", [1, 5 * 16 * 64, 10**9])  # a group is one batch, two of some sizes, all of them
def test_an_epoch_gives_every_batch_in_turn(loader, images, monkeypatch, numbers):
    monkeypatch.setattr("assay.training.loader.GROUP_VALUES", numbers)
    batches = torch.arange(23).split(5)
    plain = loader()
    for indices, (pixels, labels) in zip(batches, collected(plain, batches), strict=True):
        assert torch.equal(pixels, plain.batch(indices, 0, 0)[0])
        assert torch.equal(labels, plain.batch(indices, 0, 0)[1])


@pytest.mark.parametrize("start", [0, 1, 2, 3, 4, 5])
def test_an_epoch_goes_on_from_any_batch(loader, images, monkeypatch, start):
    monkeypatch.setattr("assay.training.loader.GROUP_VALUES", 2 * 5 * images.images[0].size)
    batches = torch.arange(23).split(5)
    one = loader("crop 2", "rotate 20")
    whole, rest = collected(one, batches), collected(one, batches, start)
    assert len(rest) == 5 - start
    for (pixels, labels), (again, labels_again) in zip(whole[start:], rest, strict=True):
        assert torch.equal(pixels, again)
        assert torch.equal(labels, labels_again)


def test_mixed_images_have_shares_of_the_classes_for_labels(loader, monkeypatch):
    monkeypatch.setattr("assay.training.loader.GROUP_VALUES", 2 * 5 * 64)
    for pixels, labels in collected(loader("crop 2", "mixup 0.5"), torch.arange(20).split(5)):
        assert (pixels.shape, pixels.dtype) == ((5, 1, 8, 8), torch.float32)
        assert (labels.shape, labels.dtype) == ((5, 3), torch.float32)
        assert torch.allclose(labels.sum(1), torch.ones(5))


def test_small_batches_that_are_prepared_together_are_mixed_each_by_itself(loader, images):
    """Batches of one class each, all in one group: no share of another class."""
    batches = [torch.from_numpy(np.flatnonzero(images.labels == label)[:4]) for label in (0, 1, 2) * 3]
    for number, (_, labels) in enumerate(collected(loader("mixup 1"), batches)):
        torch.testing.assert_close(labels, torch.eye(3)[number % 3].expand(4, 3))
