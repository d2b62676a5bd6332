"""Parameters may join a training late, and a state may come from another memory format: no fused step is wrong."""

import pytest
import torch
from torch import nn

from assay.core.errors import Interrupted
from assay.core.runtime import Runtime
from assay.experiments.setup import set_up
from assay.recipes.named_sections import OPTIMIZERS
from assay.recipes.recipe import Recipe
from assay.training.callbacks import Callback
from assay.training.checkpoint import TrainState, copy_weights
from assay.training.optimizer_state import match_memory_formats
from assay.training.optimizers import Adam, Muon, Sgd, build_optimizer
from assay.training.trainer import Trainer

FP32 = Runtime("cpu", "fp32", threads=1)
EPOCHS, STEPS = 3, 2  # steps an epoch
RATES = {"muon": {"lr": 0.05, "bias_lr": 0.01, "head_lr": 0.01}, "sgd": {"lr": 0.01}}
OPTIONS = [
    *({"name": name, **RATES.get(name, {"lr": 1e-3})} for name in OPTIMIZERS.names()),
    *({"name": name, **RATES.get(name, {"lr": 1e-3}), "below_head": 0.1} for name in ("sgd", "adam", "adamw")),
    {"name": "sgd", "lr": 0.01, "momentum": 0.0, "below_head": 0.1},
    {"name": "sgd", "lr": 0.01, "nesterov": True, "weight_decay": 1e-3},
]


@pytest.fixture
def make(tmp_path, monkeypatch, images):
    """A trainer of the head in the first epoch, from the last block on in the second, and of all in the third."""
    monkeypatch.setenv("ASSAY_DATA", str(tmp_path))

    def call(optimizer: dict, train_only: str = "head") -> Trainer:
        model = {"name": "mobilenet_v1", "arguments": {"width": 0.1}, "train_only": train_only}
        values = {
            "preprocess": {"resize": 32, "normalize": "net"},
            "model": {**model, "unfreeze": {1: "from:blocks.4", 2: "all"}},
            "optimizer": optimizer,
            "training": {"epochs": EPOCHS, "batch_size": 9},
            "stopping": {"restore_best": False},
        }
        return set_up(Recipe.build(values), FP32, images=images.subset(range(20))).trainer

    return call


def run(trainer: Trainer, stop=lambda: False, save=lambda state: None) -> dict[str, torch.Tensor]:
    trainer.run(Callback(), save, stop)
    return copy_weights(trainer.state.net)


each_optimizer = pytest.mark.parametrize("optimizer", OPTIONS, ids=lambda keys: "-".join(map(str, keys.values())))


@each_optimizer
def test_a_run_resumes_across_each_unfreezing_bit_for_bit(make, tmp_path, optimizer):
    """From the end of the first epoch, and from the middle of the second."""
    ends = (tmp_path / f"{epoch}.pt" for epoch in range(EPOCHS))
    whole = run(make(optimizer), save=lambda state: state.save(next(ends)))
    steps = iter(range(1, EPOCHS * STEPS))
    with pytest.raises(Interrupted):
        run(make(optimizer), lambda: next(steps) == STEPS + 1, lambda state: state.save(tmp_path / "middle.pt"))
    for saved in ("0.pt", "middle.pt"):
        resumed = make(optimizer)
        resumed.state.load(tmp_path / saved)
        weights = run(resumed)
        assert all(torch.equal(weights[name], tensor) for name, tensor in whole.items())


@pytest.mark.parametrize("optimizer", [keys for keys in OPTIONS if keys["name"] == "sgd"], ids=str)
def test_unfreezing_trains_as_torchs_plain_sgd_does(make, monkeypatch, optimizer):
    fused = run(make(optimizer))
    monkeypatch.setattr("assay.training.parameter_groups.has_fused_optimizer", lambda net: False)
    plain = run(make(optimizer))
    for name, tensor in plain.items():
        torch.testing.assert_close(fused[name], tensor, rtol=1e-4, atol=1e-4)


def test_every_layer_is_trained_once_it_is_unfrozen(make):
    trainer = make({"name": "sgd", "lr": 0.01})
    before = copy_weights(trainer.state.net)
    after = run(trainer)
    assert not torch.equal(after["conv_stem.weight"], before["conv_stem.weight"])
    assert not torch.equal(after["blocks.4.0.conv_pw.weight"], before["blocks.4.0.conv_pw.weight"])


class Skipping(nn.Module):
    """A net that leaves a layer out of its first steps, as stochastic depth does."""

    def __init__(self) -> None:
        super().__init__()
        self.always, self.later, self.joins = nn.Linear(3, 3), nn.Linear(3, 3), False

    def forward(self, x):
        x = self.always(x)
        return self.later(x) if self.joins else x


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_a_layer_that_gets_its_first_gradient_late_starts_as_at_the_first_step(momentum):
    nets = Skipping(), Skipping()
    nets[1].load_state_dict(nets[0].state_dict())
    optimizers = (
        build_optimizer(Sgd(lr=0.1, momentum=momentum), nets[0]),
        torch.optim.SGD(nets[1].parameters(), 0.1, momentum=momentum, foreach=False),
    )
    for step in range(4):
        for net, optimizer in zip(nets, optimizers, strict=True):
            net.joins = step > 1
            optimizer.zero_grad()
            net(torch.linspace(-1, 1, 6).view(2, 3)).square().sum().backward()
            optimizer.step()
    for mine, oracle in zip(*(net.parameters() for net in nets), strict=True):
        torch.testing.assert_close(mine, oracle)


@pytest.mark.parametrize(
    "spec", [Sgd(lr=0.1), Adam(lr=0.1), Muon(bias_lr=0.1, head_lr=0.1)], ids=lambda spec: spec.name
)
def test_a_state_saved_in_another_memory_format_goes_on_as_in_its_own(spec, tmp_path):
    def state(memory_format: torch.memory_format) -> TrainState:
        net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(16, 2)).to(memory_format=memory_format)
        return TrainState(net, build_optimizer(spec, net), {})

    def step(state: TrainState, seed: int) -> None:
        for parameter in state.net.parameters():
            values = torch.randn(parameter.shape, generator=torch.Generator().manual_seed(seed))
            parameter.grad = torch.empty_like(parameter).copy_(values)
        state.optimizer.step()

    first = state(torch.channels_last)
    step(first, 1)
    first.save(tmp_path / "state.pt")
    other = state(torch.contiguous_format)
    other.load(tmp_path / "state.pt")
    for continued in (first, other):
        step(continued, 2)
    for mine, theirs in zip(other.net.parameters(), first.net.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs.contiguous(), rtol=1e-5, atol=1e-6)


def test_a_state_in_its_own_memory_format_is_left_alone():
    net = nn.Conv2d(3, 4, 3).to(memory_format=torch.channels_last)
    optimizer = build_optimizer(Sgd(lr=0.1), net)
    net.weight.grad, net.bias.grad = torch.ones_like(net.weight), torch.ones_like(net.bias)
    optimizer.step()
    before = optimizer.state[net.weight]["momentum_buffer"]
    match_memory_formats(optimizer)
    assert optimizer.state[net.weight]["momentum_buffer"] is before
