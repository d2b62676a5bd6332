"""One update against the textbook: clipping sees the L2 penalty, as in Keras, and not weight decay, as in torch."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from assay.core.runtime import Runtime
from assay.recipes.recipe import Recipe
from assay.training.distributed import SINGLE_PROCESS
from assay.training.optimizer_step import OptimizerStep, fresh_state

FP32 = Runtime("cpu", "fp32", threads=1)


def small_net() -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(16, 3))


@pytest.mark.parametrize("clip_norm", [0.05, 1.0, 1e6, None])
@pytest.mark.parametrize("keys", [{"name": "sgd", "lr": 0.1}, {"name": "adam", "lr": 0.01, "eps": 1e-3}], ids=str)
def test_the_penalty_is_part_of_the_gradient_that_is_clipped_and_weight_decay_is_not(keys, clip_norm):
    """The oracle adds l2 * sum(w^2) to the loss and clips by torch's own function."""
    more = {"l2": {"conv": 0.3, "linear": 0.1}, "weight_decay": 0.02, "clip_norm": clip_norm}
    recipe = Recipe.build({"model": {"layers": ["linear 3"]}, "optimizer": {**keys, **more}})
    net, oracle = small_net(), small_net()
    oracle.load_state_dict(net.state_dict())
    state, step = fresh_state(recipe, net), OptimizerStep(recipe, net, 4, FP32, SINGLE_PROCESS)
    made = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}[keys["name"]]
    options = {"momentum": 0.9} if keys["name"] == "sgd" else {"eps": 1e-3}
    plain = made(oracle.parameters(), keys["lr"], weight_decay=0.02, foreach=False, **options)
    for number in range(4):
        x, labels = torch.randn(5, 1, 4, 4), torch.tensor([0, 1, 2, 0, 1])
        step(state, 0, number, x, labels)
        plain.zero_grad()
        penalty = 0.3 * oracle[0].weight.square().sum() + 0.1 * oracle[3].weight.square().sum()
        (functional.cross_entropy(oracle(x), labels) + penalty).backward()
        if clip_norm is not None:
            nn.utils.clip_grad_norm_(oracle.parameters(), clip_norm)
        plain.step()
    for mine, theirs in zip(net.parameters(), oracle.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-5)
