"""The quick form of a net gives what the net gives, and trains it the same."""

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from assay.models.fused import fuse
from assay.models.sequential import Net
from assay.models.zoo.registry import NETS

STACK = ("conv 6 3x3", "relu", "maxpool 2", "conv 8 3x3", "relu", "maxpool 2", "flatten", "linear 4")


def gradients(net: nn.Module, forward, images: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
    logits = forward(images)
    loss = cross_entropy(logits, torch.arange(len(images)) % logits.shape[1])
    return logits, list(torch.autograd.grad(loss, [p for p in net.parameters() if p.requires_grad]))


@pytest.mark.parametrize("name", [name for name in sorted(NETS) if NETS[name].shape[1] <= 32])
def test_every_named_net_gives_the_same_and_learns_the_same(name):
    net = Net(NETS[name].lines(10, {}), NETS[name].shape, 10).to(memory_format=torch.channels_last)
    for dropout in (module for module in net.modules() if isinstance(module, nn.Dropout)):
        dropout.p = 0.0  # it draws other numbers
    images = torch.rand(3, *NETS[name].shape).contiguous(memory_format=torch.channels_last)
    logits, expected = gradients(net, net, images)
    quick_logits, found = gradients(net, fuse(net), images)
    torch.testing.assert_close(quick_logits, logits, rtol=1e-4, atol=1e-5)
    for mine, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-3, atol=1e-4)


def test_a_relu_behind_the_pool_changes_no_bit():
    """All-negative windows and equal maxima too, which small whole numbers are full of."""
    net = Net(["relu", "maxpool 2", "flatten", "linear 2"], (3, 8, 8), 2)
    images = torch.randint(-2, 3, (5, 3, 8, 8)).float().requires_grad_()
    (expected,) = torch.autograd.grad(net(images).square().sum(), images)
    (found,) = torch.autograd.grad(fuse(net)(images).square().sum(), images)
    assert torch.equal(found, expected)


def test_it_follows_the_weights_of_the_net():
    net = Net(STACK, (3, 14, 14), 4)
    forward, images = fuse(net), torch.rand(2, 3, 14, 14)
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
    fuse(net)(torch.rand(2, 3, 14, 14))
    assert seen == [(2, 8, 6, 6), (2, 6, 6, 6)]


def test_ones_own_module_is_left_as_it_is():
    own = nn.Flatten()
    assert fuse(own) is own


@pytest.fixture
def dropped():
    """What dropout of this share makes of ones, (1000, 10, 8, 8): the net's own layer, or its quick form."""

    def run(share: float, seed: int = 0, dtype=torch.float32, memory_format=torch.contiguous_format) -> torch.Tensor:
        net = Net([f"dropout {share}", "conv 10 1x1", "globalavgpool"], (10, 8, 8), 10)
        with torch.no_grad():
            net.layers[1].weight.zero_()
        x, seen = torch.ones(1000, 10, 8, 8, dtype=dtype).contiguous(memory_format=memory_format), []
        net.layers[1].register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
        torch.manual_seed(seed)
        fuse(net.to(dtype))(x)
        return seen[0]

    return run


@pytest.mark.parametrize("share", [0.1, 0.25, 0.5, 0.9])
@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_dropout_drops_its_share_and_scales_the_rest(dropped, share, memory_format):
    found = dropped(share, memory_format=memory_format)
    assert found.is_contiguous(memory_format=memory_format)
    assert (found == 0).double().mean().item() == pytest.approx(share, abs=0.002)  # 640,000 values: five deviations
    assert found.max().item() == pytest.approx(1 / (1 - share), rel=1e-3)
    assert len(found.unique()) == 2


def test_dropout_treats_neighbors_apart(dropped):
    """Four values share a draw; they must not share a fate."""
    zeros = (dropped(0.5).flatten() == 0).double() - 0.5
    for lag in (1, 2, 3, 4, 8, 64):
        assert abs((zeros[lag:] * zeros[:-lag]).mean().item()) < 0.25 * 5 / 640_000**0.5


def test_dropout_follows_from_torchs_seed(dropped):
    assert torch.equal(dropped(0.3, seed=1), dropped(0.3, seed=1))
    assert not torch.equal(dropped(0.3, seed=1), dropped(0.3, seed=2))


def test_dropout_keeps_bf16(dropped):
    assert dropped(0.25, dtype=torch.bfloat16).dtype == torch.bfloat16


def test_dropout_does_nothing_in_evaluation():
    net, x = Net(["flatten", "dropout 0.5", "linear 10"], (1, 4, 4), 10).eval(), torch.rand(5, 1, 4, 4)
    assert torch.equal(fuse(net)(x), net(x))


def test_the_gradient_of_dropout_goes_where_the_value_went():
    net = Net(["dropout 0.5", "flatten", "linear 10"], (1, 8, 8), 10)
    x, seen = torch.rand(50, 1, 8, 8, requires_grad=True), []
    net.layers[1].register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    fuse(net)(x)
    (gradient,) = torch.autograd.grad(seen[0].sum(), x)
    torch.testing.assert_close(gradient, torch.where(seen[0] == 0, 0.0, 2.0))
