"""A recipe becomes ready to train, or its fault is named before anything is written."""

import numpy as np
import pytest
import torch
from torch import nn

from assay.core.errors import AssayError, DataError, ShapeError, UsageError
from assay.core.runtime import Runtime
from assay.data.imageset import ImageSet
from assay.experiments.run import Run
from assay.experiments.setup import set_up
from assay.models.sequential import build_sequential
from assay.models.special_layers import WhiteningConv
from assay.training.checkpoint import weights_hash

FP32 = Runtime("cpu", "fp32", threads=1)


def test_images_are_split_as_the_recipe_says(recipe, images):
    job = set_up(recipe.override({"data.validation": 0.25}), FP32, images=images)
    assert (len(job.split.train), len(job.split.validation)) == (150, 50)
    assert np.array_equal(job.trainer.validation.images, images.images[job.split.validation])
    assert np.array_equal(job.trainer.loader.images.images, images.images[job.split.train])


def test_the_constants_of_preprocessing_come_from_training_images_alone(recipe, images):
    job = set_up(recipe.override({"preprocess.normalize": "train"}), FP32, images=images)
    assert job.trainer.loader.preprocess.mean == pytest.approx([images.images[job.split.train].mean() / 255])


def test_layers_that_start_from_data_are_fitted_to_preprocessed_training_images_alone(recipe, images):
    layers = ["whitening 2x2", "gelu", "flatten", "linear 3"]
    changes = {"model.layers": layers, "preprocess.normalize": "train", "data.validation": 0.25}
    job = set_up(recipe.override(changes), FP32, images=images)
    pixels = job.trainer.loader.preprocess(torch.from_numpy(images.images[job.split.train]))
    expected = WhiteningConv(1, (2, 2))
    expected.fit(pixels)
    assert torch.equal(job.trainer.state.net.layers[0].weight, expected.weight)
    assert torch.equal(job.trainer.state.best["layers.whitening_1.weight"], expected.weight)


def test_the_images_that_layers_are_fitted_to_are_spread_over_all_when_there_are_many(recipe, images, monkeypatch):
    monkeypatch.setattr("assay.experiments.setup_model.FIT_IMAGES", 60)
    changes = {"model.layers": ["whitening 2x2", "flatten", "linear 3"], "data.validation": 0}
    job = set_up(recipe.override(changes), FP32, images=images)
    expected = WhiteningConv(1, (2, 2))
    expected.fit(job.trainer.loader.preprocess(torch.from_numpy(images.images[::4].copy())))  # 50 of 200
    assert torch.equal(job.trainer.state.net.layers[0].weight, expected.weight)


def test_without_validation_there_is_none(recipe, images):
    assert set_up(recipe.override({"data.validation": 0}), FP32, images=images).trainer.validation is None


@pytest.mark.parametrize(
    ("changes", "watcher"),
    [
        ({"stopping.patience": 2}, "which stopping.patience watches"),
        ({"schedule": "plateau"}, "which the schedule plateau watches"),
        ({"schedule": "plateau", "stopping.patience": 2}, "which stopping.patience and the schedule plateau watch;"),
    ],
)
def test_a_validation_share_that_rounds_to_no_image_is_refused_where_training_watches_it(
    recipe, images, changes, watcher
):
    few = images.subset(np.arange(20))
    changed = recipe.override({"data.validation": 0.01, **changes})
    with pytest.raises(UsageError, match=r"data\.validation: 0\.01 of 20 images leaves none") as caught:
        set_up(changed, FP32, images=few, test=images)
    assert watcher in str(caught.value)
    assert "raise it to 0.05 or more" in str(caught.value)
    set_up(changed.override({"data.validation": 0.05}), FP32, images=few, test=images)


def test_an_empty_validation_set_is_named_where_nothing_watches_it(recipe, images):
    job = set_up(recipe.override({"data.validation": 0.01}), FP32, images=images.subset(np.arange(20)))
    assert "warning: the validation set is empty: 0.2 images were asked for" in job.text()


def test_the_split_has_a_seed_of_its_own(recipe, images):
    first, second = (set_up(recipe.override({"seed": seed}), FP32, images=images) for seed in (0, 1))
    assert np.array_equal(first.split.validation, second.split.validation)
    assert weights_hash(first.trainer.state.best) != weights_hash(second.trainer.state.best)


