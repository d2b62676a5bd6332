"""Optimizers: the penalties fall on the layers that they are meant for, and the steps are the textbook's."""

import pytest
import torch
from torch import nn

from assay.core.errors import UsageError
from assay.models.head import Head
from assay.models.sequential import Net
from assay.models.special_layers import WhiteningConv
from assay.training.optimizers import Adam, AdamW, Muon, Sgd, build_optimizer


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
    optimizer = build_optimizer(spec, module)
    velocity = torch.zeros_like(weight)
    for _ in range(3):
        optimizer.zero_grad()
        loss_of(module).backward()
        velocity = 0.9 * velocity + module[2].weight.grad
        weight -= 0.1 * velocity
        optimizer.step()
    assert torch.allclose(module[2].weight, weight, atol=1e-7)


@pytest.mark.parametrize("spec", [Sgd(lr=0.1, l2={"conv": 0.01}), Adam(lr=0.01, l2={"conv": 0.01})])
def test_l2_has_keras_meaning(spec):
    """The same steps as adding l2 * sum(w^2) of the convolution's weights to the loss."""
    ours, oracle = net(), net()
    with_l2, plain = build_optimizer(spec, ours), build_optimizer(spec.model_copy(update={"l2": {}}), oracle)
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
    optimizer = build_optimizer(Sgd(lr=0.1, l2={"linear": 0.1}), module)
    found = [id(p) for group in optimizer.param_groups for p in group["params"]]
    assert sorted(found) == sorted(id(p) for p in module.parameters())


MUON = Muon(lr=0.2, bias_lr=0.05, head_lr=0.5, decay=0.01)


class Unusual(nn.Sequential):
    """A net of one's own: parameters of every number of dimensions, some of them not trained."""

    def __init__(self) -> None:
        super().__init__(WhiteningConv(1, (2, 2)), nn.BatchNorm2d(8), nn.Conv2d(8, 2, 2), nn.Flatten(), nn.Linear(8, 3))
        self.token, self.gain = nn.Parameter(torch.ones(1, 2, 3)), nn.Parameter(torch.ones(()))
        self[1].weight.requires_grad = False


@pytest.mark.parametrize("spec", [Sgd(lr=0.1), AdamW(lr=0.1), MUON], ids=lambda spec: spec.name)
def test_every_parameter_of_an_unusual_net_is_trained_once_if_it_is_trained_at_all(spec):
    module = Unusual()
    found = [id(p) for group in build_optimizer(spec, module).param_groups for p in group["params"]]
    assert sorted(found) == sorted(id(p) for p in module.parameters() if p.requires_grad)


def test_l2_leaves_weights_alone_that_are_not_trained():
    module = Unusual()
    groups = build_optimizer(Sgd(lr=0.1, l2={"conv": 0.01}), module).param_groups
    decayed = [id(p) for group in groups if group["weight_decay"] for p in group["params"]]
    assert decayed == [id(module[2].weight)]


def test_muon_takes_the_filters_and_sgd_the_rest_at_rates_of_their_own():
    module = net()
    groups = build_optimizer(MUON, module).param_groups
    rates = {id(p): (group["lr"], group["initial_lr"]) for group in groups for p in group["params"]}
    assert [rates[id(p)] for p in module.parameters()] == [(0.2, 0.2), (0.05, 0.05), (0.5, 0.5), (0.05, 0.05)]


def test_what_muon_leaves_to_sgd_follows_the_textbook():
    """Nesterov's momentum on the gradient plus decay / lr times the weight."""
    module = net()
    optimizer = build_optimizer(MUON, module)
    rates = {"0.bias": 0.05, "2.weight": 0.5, "2.bias": 0.05}
    weights = {name: p.detach().clone() for name, p in module.named_parameters() if name in rates}
    velocity = {name: torch.zeros_like(weight) for name, weight in weights.items()}
    for _ in range(3):
        optimizer.zero_grad()
        loss_of(module).backward()
        for name, lr in rates.items():
            gradient = module.get_parameter(name).grad + 0.01 / lr * weights[name]
            velocity[name] = 0.85 * velocity[name] + gradient
            weights[name] -= lr * (gradient + 0.85 * velocity[name])
        optimizer.step()
    for name, weight in weights.items():
        torch.testing.assert_close(module.get_parameter(name).detach(), weight, atol=1e-6, rtol=1e-5)


