"""One update for several nets is torch's own optimizer for each of them."""

import pytest
import torch
from torch import nn

from assay.training.optimizers import Adam, AdamW, Sgd
from assay.training.stacked_optimizer import StackedOptimizer

STEPS = 5
CASES = {
    "sgd": ([Sgd(lr=0.1), Sgd(lr=0.02, momentum=0.5), Sgd(lr=0.3, momentum=0, weight_decay=0.01)], torch.optim.SGD),
    "nesterov": ([Sgd(lr=0.1, nesterov=True), Sgd(lr=0.2, momentum=0.8, nesterov=True)], torch.optim.SGD),
    "adam": ([Adam(lr=0.1), Adam(lr=0.02, weight_decay=0.1), Adam(lr=0.02)], torch.optim.Adam),
    "adamw": ([AdamW(lr=0.1), AdamW(lr=0.02, weight_decay=0.1)], torch.optim.AdamW),
    "clipped": ([Sgd(lr=0.1, clip_norm=0.5), Sgd(lr=0.2, clip_norm=0.5)], torch.optim.SGD),
}


class Numbers(nn.Module):
    """Parameters of some shapes, and one that is not trained."""

    def __init__(self, *front: int) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.rand(*front, 4, 3)), nn.Parameter(torch.rand(*front, 2))
        self.fixed = nn.Parameter(torch.rand(*front, 2), requires_grad=False)


def options(spec) -> dict:
    if isinstance(spec, Sgd):
        return {"momentum": spec.momentum, "nesterov": spec.nesterov}
    return {"betas": spec.betas, "eps": spec.eps}


@pytest.mark.parametrize("name", CASES)
def test_it_is_torchs_optimizer_with_rates_that_change(name):
    specs, torchs = CASES[name]
    wide = Numbers(len(specs))
    singles = []
    for place, spec in enumerate(specs):
        one = Numbers()
        one.load_state_dict({key: tensor[place] for key, tensor in wide.state_dict().items()})
        trained = [one.weight, one.bias]
        singles.append((one, torchs(trained, spec.lr, weight_decay=spec.weight_decay, **options(spec))))
    fixed = wide.fixed.clone()
    update = StackedOptimizer(wide, specs, [dict.fromkeys(("weight", "bias"), spec.weight_decay) for spec in specs])
    for step in range(STEPS):
        rates = [spec.lr / (1 + step // 2) for spec in specs]
        update.zero_grad()
        (wide.weight.pow(3).sum() + wide.bias.square().sum()).backward()
        update.step(rates)
        for (one, optimizer), spec, rate in zip(singles, specs, rates, strict=True):
            optimizer.param_groups[0]["lr"] = rate
            optimizer.zero_grad()
            (one.weight.pow(3).sum() + one.bias.square().sum()).backward()
            if spec.clip_norm:
                nn.utils.clip_grad_norm_(one.parameters(), spec.clip_norm)
            optimizer.step()
    for place, (one, _) in enumerate(singles):
        torch.testing.assert_close(wide.weight[place], one.weight, rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(wide.bias[place], one.bias, rtol=1e-5, atol=1e-6)
    assert torch.equal(wide.fixed, fixed)


def test_each_parameter_has_a_decay_of_its_own():
    specs = [Sgd(lr=1.0, momentum=0), Sgd(lr=1.0, momentum=0)]
    wide = Numbers(2)
    before = wide.weight.detach().clone(), wide.bias.detach().clone()
    update = StackedOptimizer(wide, specs, [{"weight": 0.5, "bias": 0.0}, {"weight": 0.0, "bias": 0.25}])
    update.step([1.0, 1.0])
    torch.testing.assert_close(wide.weight, before[0] * torch.tensor([0.5, 1.0]).view(2, 1, 1))
    torch.testing.assert_close(wide.bias, before[1] * torch.tensor([1.0, 0.75]).view(2, 1))
