"""A batch norm that could not learn from a batch of one image is named before training; all others train."""

import pytest
import torch
from torch import nn

from assay.core.errors import UsageError
from assay.core.runtime import Runtime
from assay.experiments.setup import set_up
from assay.training.callbacks import Callback

FP32 = Runtime("cpu", "fp32", threads=1)
FEATURES = ["flatten", "linear 4", "batchnorm", "relu", "linear 3"]
ONE_PIXEL = ["conv 4 8x8", "batchnorm", "flatten", "linear 3"]
PIXELS = ["conv 4 3x3", "batchnorm", "relu", "flatten", "linear 3"]
ALONE = {"data.validation": 0, "training.epochs": 1, "augment": []}


def train(recipe, images, changes):
    trainer = set_up(recipe.override({**ALONE, **changes}), FP32, images=images).trainer
    trainer.run(Callback(), lambda state: None, lambda: False)
    return trainer.state.history


@pytest.mark.parametrize("layers", [FEATURES, ONE_PIXEL], ids=["features", "one-pixel"])
def test_batches_of_one_image_are_refused_where_batch_norm_gets_one_value(recipe, images, layers):
    message = r"training\.batch_size: .* gets one value per channel from a batch of one image; use batches of at least"
    with pytest.raises(UsageError, match=message) as caught:
        train(recipe, images, {"model.layers": layers, "training.batch_size": 1})
    assert "'layers.batchnorm_" in str(caught.value)


@pytest.mark.parametrize("size", [1, 32, "auto"])
def test_a_single_training_image_is_refused_where_batch_norm_gets_one_value(recipe, images, size):
    with pytest.raises(UsageError, match="from the only training image; give it at least two"):
        train(recipe, images.subset([0]), {"model.layers": FEATURES, "training.batch_size": size})


@pytest.mark.parametrize(("n", "size"), [(1, 1), (1, 32), (9, 1)])
def test_batch_norm_over_pixels_trains_on_one_image(recipe, images, n, size):
    (row,) = train(recipe, images.subset(range(n)), {"model.layers": PIXELS, "training.batch_size": size})
    assert row.train_loss > 0


@pytest.mark.parametrize(("n", "size"), [(2, 2), (3, 2), (2, 32), (7, 3)])
def test_batch_norm_over_features_trains_on_two_images(recipe, images, n, size):
    (row,) = train(recipe, images.subset(range(n)), {"model.layers": FEATURES, "training.batch_size": size})
    assert row.train_loss > 0


def test_the_automatic_batch_size_is_not_taken_for_batches_of_one(recipe, images):
    assert train(recipe, images.subset(range(9)), {"model.layers": FEATURES, "training.batch_size": "auto"})


class Conditional(nn.Module):
    """A module of your own, in eval mode when it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.linear, self.norm = nn.Linear(64, 3), nn.BatchNorm1d(3)
        self.eval()

    def forward(self, x):
        return self.norm(self.linear(x.flatten(1)))


def test_a_module_of_your_own_is_checked_and_stays_as_it_was(recipe, images):
    module = Conditional()
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    own = recipe.override({**ALONE, "training.batch_size": 1})
    with pytest.raises(UsageError, match="'norm' gets one value per channel"):
        set_up(own, FP32, model=module, images=images)
    assert all(torch.equal(tensor, before[name]) for name, tensor in module.state_dict().items())


def test_frozen_batch_norm_takes_batches_of_one(recipe, images, tmp_path, monkeypatch):
    monkeypatch.setenv("ASSAY_DATA", str(tmp_path))
    model = {"name": "mobilenet_v1", "arguments": {"width": 0.1}, "train_only": "head"}
    changes = {"preprocess": {"resize": 32, "normalize": "net"}, "model": model, "training.batch_size": 1}
    assert train(recipe, images.subset(range(3)), changes)
    with pytest.raises(UsageError, match=r"'blocks\.4.* gets one value per channel"):
        train(recipe, images.subset(range(3)), {**changes, "model": {**model, "unfreeze": {1: "from:blocks.4"}}})