def test_a_step_of_muon_takes_decay_over_one_minus_momentum_off_a_weight():
    """Without a gradient of its own, once the momentum has built up: 6.7 times decay at the default 0.85."""
    module, norms = net(), []
    optimizer = build_optimizer(Muon(bias_lr=53, head_lr=670, decay=1e-4), module)
    for _ in range(101):
        for parameter in module.parameters():
            parameter.grad = torch.zeros_like(parameter)
        optimizer.step()
        norms.append(module[2].weight.norm().item())
    assert 1 - norms[100] / norms[99] == pytest.approx(1e-4 / (1 - 0.85), rel=0.01)


def test_filters_under_muon_do_not_decay():
    module = net()
    for parameter in module.parameters():
        parameter.grad = torch.zeros_like(parameter)
    build_optimizer(MUON, module).step()
    assert module[0].weight.norm().item() == pytest.approx(2**0.5, rel=1e-5)


def test_a_net_of_filters_alone_needs_no_sgd():
    module = nn.Sequential(nn.Conv2d(1, 3, 4, bias=False), nn.Flatten())
    optimizer = build_optimizer(MUON, module)
    before = module[0].weight.detach().clone()
    loss_of(module).backward()
    optimizer.step()
    assert not torch.equal(module[0].weight, before)


def test_muon_without_convolutions_is_refused():
    with pytest.raises(UsageError, match="muon needs a net with convolutions"):
        build_optimizer(MUON, nn.Sequential(nn.Flatten(), nn.Linear(16, 3)))


def test_adamw_decouples_its_decay():
    module = net()
    before = module[2].weight.detach().clone()
    optimizer = build_optimizer(AdamW(lr=0.1, weight_decay=0.5), module)
    for parameter in module.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    assert torch.allclose(module[2].weight, before * (1 - 0.1 * 0.5), atol=1e-7)


def test_l2_on_a_layer_kind_that_is_not_there_is_refused():
    with pytest.raises(UsageError, match="no such layer"):
        build_optimizer(Sgd(lr=0.1, l2={"batchnorm": 0.1}), net())


def test_l2_on_an_unknown_layer_kind_names_the_nearest():
    with pytest.raises(UsageError, match="did you mean conv"):
        build_optimizer(Sgd(lr=0.1, l2={"convv": 0.1}), net())


def test_the_whitening_bias_is_trained_as_long_as_the_recipe_says():
    net = Net(["whitening 2x2", "conv 4 3x3", "flatten", "linear 2"], (1, 6, 6), 2)
    spec = Muon(bias_lr=0.1, head_lr=0.1, whitening_epochs=2)
    trained = []
    for epoch in range(4):
        spec.begin_epoch(net, epoch)
        trained.append([name for name, p in net.named_parameters() if p.requires_grad])
    assert all("layers.whitening_1.bias" in names for names in trained[:2])
    assert trained[2] == trained[3] == [name for name in trained[0] if name != "layers.whitening_1.bias"]


def test_without_a_word_the_whitening_bias_is_trained_to_the_end():
    net = Net(["whitening 2x2", "conv 4 3x3", "flatten", "linear 2"], (1, 6, 6), 2)
    Muon(bias_lr=0.1, head_lr=0.1).begin_epoch(net, 1000)
    assert net.layers[0].bias.requires_grad


def test_what_is_below_a_new_head_has_a_lower_rate_and_the_heads_group_comes_first():
    module = nn.Sequential(nn.Linear(4, 5), Head(5, 3))
    groups = build_optimizer(Sgd(lr=0.1, below_head=0.01, l2={"linear": 0.1}), module).param_groups
    assert [group["initial_lr"] for group in groups] == pytest.approx([0.1, 0.1, 0.001, 0.001])
    rates = {id(p): group["lr"] for group in groups for p in group["params"]}
    assert [rates[id(p)] for p in module.parameters()] == pytest.approx([0.001, 0.001, 0.1, 0.1])


def test_a_lower_rate_needs_a_new_head():
    with pytest.raises(UsageError, match="only a pretrained net has a new head") as caught:
        build_optimizer(Sgd(lr=0.1, below_head=0.1), net())
    assert caught.value.at == ("below_head",)
