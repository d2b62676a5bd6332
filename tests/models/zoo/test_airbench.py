"""The nets for few epochs: airbench against the published figures and a forward pass written out by hand."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from assay.models.layer import parse_lines
from assay.models.sequential import Net
from assay.models.special_layers import WhiteningConv
from assay.models.summary import NetSummary, summarize
from assay.models.zoo.registry import NETS

AIRBENCH = NETS["airbench"]


def summary(**arguments: object) -> NetSummary:
    return summarize(parse_lines(AIRBENCH.lines(10, arguments), AIRBENCH.shape), AIRBENCH.shape)


def by_hand(images: Tensor, whitening: WhiteningConv, convs: list[nn.Conv2d], norms: list[nn.Module], head: Tensor):
    """airbench94 in evaluation mode (Jordan 2024), the pool before the norm in the first half of each block."""
    x = functional.gelu(functional.conv2d(images, whitening.weight, whitening.bias))
    for i, (conv, norm) in enumerate(zip(convs, norms, strict=True)):
        x = functional.conv2d(x, conv.weight, padding=1)
        x = functional.max_pool2d(x, 2) if i % 2 == 0 else x
        mean, variance = (v[:, None, None] for v in (norm.running_mean, norm.running_var))
        x = functional.gelu((x - mean) / (variance + 1e-5).sqrt() + norm.bias[:, None, None])
    return x.amax((2, 3)) @ head.T / 256


def test_airbench_has_the_published_number_of_parameters():
    """1.97 million: 3x3 filters of each block, whitening and batch norm biases, the head."""
    widths = [(24, 64), (64, 64), (64, 256), (256, 256), (256, 256), (256, 256)]
    biases = 24 + 2 * (64 + 256 + 256)
    assert summary().parameters == sum(9 * a * b for a, b in widths) + biases + 256 * 10
    assert f"{summary().parameters / 1e6:.2f}" == "1.97"


def test_airbench_computes_what_the_paper_describes():
    net = Net(AIRBENCH.lines(10, {}), AIRBENCH.shape, 10)
    with torch.no_grad():
        for parameter in net.parameters():  # biases too: an untouched zero would hide where it is added
            if parameter.ndim == 1 and parameter.requires_grad:
                parameter.normal_()
    net(torch.randn(8, 3, 32, 32))  # gives the batch norms statistics of their own
    found = {kind: [m for m in net.modules() if isinstance(m, kind)] for kind in (nn.Conv2d, nn.BatchNorm2d, nn.Linear)}
    (whitening, *convs), norms, (head,) = found.values()
    images = torch.randn(4, 3, 32, 32)
    with torch.no_grad():
        expected = by_hand(images, whitening, convs, norms, head.weight)
        torch.testing.assert_close(net.eval()(images), expected, rtol=1e-4, atol=1e-5)


def test_airbench_starts_with_24_fixed_filters_of_2x2():
    net = Net(AIRBENCH.lines(10, {}), AIRBENCH.shape, 10)
    assert isinstance(net.layers[0], WhiteningConv)
    assert net.layers[0].weight.shape == (24, 3, 2, 2)
    assert [name for name, p in net.named_parameters() if p.ndim == 4 and not p.requires_grad] == [
        "layers.whitening_1.weight"
    ]


def test_the_head_of_airbench_starts_with_unit_weights():
    head = Net(AIRBENCH.lines(10, {}), AIRBENCH.shape, 10).layers[-2]
    assert head.weight.square().mean().item() == pytest.approx(1, abs=1e-5)


def test_airbench_takes_its_widths_and_scales_by_the_last():
    convs = [layer.shape[0] for layer in summary(widths=[32, 64, 96]).layers if layer.kind == "conv"]
    assert convs == [32, 32, 64, 64, 96, 96]
    scale = Net(AIRBENCH.lines(10, {"widths": [32, 64, 96]}), AIRBENCH.shape, 10).layers[-1]
    assert scale(torch.ones(1)).item() == pytest.approx(1 / 96, rel=1e-5)


@pytest.mark.parametrize("side", [20, 24, 28, 48, 64])
def test_airbench_takes_images_of_several_sizes_with_the_same_weights(side: int):
    found, usual = (parse_lines(AIRBENCH.lines(10, {}), (3, size, size)) for size in (side, 32))
    assert found[-1].shape == (10,)
    assert [layer.parameters for layer in found] == [layer.parameters for layer in usual]


def test_the_last_pool_of_airbench_is_its_3x3_at_32_pixels():
    layers = parse_lines(AIRBENCH.lines(10, {}), (3, 32, 32))
    (how,) = (layer.how for layer in layers if layer.kind == "globalmaxpool")
    assert how == "largest of 3x3 per channel"
