"""The first bad tensor is the first one in the order of computation."""

import pytest
import torch
from torch import nn

from assay.training.nan_check import first_bad_tensor


@pytest.fixture
def net() -> nn.Sequential:
    return nn.Sequential(nn.Flatten(), nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))


PIXELS = torch.ones(2, 1, 2, 2)


def test_bad_pixels_come_before_all(net):
    with torch.no_grad():
        net[1].weight[0, 0] = torch.nan
    assert first_bad_tensor(net, PIXELS * torch.inf) == "the input pixels"


@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
def test_bad_weights_are_named(net, bad):
    with torch.no_grad():
        net[3].bias[1] = bad
    assert first_bad_tensor(net, PIXELS) == "the weights '3.bias'"


def test_the_first_bad_output_names_its_layer_and_no_hook_is_left(net):
    with torch.no_grad():
        net[1].weight.fill_(3e38)
    assert first_bad_tensor(net, PIXELS) == "the output of layer '1' (Linear(in_features=4, out_features=3, bias=True))"
    assert not any(layer._forward_hooks for layer in net)


def test_else_it_is_the_loss(net):
    assert first_bad_tensor(net, PIXELS) == "the loss itself"
