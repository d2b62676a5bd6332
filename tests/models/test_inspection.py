"""The layers of any module: in the order in which they run, each counted once."""

import pytest
import torch
from torch import nn

from assay.core.errors import ShapeError
from assay.models.inspection import execution_order, leaf_layers, trace_layers
from assay.models.layer import parse_lines
from assay.models.sequential import Net

LINES = ["conv 4 3x3", "batchnorm", "relu", "maxpool 2", "flatten", "linear 3"]


class Backwards(nn.Module):
    """Defines its layers in another order than it runs them, and has a parameter of its own."""

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(4, 3)
        self.body = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())
        self.gain = nn.Parameter(torch.ones(1))

    def forward(self, x):
        return self.head(self.body(x).mean((2, 3)) * self.gain)


def test_layers_come_in_the_order_in_which_they_run():
    assert execution_order(Backwards(), (3, 8, 8)) == ["", "body.0", "body.1", "head"]


def test_every_tensor_belongs_to_one_layer():
    net = Backwards()
    owned = [
        f"{name}.{p}" if name else p
        for name, m in leaf_layers(net).items()
        for p, _ in m.named_parameters(recurse=False)
    ]
    assert sorted(owned) == sorted(net.state_dict())


def test_a_walk_counts_as_the_layer_table_does():
    net, expected = Net(LINES, (3, 8, 8), 3), parse_lines(LINES, (3, 8, 8))
    found = trace_layers(net, (3, 8, 8))
    for attribute in ("shape", "parameters", "statistics", "mult_adds"):
        assert [getattr(layer, attribute) for layer in found] == [getattr(layer, attribute) for layer in expected]


def test_a_net_without_memory_can_be_walked():
    with torch.device("meta"):
        assert [layer.shape for layer in trace_layers(Net(LINES, (3, 8, 8), 3), (3, 8, 8))][-1] == (3,)


def test_training_mode_is_put_back_and_nothing_is_left_behind():
    net = Backwards().train()
    trace_layers(net, (3, 8, 8))
    assert net.training
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in net.modules())


def test_images_too_small_are_said():
    with pytest.raises(ShapeError, match=r"Backwards does not take images of 2 x 2 px: .*'preprocess: net' enlarges"):
        execution_order(Backwards(), (3, 2, 2))
