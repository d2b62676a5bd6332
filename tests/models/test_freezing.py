"""Which layers of a pretrained net are trained: those from a place on, in the order they run."""

import pytest
import torch
from torch import nn

from assay.core.errors import UsageError
from assay.models.freezing import FreezePlan
from assay.models.pretrained import build_pretrained
from assay.recipes.schema import Model

SHAPE = (3, 32, 32)
LAST = {"blocks.4.1.conv_pw.weight", "blocks.4.1.bn2.weight", "blocks.4.1.bn2.bias"}
HEAD = {"classifier.weight", "classifier.bias"}


def model(**keys) -> Model:
    return Model(name="mobilenet_v1", arguments={"width": 0.25}, **keys)


def freeze_plan(net: nn.Module | None = None, **keys) -> FreezePlan:
    return FreezePlan.from_model(model(**keys), net or build_pretrained(model(), 3, 0), SHAPE, 3)


def trainable(net: nn.Module) -> set[str]:
    return {name for name, p in net.named_parameters() if p.requires_grad}


@pytest.mark.parametrize(
    ("words", "expected"),
    [("head", HEAD), ("last-conv", HEAD | LAST), ("from:blocks.4.1.bn2", HEAD | {n for n in LAST if "bn2" in n})],
)
def test_the_layers_from_the_named_one_on_are_trained(words, expected):
    net = build_pretrained(model(), 3, 0).train()
    plan = freeze_plan(net, train_only=words)
    plan.apply(net, plan.start_at(0))
    assert trainable(net) == expected


def test_a_block_means_all_of_its_layers():
    net = build_pretrained(model(), 3, 0).train()
    plan = freeze_plan(net, train_only="from:blocks.4")
    plan.apply(net, plan.start_at(0))
    assert trainable(net) == HEAD | {name for name, _ in net.named_parameters() if name.startswith("blocks.4")}


def test_what_is_frozen_is_in_evaluation_mode_and_the_rest_is_not():
    net = build_pretrained(model(), 3, 0).train()
    plan = freeze_plan(net, train_only="last-conv")
    plan.apply(net, plan.start_at(0))
    assert not net.blocks[3][0].bn1.training
    assert net.blocks[4][1].bn2.training
    assert net.classifier.training


def test_frozen_batch_norm_keeps_its_statistics_unless_asked():
    pixels = torch.randn(4, *SHAPE)
    for frozen_batch_norm in (True, False):
        net = build_pretrained(model(), 3, 0).train()
        plan = freeze_plan(net, train_only="head", frozen_batch_norm=frozen_batch_norm)
        net.train()
        plan.apply(net, plan.start_at(0))
        before = net.bn1.running_mean.clone()
        net(pixels)
        assert torch.equal(net.bn1.running_mean, before) == frozen_batch_norm
        assert trainable(net) == HEAD


def test_unfreezing_widens_from_its_epoch_on_and_goes_by_the_epoch_alone():
    net = build_pretrained(model(), 3, 0)
    plan = freeze_plan(net, train_only="head", unfreeze={2: "last-conv", 4: "all"})
    for epoch, expected in ((0, HEAD), (4, {name for name, _ in net.named_parameters()}), (3, HEAD | LAST), (1, HEAD)):
        net.train()
        plan.apply(net, plan.start_at(epoch))
        assert trainable(net) == expected
    assert plan.first_trained == 0
    assert not plan.has_fixed_part


def test_the_tensors_that_never_change_are_those_before_the_first_that_is_ever_trained():
    net = build_pretrained(model(), 3, 0)
    plan = freeze_plan(net, train_only="head", unfreeze={2: "last-conv"})
    after = {f"blocks.4.1.bn2.{name}" for name in ("running_mean", "running_var", "num_batches_tracked")}
    assert plan.fixed_tensors(net) == net.state_dict().keys() - HEAD - LAST - after
    assert freeze_plan(net, train_only="head", frozen_batch_norm=False).fixed_tensors(net) == frozenset()


@pytest.mark.parametrize(
    ("key", "words", "at"), [("train_only", "from:blocks.9", ()), ("unfreeze", {3: "from:blcks"}, (3,))]
)
def test_an_unknown_layer_is_said_with_its_place(key, words, at):
    with pytest.raises(UsageError, match=r"unknown layer 'bl.*'; did you mean") as error:
        freeze_plan(**{key: words})
    assert error.value.at == (key, *at)
