"""Photos are stored at the size at which the net sees them: preprocessing enlarges none."""

import numpy as np
import pytest
import torch

from assay.core.errors import UsageError
from assay.core.runtime import Runtime
from assay.experiments.setup import set_up
from assay.experiments.stored_size import complete_data, stored_size
from assay.recipes.loader import read_recipe
from assay.recipes.schema import Model, Preprocessing

FP32 = Runtime("cpu", "fp32", threads=1)
OWN, NET = Model(layers=("flatten", "linear 3")), Model(name="mobilenet_v1")


@pytest.mark.parametrize(
    ("preprocessing", "model", "size"),
    [
        ({}, OWN, None),
        ({"resize": 224}, OWN, 224),
        ({"resize": 64}, OWN, 64),
        ({"resize": 256, "crop": 224}, OWN, 256),
        ({"crop": 128}, OWN, None),
        ({"crop": 224}, OWN, 224),
        ("net", NET, 256),
        ({"resize": "net"}, NET, 256),
        ({"crop": "net"}, NET, 224),
        ({"resize": 240, "crop": "net"}, NET, 240),
    ],
)
def test_photos_are_stored_as_large_as_before_the_crop(preprocessing, model, size):
    assert stored_size(Preprocessing.model_validate(preprocessing), model) == size


@pytest.mark.parametrize(
    ("name", "size"), [("transfer/resnet18", 224), ("own-photos/mnet1", 128), ("fast/cifar10-91", 160)]
)
def test_a_named_recipe_on_a_folder_stores_what_its_net_sees(name, size, tmp_path):
    recipe = read_recipe(name).override({"data.name": str(tmp_path)})
    assert complete_data(recipe).data.size == size


def test_a_size_that_you_name_is_taken(tmp_path):
    recipe = read_recipe("transfer/resnet18").override({"data.name": str(tmp_path), "data.size": 96})
    assert complete_data(recipe).data.size == 96


def test_a_named_data_set_keeps_its_size(recipe):
    assert complete_data(recipe.override({"data.name": "cifar10", "preprocess.resize": 224})).data.size is None
    with pytest.raises(
        UsageError, match=r"data\.size=64: data\.size: a size is for folders of photos; mnist has its own"
    ):
        complete_data(recipe.override({"data.name": "mnist", "data.size": 64}))


def test_the_nets_own_preprocessing_of_a_net_without_one_is_refused_with_its_place(recipe, tmp_path):
    changed = recipe.override({"data.name": str(tmp_path), "preprocess.resize": "net"})
    with pytest.raises(UsageError, match=r"preprocess\.resize=net: preprocess\.resize: only a pretrained net"):
        complete_data(changed)


def test_no_pixel_of_a_photo_is_made_up_on_its_way_to_the_net(recipe, bars_photos, tmp_path, monkeypatch):
    monkeypatch.setenv("ASSAY_DATA", str(tmp_path / "root"))
    layers = {"model.layers": ["flatten", "linear 3"], "augment": []}
    changes = {"data.name": str(bars_photos), "preprocess.resize": 200, "preprocess.crop": 190, **layers}
    setup = set_up(complete_data(recipe.override(changes)), FP32)
    assert setup.images.shape == (3, 200, 200)
    pixels = setup.trainer.loader.preprocess.pixels(setup.images.take(torch.tensor([0])))
    assert np.array_equal((255 * pixels[0]).round().numpy(), setup.images.images[0, :, 5:195, 5:195])
