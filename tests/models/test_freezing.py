"""What of a pretrained net is trained: the layers from a place on, in the order in which they run."""

import pytest
import torch
from torch import nn

from assay.core.errors import UsageError
from assay.models.freezing import Frozen
from assay.models.pretrained import build
from assay.recipes.schema import Model

SHAPE = (3, 32, 32)
LAST = {"blocks.4.1.conv_pw.weight", "blocks.4.1.bn2.weight", "blocks.4.1.bn2.bias"}
HEAD = {"classifier.weight", "classifier.bias"}


def model(**keys) -> Model:
    return Model(name="mobilenet_v1", arguments={"width": 0.25}, **keys)


def frozen(net: nn.Module | None = None, **keys) -> Frozen:
    return Frozen.of(model(**keys), net or build(model(), 3, 0), SHAPE, 3)


def trained(net: nn.Module) -> set[str]:
    return {name for name, p in net.named_parameters() if p.requires_grad}


@pytest.mark.parametrize(
    ("words", "expected"),
    [("head", HEAD), ("last-conv", HEAD | LAST), ("from:blocks.4.1.bn2", HEAD | {n for n in LAST if "bn2" in n})],
)
def test_the_layers_from_the_named_one_on_are_trained(words, expected):
    net = build(model(), 3, 0).train()
    one = frozen(net, train_only=words)
    one.apply(net, one.at(0))
    assert trained(net) == expected


def test_a_block_means_all_of_its_layers():
    net = build(model(), 3, 0).train()
    one = frozen(net, train_only="from:blocks.4")
    one.apply(net, one.at(0))
    assert trained(net) == HEAD | {name for name, _ in net.named_parameters() if name.startswith("blocks.4")}


def test_what_is_frozen_is_in_evaluation_mode_and_the_rest_is_not():
    net = build(model(), 3, 0).train()
    one = frozen(net, train_only="last-conv")
    one.apply(net, one.at(0))
    assert not net.blocks[3][0].bn1.training
    assert net.blocks[4][1].bn2.training
    assert net.classifier.training


def test_frozen_batch_norm_keeps_its_statistics_unless_asked():
    pixels = torch.randn(4, *SHAPE)
    for keeps in (True, False):
        net = build(model(), 3, 0).train()
        one = frozen(net, train_only="head", frozen_batch_norm=keeps)
        net.train()
        one.apply(net, one.at(0))
        before = net.bn1.running_mean.clone()
        net(pixels)
        assert torch.equal(net.bn1.running_mean, before) == keeps
        assert trained(net) == HEAD


def test_unfreezing_widens_from_its_epoch_on_and_goes_by_the_epoch_alone():
    net = build(model(), 3, 0)
    one = frozen(net, train_only="head", unfreeze={2: "last-conv", 4: "all"})
    for epoch, expected in ((0, HEAD), (4, {name for name, _ in net.named_parameters()}), (3, HEAD | LAST), (1, HEAD)):
        net.train()
        one.apply(net, one.at(epoch))
        assert trained(net) == expected
    assert one.widest == 0
    assert not one.keeps


def test_the_tensors_that_never_change_are_those_before_the_first_that_is_ever_trained():
    net = build(model(), 3, 0)
    one = frozen(net, train_only="head", unfreeze={2: "last-conv"})
    after = {f"blocks.4.1.bn2.{name}" for name in ("running_mean", "running_var", "num_batches_tracked")}
    assert one.fixed(net) == net.state_dict().keys() - HEAD - LAST - after
    assert frozen(net, train_only="head", frozen_batch_norm=False).fixed(net) == frozenset()


@pytest.mark.parametrize(
    ("key", "words", "at"), [("train_only", "from:blocks.9", ()), ("unfreeze", {3: "from:blcks"}, (3,))]
)
def test_an_unknown_layer_is_said_with_its_place(key, words, at):
    with pytest.raises(UsageError, match=r"unknown layer 'bl.*'; did you mean") as caught:
        frozen(**{key: words})
    assert caught.value.at == (key, *at)
