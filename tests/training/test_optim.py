"""Optimisers: the penalties fall on the layers that they are meant for, and the steps are the textbook's."""

import pytest
import torch
from torch import nn

from assay.errors import UsageError
from assay.recipe import Adam, AdamW, Sgd
from assay.training.optim import build_optimiser


def net() -> nn.Sequential:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(8, 3))


def loss_of(module: nn.Module) -> torch.Tensor:
    x = torch.linspace(-1, 1, 32).reshape(2, 1, 4, 4)
    return nn.functional.cross_entropy(module(x), torch.tensor([0, 2]))


def test_sgd_with_momentum_follows_the_textbook():
    module, spec = net(), Sgd(lr=0.1, momentum=0.9)
    weight = module[2].weight.detach().clone()
    optimiser = build_optimiser(spec, module)
    velocity = torch.zeros_like(weight)
    for _ in range(3):
        optimiser.zero_grad()
        loss_of(module).backward()
        velocity = 0.9 * velocity + module[2].weight.grad
        weight -= 0.1 * velocity
        optimiser.step()
    assert torch.allclose(module[2].weight, weight, atol=1e-7)


@pytest.mark.parametrize("spec", [Sgd(lr=0.1, l2={"conv": 0.01}), Adam(lr=0.01, l2={"conv": 0.01})])
def test_l2_has_keras_meaning(spec):
    """The same steps as adding l2 * sum(w^2) of the convolution's weights to the loss."""
    ours, oracle = net(), net()
    with_l2, plain = build_optimiser(spec, ours), build_optimiser(spec.model_copy(update={"l2": {}}), oracle)
    for _ in range(3):
        with_l2.zero_grad()
        loss_of(ours).backward()
        with_l2.step()
        plain.zero_grad()
        (loss_of(oracle) + 0.01 * oracle[0].weight.square().sum()).backward()
        plain.step()
    for mine, theirs in zip(ours.parameters(), oracle.parameters(), strict=True):
        assert torch.allclose(mine, theirs, atol=1e-5)


def test_every_parameter_is_trained_once():
    module = net()
    optimiser = build_optimiser(Sgd(lr=0.1, l2={"linear": 0.1}), module)
    found = [id(p) for group in optimiser.param_groups for p in group["params"]]
    assert sorted(found) == sorted(id(p) for p in module.parameters())


def test_adamw_decouples_its_decay():
    module = net()
    before = module[2].weight.detach().clone()
    optimiser = build_optimiser(AdamW(lr=0.1, weight_decay=0.5), module)
    for parameter in module.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimiser.step()
    assert torch.allclose(module[2].weight, before * (1 - 0.1 * 0.5), atol=1e-7)


def test_l2_on_a_layer_kind_that_is_not_there_is_refused():
    with pytest.raises(UsageError, match="no such layer"):
        build_optimiser(Sgd(lr=0.1, l2={"batchnorm": 0.1}), net())


def test_l2_on_an_unknown_layer_kind_names_the_nearest():
    with pytest.raises(UsageError, match="did you mean conv"):
        build_optimiser(Sgd(lr=0.1, l2={"convv": 0.1}), net())
