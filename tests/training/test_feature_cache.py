"""Kept features: a run on them is the run without them, and they are computed once."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

import assay
from assay.core.errors import DataError, UsageError
from assay.core.randomness import Stream, stream_seed
from assay.core.runtime import Runtime
from assay.data.augment.parse import Augment
from assay.data.imageset import ImageSet
from assay.evaluation.predictions import Predictions
from assay.experiments.run import Run
from assay.experiments.setup import TrainingSetup, set_up
from assay.models.pretrained import build_pretrained
from assay.recipes.recipe import Recipe
from assay.training.callbacks import Callback
from assay.training.feature_cache import BATCH, FeatureCache, View
from assay.training.feature_loader import FeatureLoader

FP32, BF16 = Runtime("cpu", "fp32", threads=1), Runtime("cpu", "bf16", threads=1)


@pytest.fixture
def recipe(tmp_path, monkeypatch) -> Recipe:
    """A head with dropout on a small MobileNet whose weights lie in a file; for gray images of three classes."""
    monkeypatch.setenv("ASSAY_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("ASSAY_DATA", str(tmp_path))
    model = {"name": "mobilenet_v1", "arguments": {"width": 0.25}, "weights": "w.safetensors"}
    values = {
        "name": "tests/features",
        "preprocess": {"resize": 32, "normalize": "net"},
        "model": {**model, "train_only": "head", "dropout": 0.3},
        "optimizer": {"name": "adam", "lr": 0.01},
        "training": {"epochs": 2, "batch_size": 32},
        "stopping": {"restore_best": False},
    }
    made = Recipe.build(values)
    net = build_pretrained(made.model, 1000, 7)
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight)  # signals do not die away
    save_file(net.state_dict(), tmp_path / "w.safetensors")
    return made


@pytest.fixture
def train(recipe, images, test_images, tmp_path, monkeypatch):
    """Train on own images, quietly; with features kept or without."""
    monkeypatch.setattr("assay.experiments.finish.save_run_figures", lambda *_: None)

    def call(changes=None, *, kept: bool, runtime: Runtime = FP32) -> Run:
        with monkeypatch.context() as patch:
            if not kept:
                patch.setattr("assay.experiments.setup_trainer.split_model", lambda *_: None)
            options = {"callback": Callback(), "runtime": runtime, "runs": tmp_path / f"runs-{kept}", "mlflow": False}
            return assay.train(recipe.override(changes or {}), images=images, test=test_images, **options)

    return call


def cache_of(job: TrainingSetup) -> FeatureCache:
    assert isinstance(job.trainer.loader, FeatureLoader)
    return job.trainer.loader.feature_cache


def files(folder) -> list[str]:
    return sorted(path.name for path in (folder / "features").glob("*.npy"))


@pytest.mark.parametrize("runtime", [FP32, BF16], ids=["fp32", "bf16"])
@pytest.mark.parametrize(
    "changes",
    [{}, {"model.train_only": "last-conv"}, {"model.train_only": "from:blocks.4", "optimizer.below_head": 0.1},
     {"model.unfreeze": {1: "last-conv"}}],
    ids=["head", "last-conv", "from", "unfreeze"],
)  # fmt: skip
def test_a_run_on_kept_features_equals_the_run_without_them(train, changes, runtime):
    fast, slow = train(changes, kept=True, runtime=runtime), train(changes, kept=False, runtime=runtime)
    noise = 1e-4 if runtime == FP32 else 2e-2
    for mine, theirs in zip(fast.history, slow.history, strict=True):
        assert mine.train_loss == pytest.approx(theirs.train_loss, abs=noise)
        assert mine.validation_loss == pytest.approx(theirs.validation_loss, abs=noise)
    own, other = fast.read_weights(), slow.read_weights()
    assert own.keys() == other.keys()
    for key in own:
        torch.testing.assert_close(own[key], other[key], rtol=0, atol=noise)
    for part in ("validation", "test"):
        one, two = (Predictions.load(run.folder / "predictions" / f"{part}.npz") for run in (fast, slow))
        np.testing.assert_allclose(one.logits, two.logits, rtol=0, atol=10 * noise)


def test_the_images_go_through_the_frozen_part_once_for_all_heads(train, tmp_path, monkeypatch):
    train(kept=True)
    before = files(tmp_path)
    assert len(before) == 3  # training, validation and test images
    monkeypatch.setattr("assay.training.feature_cache.FeatureCache.compute", None)  # nothing may be computed again
    for changes in ({"seed": 4}, {"optimizer.lr": 0.1}, {"training.batch_size": 10}, {"training.epochs": 3}):
        train(changes, kept=True)
    assert files(tmp_path) == before


def test_computing_them_beforehand_counts_all_images_and_leaves_nothing_to_compute(recipe, images, monkeypatch):
    job = set_up(recipe.override({"augment": ["flip"], "training.views": 2}), FP32, images=images)
    counts = []
    job.trainer.loader.compute(job.trainer.validation, lambda *count: counts.append(count))
    total = 2 * len(job.split.train) + len(job.split.validation)
    assert counts[-1] == (total, total)
    assert counts == sorted(counts)
    monkeypatch.setattr("assay.training.feature_cache.FeatureCache.compute", None)
    assert [len(view) for view in job.trainer.loader.view_features] == [len(job.split.train)] * 2


@pytest.mark.parametrize("what", ["images", "preprocess", "weights", "precision", "view"])
def test_other_images_preprocessing_weights_precision_or_views_are_other_features(recipe, images, tmp_path, what):
    cache = cache_of(set_up(recipe, FP32, images=images))
    cache.features(images)
    view = View(("flip",), 0) if what == "view" else None
    if what == "images":
        changed = images.images.copy()
        changed[0, 0, 0, 0] ^= 1
        images = ImageSet(changed, images.labels, images.class_names, images.source)
    elif what == "preprocess":
        cache = replace(cache, preprocess=replace(cache.preprocess, std=(0.5, 0.5, 0.4)))
    elif what == "precision":
        cache = replace(cache, runtime=BF16)
    elif what == "weights":
        other = set_up(recipe.override({"model.weights": "none"}), FP32, images=images)
        cache = cache_of(other)
    cache.features(images, view)
    assert len(files(tmp_path)) == 2


@pytest.mark.parametrize(
    ("place", "version"),
    [("torch.__version__", "2.99.0+cpu"), ("assay.training.feature_cache.FEATURE_VERSION", 99)],
    ids=["torch", "assay"],
)
def test_features_of_another_version_are_computed_again(recipe, images, tmp_path, monkeypatch, place, version):
    cache = cache_of(set_up(recipe, FP32, images=images))
    cache.features(images)
    monkeypatch.setattr(place, version)
    cache.features(images)
    assert len(files(tmp_path)) == 2


def test_a_file_that_is_not_whole_is_computed_anew(recipe, images, tmp_path):
    cache = cache_of(set_up(recipe, FP32, images=images))
    expected = cache.features(images).clone()
    (path,) = (tmp_path / "features").glob("*.npy")
    path.write_bytes(path.read_bytes()[:1000])
    assert torch.equal(cache.features(images), expected)


def test_training_features_are_kept_in_the_runtimes_precision_and_judged_ones_in_float32(recipe, images):
    cache = cache_of(set_up(recipe, BF16, images=images))
    assert cache.features(images).dtype == torch.bfloat16
    exact = cache.features(images, exact=True)
    assert exact.dtype == torch.float32
    assert 0 < (cache.features(images).float() - exact).square().mean().sqrt() < 0.05 * exact.std()


def test_epochs_take_a_fixed_number_of_augmented_views_in_turn(recipe, images):
    job = set_up(recipe.override({"augment": ["crop 1", "flip"], "training.views": 2}), FP32, images=images)
    loader, preprocess = job.trainer.loader, job.trainer.loader.preprocess
    train = images.subset(job.split.train)
    everything = [torch.arange(len(train))]
    seen = [next(loader.iter_epoch(everything, epoch, lambda _: 0))[0] for epoch in range(4)]
    assert torch.equal(seen[0], seen[2])
    assert torch.equal(seen[1], seen[3])
    assert not torch.allclose(seen[0], seen[1])
    generator = torch.Generator().manual_seed(stream_seed(0, Stream.AUGMENT, 1, 0))
    first = preprocess.pixels(torch.from_numpy(train.images[:BATCH]))
    pixels = Augment.parse(["crop 1", "flip"])(first, torch.arange(BATCH), 1, generator)
    with torch.inference_mode():
        expected = cache_of(job).split_model.backbone(preprocess.normalize(pixels))
    torch.testing.assert_close(seen[1][:BATCH], expected, rtol=0, atol=1e-5)


def test_augmentation_without_views_is_drawn_anew_and_so_nothing_is_kept(recipe, images):
    job = set_up(recipe.override({"augment": ["flip"]}), FP32, images=images)
    assert job.trainer.loader.feature_cache is None


@pytest.mark.parametrize("changes", [{"model.train_only": "all"}, {"model.frozen_batch_norm": False}], ids=str)
def test_views_without_a_part_that_stays_the_same_are_refused(recipe, images, changes):
    with pytest.raises(UsageError, match=r"training\.views: views are for a pretrained net"):
        set_up(recipe.override({"training.views": 2, **changes}), FP32, images=images)


def test_a_job_says_that_features_are_kept_and_where(recipe, images, tmp_path):
    assert f"computed once and kept in {tmp_path / 'features'}" in set_up(recipe, FP32, images=images).text()


@pytest.mark.parametrize(
    ("changes", "why"),
    [({"augment": ["flip"]}, "they are augmented anew"), ({}, "its code cannot be cut there")],
    ids=str,
)
def test_a_job_says_why_nothing_is_kept(recipe, images, monkeypatch, changes, why):
    monkeypatch.setattr("assay.experiments.setup_trainer.split_model", lambda *_: None)
    text = set_up(recipe.override(changes), FP32, images=images).text()
    assert f"its frozen part runs in every epoch, because {why}" in text


def test_a_run_without_a_checkpoint_does_not_go_on_from_another_weights_file(
    recipe, train, images, test_images, tmp_path
):
    run = train(kept=True)
    run.set_status(state="stopped")
    options = {"images": images, "test": test_images, "runtime": FP32, "callback": Callback(), "mlflow": False}
    state = build_pretrained(recipe.model, 1000, 8).state_dict()
    save_file(state, tmp_path / "w.safetensors")
    with pytest.raises(DataError, match="set up with other initial weights: their file has changed"):
        assay.resume(run, **options)
