"""MobileNet v1: Keras's numbers of parameters, TensorFlow's padding, timm's keys."""

import pytest
import torch
from torch import nn

from assay.core.errors import UsageError
from assay.models.weights import load_weights, read_weights
from assay.models.zoo.mobilenet import MobileNetHub, MobileNetV1

from ..conftest import needs_libraries, unlike_fresh


@pytest.mark.parametrize(("width", "count"), [(1.0, 4_231_976), (0.75, 2_585_560), (0.5, 1_331_592), (0.25, 470_072)])
def test_it_has_as_many_parameters_as_the_paper_and_keras_say(width, count):
    """Paper: 4.2, 2.6, 1.3 and 0.5 million; Keras counts 4,253,864 at width 1 with its 21,888 statistics."""
    with torch.device("meta"):
        net = MobileNetV1(1000, width)
    assert sum(p.numel() for p in net.parameters()) == count
    if width == 1:
        assert count + sum(b.numel() for name, b in net.named_buffers() if "running" in name) == 4_253_864


@needs_libraries
@pytest.mark.parametrize("side", [64, 75])
def test_it_equals_timms_net_with_tensorflows_padding(side):
    from assay.models.timm_hub import TimmHub

    with torch.no_grad():
        theirs = TimmHub().build("mobilenetv1_100", 5, {})
        state = unlike_fresh(theirs)
        theirs.load_state_dict(state)
        ours = MobileNetV1(5, 1.0).eval()
        ours.load_state_dict(state, strict=True)
        for name, module in theirs.eval().named_modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eps = 1e-3
            if isinstance(module, nn.Conv2d) and module.stride == (2, 2):
                _pad_like_tensorflow(theirs, name, module)
        pixels = torch.randn(2, 3, side, side)
        torch.testing.assert_close(ours(pixels), theirs(pixels), rtol=0, atol=1e-5)


def _pad_like_tensorflow(net: nn.Module, name: str, conv: nn.Conv2d) -> None:
    """timm's own Conv2dSame in the place of a convolution."""
    from timm.layers import Conv2dSame

    same = Conv2dSame(conv.in_channels, conv.out_channels, 3, 2, groups=conv.groups, bias=False)
    same.weight = conv.weight
    parent, _, last = name.rpartition(".")
    setattr(net.get_submodule(parent), last, same)


@pytest.mark.parametrize("arguments", [{"width": 0}, {"width": "wide"}, {"width": True}, {"depth": 3}])
def test_an_argument_that_it_cannot_use_is_said(arguments):
    with pytest.raises(UsageError, match="width"):
        MobileNetHub().build("mobilenet_v1", 10, arguments)


def test_the_published_weights_load_strictly(real_weights):
    net = MobileNetV1(1000, 0.75)
    state = read_weights(real_weights / "mobilenetv1_075.safetensors")
    load_weights(net, state, "classifier", "it")
    assert all(torch.equal(value, state[key]) for key, value in net.state_dict().items())
