"""A split net: backbone and head together compute what the net does, and nothing in the backbone is ever trained."""

import pytest
import torch
from torch import Tensor, nn

from assay.core.randomness import seeded
from assay.models.backbone import head_as_net, split_model
from assay.models.freezing import FreezePlan
from assay.models.fused import fuse
from assay.models.head import Head
from assay.models.pretrained import build_pretrained
from assay.models.sequential import Net
from assay.recipes.schema import Model

from .conftest import needs_libraries, unlike_fresh

SIDES = {"inception_v3": 96, "mobilenet_v1": 32}
V1 = {"name": "mobilenet_v1", "arguments": {"width": 0.25}}


def build(classes: int = 5, **keys) -> tuple[nn.Module, FreezePlan, tuple[int, int, int]]:
    model = Model(**keys)
    net = build_pretrained(model, classes, 0)
    net.load_state_dict(unlike_fresh(net))
    side = SIDES.get(model.name, 64)
    plan = FreezePlan.from_model(model, net, (3, side, side), classes)
    plan.apply(net.train(), plan.first_trained)
    return net, plan, (3, side, side)


@needs_libraries
@pytest.mark.parametrize("words", ["head", "last-conv"])
@pytest.mark.parametrize(
    "name",
    ["mobilenet_v1", "resnet18", "mobilenet_v2", "mobilenet_v3_small", "googlenet", "inception_v3",
     "tf_efficientnet_lite0", "timm/regnetx_002"],
)  # fmt: skip
def test_backbone_and_head_together_are_the_net(name, words):
    net, plan, shape = build(name=name, train_only=words)
    parts = split_model(net, plan, shape)
    net.eval()
    pixels = torch.randn(3, *shape)
    with torch.inference_mode():
        features = parts.backbone(pixels)
        torch.testing.assert_close(parts.head(features), net(pixels), rtol=0, atol=1e-5)
    assert tuple(features.shape[1:]) == parts.feature_shape
    assert isinstance(parts.head, Net) == (words == "head")
    trained = {id(p) for p in net.parameters() if p.requires_grad}
    assert not trained & {id(p) for p in parts.backbone.parameters()}
    assert trained <= {id(p) for p in parts.head.parameters()}


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
    plan = FreezePlan.from_model(Model(name="residual", train_only="from:third"), net, (3, 8, 8), 5)
    parts = split_model(net, plan, (3, 8, 8))
    assert {name for name, _ in parts.backbone.named_parameters()} == {"first.weight", "first.bias"}
    pixels = torch.randn(2, 3, 8, 8)
    assert torch.equal(parts.head(parts.backbone(pixels)), net(pixels))


def test_the_parts_share_the_nets_tensors():
    net, plan, shape = build(**V1, train_only="head", dropout=0.5)
    parts = split_model(net, plan, shape)
    assert parts.head.lines == ("dropout 0.5", "linear 5")
    assert parts.head.layers[-1].weight is net.classifier.weight
    assert parts.backbone.conv_stem.weight is net.conv_stem.weight


def test_dropout_of_the_head_draws_the_same_by_itself_and_in_the_net():
    head = Head(64, 3)
    head.p = 0.3
    features = torch.randn(10, 64)
    alone = fuse(head_as_net(head).train())
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
    assert split_model(*build(**V1, **keys)) is None


def test_a_net_whose_code_cannot_be_traced_is_not_cut():
    class Fickle(nn.Module):
        def __init__(self):
            super().__init__()
            self.body, self.head = nn.Conv2d(3, 3, 1), Head(3, 5)

        def forward(self, x: Tensor) -> Tensor:
            x = self.body(x)
            return self.head(x.mean((2, 3)) if x.sum() > 0 else x.amax((2, 3)))

    net = Fickle()
    plan = FreezePlan.from_model(Model(name="fickle", train_only="head"), net, (3, 8, 8), 5)
    assert split_model(net, plan, (3, 8, 8)) is None


def test_the_fingerprint_follows_the_weights_statistics_and_the_place_of_the_cut():
    net, plan, shape = build(**V1, train_only="head")
    fingerprints = {split_model(net, plan, shape).fingerprint}
    assert split_model(net, plan, shape).fingerprint in fingerprints
    net.classifier.weight.data.add_(1)
    assert split_model(net, plan, shape).fingerprint in fingerprints  # the head is no part of it
    net.bn1.running_mean[0] += 1
    fingerprints.add(split_model(net, plan, shape).fingerprint)
    net.conv_stem.weight.data[0] += 1
    fingerprints.add(split_model(net, plan, shape).fingerprint)
    deeper = FreezePlan.from_model(Model(**V1, train_only="last-conv"), net, shape, 5)
    fingerprints.add(split_model(net, deeper, shape).fingerprint)
    assert len(fingerprints) == 4
