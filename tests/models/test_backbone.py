"""A net cut in two: front and back together are the net, and the front holds nothing that is ever trained."""

import pytest
import torch
from torch import Tensor, nn

from assay.core.randomness import seeded
from assay.models.backbone import as_lines, cut
from assay.models.freezing import Frozen
from assay.models.fused import fuse
from assay.models.pretrained import Head, build
from assay.models.sequential import Net
from assay.recipes.schema import Model

from .conftest import needs_libraries, unlike_fresh

SIDES = {"inception_v3": 96, "mobilenet_v1": 32}
V1 = {"name": "mobilenet_v1", "arguments": {"width": 0.25}}


def made(classes: int = 5, **keys) -> tuple[nn.Module, Frozen, tuple[int, int, int]]:
    model = Model(**keys)
    net = build(model, classes, 0)
    net.load_state_dict(unlike_fresh(net))
    side = SIDES.get(model.name, 64)
    frozen = Frozen.of(model, net, (3, side, side), classes)
    frozen.apply(net.train(), frozen.widest)
    return net, frozen, (3, side, side)


@needs_libraries
@pytest.mark.parametrize("words", ["head", "last-conv"])
@pytest.mark.parametrize(
    "name",
    ["mobilenet_v1", "resnet18", "mobilenet_v2", "mobilenet_v3_small", "googlenet", "inception_v3",
     "tf_efficientnet_lite0", "timm/regnetx_002"],
)  # fmt: skip
def test_front_and_back_together_are_the_net(name, words):
    net, frozen, shape = made(name=name, train_only=words)
    halves = cut(net, frozen, shape)
    net.eval()
    pixels = torch.randn(3, *shape)
    with torch.inference_mode():
        features = halves.front(pixels)
        torch.testing.assert_close(halves.back(features), net(pixels), rtol=0, atol=1e-5)
    assert tuple(features.shape[1:]) == halves.shape
    assert isinstance(halves.back, Net) == (words == "head")
    trained = {id(p) for p in net.parameters() if p.requires_grad}
    assert not trained & {id(p) for p in halves.front.parameters()}
    assert trained <= {id(p) for p in halves.back.parameters()}


def test_past_a_shortcut_the_cut_is_where_everything_passes_through():
    """Of a residual block only the first half is frozen: the shortcut's value is needed behind it."""

    class Residual(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second, self.third = (nn.Conv2d(3, 3, 1) for _ in range(3))
            self.head = Head(3, 5)

        def forward(self, x: Tensor) -> Tensor:
            x = self.first(x).relu()
            x = x + self.third(self.second(x))
            return self.head(x.mean((2, 3)))

    net = Residual()
    frozen = Frozen.of(Model(name="residual", train_only="from:third"), net, (3, 8, 8), 5)
    halves = cut(net, frozen, (3, 8, 8))
    assert {name for name, _ in halves.front.named_parameters()} == {"first.weight", "first.bias"}
    pixels = torch.randn(2, 3, 8, 8)
    assert torch.equal(halves.back(halves.front(pixels)), net(pixels))


def test_the_parts_share_the_nets_tensors():
    net, frozen, shape = made(**V1, train_only="head", dropout=0.5)
    halves = cut(net, frozen, shape)
    assert halves.back.lines == ("dropout 0.5", "linear 5")
    assert halves.back.layers[-1].weight is net.classifier.weight
    assert halves.front.conv_stem.weight is net.conv_stem.weight


def test_dropout_of_the_head_draws_the_same_by_itself_and_in_the_net():
    head = Head(64, 3)
    head.p = 0.3
    features = torch.randn(10, 64)
    alone = fuse(as_lines(head).train())
    with seeded(5):
        expected = head.train()(features)
    with seeded(5):
        assert torch.equal(alone(features), expected)


@pytest.mark.parametrize(
    "keys",
    [
        {"train_only": "all"},
        {"train_only": "head", "unfreeze": {2: "all"}},
        {"train_only": "head", "frozen_batch_norm": False},
    ],
)
def test_without_a_part_that_stays_the_same_there_is_no_cut(keys):
    assert cut(*made(**V1, **keys)) is None


def test_a_net_whose_code_cannot_be_traced_is_not_cut():
    class Fickle(nn.Module):
        def __init__(self):
            super().__init__()
            self.body, self.head = nn.Conv2d(3, 3, 1), Head(3, 5)

        def forward(self, x: Tensor) -> Tensor:
            x = self.body(x)
            return self.head(x.mean((2, 3)) if x.sum() > 0 else x.amax((2, 3)))

    net = Fickle()
    frozen = Frozen.of(Model(name="fickle", train_only="head"), net, (3, 8, 8), 5)
    assert cut(net, frozen, (3, 8, 8)) is None


def test_the_fingerprint_follows_the_weights_statistics_and_the_place_of_the_cut():
    net, frozen, shape = made(**V1, train_only="head")
    prints = {cut(net, frozen, shape).fingerprint}
    assert cut(net, frozen, shape).fingerprint in prints
    net.classifier.weight.data.add_(1)
    assert cut(net, frozen, shape).fingerprint in prints  # the head is no part of it
    net.bn1.running_mean[0] += 1
    prints.add(cut(net, frozen, shape).fingerprint)
    net.conv_stem.weight.data[0] += 1
    prints.add(cut(net, frozen, shape).fingerprint)
    deeper = Frozen.of(Model(**V1, train_only="last-conv"), net, shape, 5)
    prints.add(cut(net, deeper, shape).fingerprint)
    assert len(prints) == 4