def test_the_initial_weights_hash_is_that_of_a_fresh_net(recipe, images, tmp_path):
    run = Run.create(recipe, tmp_path)
    set_up(recipe, FP32, images=images).describe(run)
    net = build_sequential(recipe.model, images.shape, 3, recipe.seed)
    assert run.read_json("config.json")["initial_weights"] == weights_hash(net.state_dict())


def test_other_training_images_are_noticed(recipe, images, tmp_path):
    run = Run.create(recipe, tmp_path)
    set_up(recipe, FP32, images=images).describe(run)
    changed = images.images.copy()
    changed[7, 0, 3, 3] ^= 1
    other = ImageSet(changed, images.labels, images.class_names, images.source)
    run.check_images(images)
    with pytest.raises(DataError, match=r"the images of bars are not those that tests/bars-.* was trained on"):
        run.check_images(other)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"augment": ["flop"]}, r"augment=.*augment\.0: unknown augmentation 'flop'; did you mean flip"),
        ({"model.name": "ktt"}, "model.name=ktt: model.name: unknown net 'ktt'; did you mean kth"),
        ({"model.layers": ["flatten", "linaer 3"]}, r"model\.layers\.1: .*'linaer'.*did you mean linear"),
        ({"preprocess.crop": 9}, "crop"),
        ({"optimizer.l2": {"cov": 1e-4}}, "unknown layer kind for l2 'cov'; did you mean conv"),
        ({"optimizer.l2": {"batchnorm": 1e-4}, "model.layers": ["flatten", "linear 3"]}, "has no such layer"),
        ({"loss": "nll"}, "loss=nll: loss: nll needs a net that ends in log_softmax"),
        ({"model.layers": ["flatten", "relu"]}, "64 outputs, but there are 3 classes; end the net with 'linear 3'"),
    ],
)
def test_what_the_recipe_names_wrongly_is_said_with_its_place(recipe, images, changes, message):
    with pytest.raises(UsageError, match=message):
        set_up(recipe.override(changes), FP32, images=images)


def test_impossible_shapes_name_the_layer_and_the_sizes(recipe, images):
    deep = recipe.override({"model.layers": ["conv 4 7x7", "relu", "conv 8 5x5", "flatten", "linear 3"]})
    with pytest.raises(ShapeError, match=r"model\.layers\.2: layer 3 'conv 8 5x5': .*5x5.*2x2"):
        set_up(deep, FP32, images=images)


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (nn.Sequential(nn.Flatten(), nn.Linear(64, 5)), r"gives \(2, 5\) for two images; it should give .* \(2, 3\)"),
        (nn.Linear(9, 3), r"your module does not take images \(N, 1, 8, 8\)"),
    ],
)
def test_an_own_module_that_does_not_fit_is_refused(recipe, images, module, message):
    with pytest.raises(ShapeError, match=message):
        set_up(recipe, FP32, module, images)


def test_no_training_images_are_an_error(recipe, images):
    with pytest.raises(AssayError, match="no training images"):
        set_up(recipe, FP32, images=images.subset([]))


def test_a_net_for_one_size_of_image_is_refused_with_a_window(recipe, images):
    with pytest.raises(UsageError, match="augment: images of 6 x 6 px do not fit a net made for 8 x 8"):
        set_up(recipe.override({"augment": ["window 6 epochs 1"]}), FP32, images=images)


def test_a_window_too_small_for_the_net_is_refused(recipe, images):
    layers = ["conv 4 5x5", "globalmaxpool", "linear 3"]
    with pytest.raises(UsageError, match="augment: images of 4 x 4 px do not fit"):
        set_up(recipe.override({"augment": ["window 4 epochs 1"], "model.layers": layers}), FP32, images=images)


def test_a_module_of_ones_own_is_tried_with_a_window_too(recipe, images):
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 3))
    with pytest.raises(ShapeError, match=r"does not take images \(N, 1, 6, 6\)"):
        set_up(recipe.override({"augment": ["window 6 epochs 1"]}), FP32, model=model, images=images)
