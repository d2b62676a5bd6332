"""What the libraries say of a net is taken from them, and one that is missing is named."""

import sys

import numpy as np
import pytest
import torch
from PIL import Image

from assay.core.errors import MissingExtraError, UsageError
from assay.data.imageset import ImageSet
from assay.data.preprocess import Preprocess
from assay.models import hubs as libraries
from assay.models.hubs import Timm, Torchvision
from assay.models.pretrained import prepared
from assay.recipes.schema import Model, Preprocessing

from .conftest import needs_libraries


def smooth(height: int, width: int) -> ImageSet:
    """A colorful image without sharp edges, on which resizers agree."""
    rows, columns = np.mgrid[0:height, 0:width]
    waves = [np.sin(rows / 17 + k) + np.cos(columns / 23 - k) for k in range(3)]
    return ImageSet(((np.stack(waves) + 2) * 63).astype(np.uint8)[None], np.zeros(1, np.int64), ("one",), "waves")


@needs_libraries
@pytest.mark.parametrize("name", ["resnet18", "inception_v3", "tf_efficientnet_lite0", "timm/vit_tiny_patch16_224"])
def test_preprocess_net_gives_the_net_what_its_librarys_own_transform_gives(name):
    images = smooth(300, 400)
    picture = Image.fromarray(images.images[0].transpose(1, 2, 0))
    if name in ("resnet18", "inception_v3"):
        theirs = libraries._torchvision().models.get_model_weights(name).DEFAULT.transforms()(picture)
    else:
        from timm.data import create_transform, resolve_data_config

        said = libraries._timm().get_pretrained_cfg(name.removeprefix("timm/")).to_dict()
        theirs = create_transform(**resolve_data_config(said))(picture)
    ours = Preprocess.fit(prepared(Preprocessing.model_validate("net"), Model(name=name)), images)
    torch.testing.assert_close(ours(torch.from_numpy(images.images))[0], theirs, rtol=0, atol=0.04)  # two gray levels


def missing(monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    for cached in (libraries._torchvision, libraries._timm, libraries._imported):
        monkeypatch.setattr(libraries, cached.__name__, cached.__wrapped__)
    monkeypatch.setitem(sys.modules, package, None)


def test_a_missing_library_is_named_with_the_way_to_install_it(monkeypatch):
    missing(monkeypatch, "torchvision")
    with pytest.raises(MissingExtraError, match=r"needs the extra 'pretrained': pip install 'assay\[pretrained\]'"):
        Torchvision().build("resnet18", 10, {})
    with pytest.raises(MissingExtraError, match="pretrained"):
        Timm().build("resnet18", 10, {})


def test_an_unknown_name_without_the_extra_is_still_answered(monkeypatch):
    from assay.models.build import build

    missing(monkeypatch, "torchvision")
    with pytest.raises(UsageError, match=r"unknown net 'tf_efficientnet_lite0'.*'pretrained'"):
        build(Model(name="tf_efficientnet_lite0"), (3, 32, 32), 10, 0)


@needs_libraries
@pytest.mark.parametrize("library", [Torchvision(), Timm()], ids=lambda library: library.name)
def test_an_argument_is_refused(library):
    with pytest.raises(UsageError, match="'width': a library's net takes no arguments") as caught:
        library.build("resnet18", 10, {"width": 2})
    assert caught.value.at == ("arguments", "width")
