"""The quick form of a net gives what the net gives, and trains it the same."""

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from assay.models.net import Net
from assay.models.nets import NETS
from assay.models.quick import quick

STACK = ("conv 6 3x3", "relu", "maxpool 2", "conv 8 3x3", "relu", "maxpool 2", "flatten", "linear 4")


def gradients(net: nn.Module, forward, images: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
    torch.manual_seed(0)  # for dropout
    logits = forward(images)
    loss = cross_entropy(logits, torch.arange(len(images)) % logits.shape[1])
    return logits, list(torch.autograd.grad(loss, [p for p in net.parameters() if p.requires_grad]))


@pytest.mark.parametrize("name", [name for name in sorted(NETS) if NETS[name].shape[1] <= 32])
def test_every_named_net_gives_the_same_and_learns_the_same(name):
    net = Net(NETS[name].lines(10, {}), NETS[name].shape, 10).to(memory_format=torch.channels_last)
    images = torch.rand(3, *NETS[name].shape).contiguous(memory_format=torch.channels_last)
    logits, expected = gradients(net, net, images)
    quick_logits, found = gradients(net, quick(net), images)
    torch.testing.assert_close(quick_logits, logits, rtol=1e-4, atol=1e-5)
    for mine, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-3, atol=1e-4)


def test_a_relu_behind_the_pool_changes_no_bit():
    """All-negative windows and equal maxima too, which small whole numbers are full of."""
    net = Net(["relu", "maxpool 2", "flatten", "linear 2"], (3, 8, 8), 2)
    images = torch.randint(-2, 3, (5, 3, 8, 8)).float().requires_grad_()
    (expected,) = torch.autograd.grad(net(images).square().sum(), images)
    (found,) = torch.autograd.grad(quick(net)(images).square().sum(), images)
    assert torch.equal(found, expected)


def test_it_follows_the_weights_of_the_net():
    net = Net(STACK, (3, 14, 14), 4)
    forward, images = quick(net), torch.rand(2, 3, 14, 14)
    before = forward(images)
    with torch.no_grad():
        net.layers[0].weight.mul_(-1)
    assert not torch.allclose(forward(images), before)
    torch.testing.assert_close(forward(images), net(images))


def test_filters_that_are_added_are_dropped_again():
    """A convolution of six filters runs with eight."""
    seen = []
    net = Net(STACK, (3, 14, 14), 4)
    net.layers[2].register_forward_hook(lambda module, inputs, output: seen.append(output.shape))
    net.layers[3].register_forward_hook(lambda module, inputs, output: seen.append(inputs[0].shape))
    quick(net)(torch.rand(2, 3, 14, 14))
    assert seen == [(2, 8, 6, 6), (2, 6, 6, 6)]


def test_ones_own_module_is_left_as_it_is():
    own = nn.Flatten()
    assert quick(own) is own
