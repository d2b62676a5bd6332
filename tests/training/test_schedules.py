"""Schedules equal torch's own, step by step."""

import warnings
from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.optim import lr_scheduler

from assay.recipes.named_sections import SCHEDULES
from assay.training.schedules import Constant, Cosine, Horizon, Linear, OneCycle, Piecewise, Plateau, Step

PEAK = 0.3
HORIZON = Horizon(steps_per_epoch=7, epochs=12)


def torch_rates(make: Callable[[torch.optim.Optimizer], lr_scheduler.LRScheduler], steps: int) -> list[float]:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=PEAK)
    scheduler = make(optimizer)
    rates = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # nothing is trained here, so torch misses optimizer.step()
        for _ in range(steps):
            rates.append(optimizer.param_groups[0]["lr"])
            scheduler.step()
    return rates


def our_rates(schedule, every: int = 1) -> list[float]:
    return [schedule.learning_rate(PEAK, step, HORIZON) for step in range(0, HORIZON.steps, every)]


def test_constant_stays():
    assert set(our_rates(Constant())) == {PEAK}


def test_cosine_equals_torch():
    oracle = torch_rates(lambda o: lr_scheduler.CosineAnnealingLR(o, HORIZON.steps, eta_min=0.1 * PEAK), HORIZON.steps)
    assert our_rates(Cosine(final=0.1)) == pytest.approx(oracle, rel=1e-9)


def test_linear_equals_torch():
    oracle = torch_rates(lambda o: lr_scheduler.LinearLR(o, 1.0, 0.0, HORIZON.steps), HORIZON.steps)
    assert our_rates(Linear()) == pytest.approx(oracle, rel=1e-9)


def test_one_cycle_equals_torch():
    oracle = torch_rates(
        lambda o: lr_scheduler.OneCycleLR(o, PEAK, HORIZON.steps, pct_start=0.25, cycle_momentum=False), HORIZON.steps
    )
    assert our_rates(OneCycle(up=0.25)) == pytest.approx(oracle, rel=1e-9)


def test_step_equals_torch_epoch_by_epoch():
    oracle = torch_rates(lambda o: lr_scheduler.StepLR(o, 5, gamma=0.2), HORIZON.epochs)
    assert our_rates(Step(every=5, factor=0.2), every=HORIZON.steps_per_epoch) == pytest.approx(oracle, rel=1e-9)


def test_step_changes_only_between_epochs():
    rates = our_rates(Step(every=1))
    assert all(len(set(rates[i : i + 7])) == 1 for i in range(0, HORIZON.steps, 7))


def test_drops_take_hold_at_the_start_of_their_epoch():
    rates = our_rates(Piecewise(at={3: 0.1, 8: 0.02}), every=HORIZON.steps_per_epoch)
    assert rates == [PEAK] * 3 + [0.1] * 5 + [0.02] * 4


def test_plateau_equals_torch():
    losses = [1.0, 0.9, 0.9, 0.95, 0.9, 0.5, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6, 0.49999, 0.4]
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=PEAK)
    scheduler = lr_scheduler.ReduceLROnPlateau(optimizer, patience=2, factor=0.5)
    for done, loss in enumerate(losses, 1):
        scheduler.step(loss)
        ours = Plateau(patience=2, factor=0.5).learning_rate(PEAK, 0, HORIZON, losses[:done])
        assert ours == pytest.approx(optimizer.param_groups[0]["lr"]), f"after {done} epochs"


@pytest.mark.parametrize("schedule", [Constant, Cosine, Linear])
def test_warm_up_is_linear_and_ends_at_the_peak(schedule):
    rates = our_rates(schedule(warmup_epochs=2))
    assert rates[:14] == pytest.approx([PEAK * (i + 1) / 14 for i in range(14)])
    assert rates[14] == pytest.approx(PEAK)


def test_warmed_up_linear_still_ends_at_zero():
    last = our_rates(Linear(warmup_epochs=2))[-1]
    assert last == pytest.approx(PEAK / (HORIZON.steps - 14))


REQUIRED_KEYS = {"step": {"every": 1}, "piecewise": {"at": {1: 0.1}}}


@given(
    name=st.sampled_from(SCHEDULES.names()), steps=st.integers(1, 12), epochs=st.integers(1, 5),
    up=st.sampled_from([0.05, 0.1, 0.2, 0.25, 1 / 3, 0.5, 0.9]), warmup=st.sampled_from([0, 0.5, 1, 3]),
)  # fmt: skip
def test_every_schedule_has_a_rate_for_every_step_of_every_short_run(name, steps, epochs, up, warmup):
    keys = {"up": up} if name == "one-cycle" else {"warmup_epochs": warmup}
    schedule = SCHEDULES[name](**REQUIRED_KEYS.get(name, {}), **keys)
    horizon = Horizon(steps, epochs)
    rates = [schedule.learning_rate(PEAK, step, horizon, [1.0] * (step // steps)) for step in range(horizon.steps)]
    assert all(0 <= rate <= PEAK * (1 + 1e-9) for rate in rates)


@pytest.mark.parametrize(("up", "steps"), [(0.1, 10), (0.25, 4), (0.5, 2), (1 / 3, 3)])
def test_a_one_cycle_whose_way_up_is_one_step_begins_at_its_peak(up, steps):
    schedule, horizon = OneCycle(up=up), Horizon(steps, 1)
    rates = [schedule.learning_rate(PEAK, step, horizon) for step in range(steps)]
    assert rates[0] == pytest.approx(PEAK)
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] == pytest.approx(PEAK / 25 / 1e4)
