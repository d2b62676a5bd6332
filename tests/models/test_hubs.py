"""Preprocessing comes from the libraries, and a missing library is an error that names it."""

import sys

import numpy as np
import pytest
import torch
from PIL import Image

from assay.core.errors import MissingExtraError, UsageError
from assay.data.imageset import ImageSet
from assay.data.preprocess import Preprocess
from assay.models import timm_hub, torchvision_hub
from assay.models.net_preprocessing import resolve_preprocessing
from assay.models.timm_hub import TimmHub, import_timm
from assay.models.torchvision_hub import TorchvisionHub, import_torchvision
from assay.recipes.schema import Model, Preprocessing

from .conftest import needs_libraries


def smooth(height: int, width: int) -> ImageSet:
    """A colorful image without sharp edges, on which resizers agree."""
    rows, columns = np.mgrid[0:height, 0:width]
    waves = [np.sin(rows / 17 + k) + np.cos(columns / 23 - k) for k in range(3)]
    return ImageSet(((np.stack(waves) + 2) * 63).astype(np.uint8)[None], np.zeros(1, np.int64), ("one",), "waves")


@needs_libraries
@pytest.mark.parametrize("name", ["resnet18", "inception_v3", "tf_efficientnet_lite0", "timm/vit_tiny_patch16_224"])
def test_preprocess_net_equals_the_librarys_own_transform(name):
    images = smooth(300, 400)
    picture = Image.fromarray(images.images[0].transpose(1, 2, 0))
    if name in ("resnet18", "inception_v3"):
        expected = import_torchvision().models.get_model_weights(name).DEFAULT.transforms()(picture)
    else:
        from timm.data import create_transform, resolve_data_config

        config = import_timm().get_pretrained_cfg(name.removeprefix("timm/")).to_dict()
        expected = create_transform(**resolve_data_config(config))(picture)
    spec = resolve_preprocessing(Preprocessing.model_validate("net"), Model(name=name))
    preprocess = Preprocess.fit(spec, images)
    torch.testing.assert_close(
        preprocess(torch.from_numpy(images.images))[0], expected, rtol=0, atol=0.04
    )  # two gray levels


def remove_package(monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    """Make the package impossible to import, as if it was not installed."""
    for module in (torchvision_hub, timm_hub):
        monkeypatch.setattr(module, "import_torchvision", import_torchvision.__wrapped__)
    monkeypatch.setattr(timm_hub, "import_timm", import_timm.__wrapped__)
    monkeypatch.setitem(sys.modules, package, None)


def test_a_missing_library_is_named_with_the_way_to_install_it(monkeypatch):
    remove_package(monkeypatch, "torchvision")
    with pytest.raises(MissingExtraError, match=r"needs the extra 'pretrained': pip install 'assay\[pretrained\]'"):
        TorchvisionHub().build("resnet18", 10, {})
    with pytest.raises(MissingExtraError, match="pretrained"):
        TimmHub().build("resnet18", 10, {})


def test_an_unknown_name_without_the_extra_is_still_answered(monkeypatch):
    from assay.models.build import build_net

    remove_package(monkeypatch, "torchvision")
    with pytest.raises(UsageError, match=r"unknown net 'tf_efficientnet_lite0'.*'pretrained'"):
        build_net(Model(name="tf_efficientnet_lite0"), (3, 32, 32), 10, 0)


@needs_libraries
@pytest.mark.parametrize("hub", [TorchvisionHub(), TimmHub()], ids=lambda hub: hub.name)
def test_an_argument_is_refused(hub):
    with pytest.raises(UsageError, match="'width': a library's net takes no arguments") as error:
        hub.build("resnet18", 10, {"width": 2})
    assert error.value.at == ("arguments", "width")
