"""The word `net` in a recipe's preprocessing becomes the numbers of its pretrained net."""

import pytest

from assay.core.errors import UsageError
from assay.models.net_preprocessing import resolve_preprocessing
from assay.recipes.schema import Model, Preprocessing

V1 = Model(name="mobilenet_v1", arguments={"width": 0.25})


def test_the_nets_own_preprocessing_takes_the_place_of_the_word():
    whole = resolve_preprocessing(Preprocessing.model_validate("net"), V1)
    assert (whole.resize, whole.crop, whole.scale) == (256, 224, "unit")
    assert whole.normalize.mean == whole.normalize.std == (0.5, 0.5, 0.5)
    part = resolve_preprocessing(Preprocessing(resize=128, normalize="net"), V1)
    assert (part.resize, part.crop, part.normalize) == (128, None, whole.normalize)
    plain = Preprocessing(resize=64)
    assert resolve_preprocessing(plain, V1) is plain


def test_a_net_without_a_library_has_no_preprocessing_of_its_own():
    with pytest.raises(UsageError, match="only a pretrained net") as error:
        resolve_preprocessing(Preprocessing(crop="net"), Model(name="kth"))
    assert error.value.at == ("crop",)
    with pytest.raises(UsageError, match="scale: unit"):
        resolve_preprocessing(Preprocessing(scale="signed", normalize="net"), V1)
