"""The runtime of a run is the fastest for its net by a simulated clock; measuring changes nothing of the run."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from assay.core.processor import CoreUse
from assay.core.runtime import Runtime
from assay.data.augment.parse import Augment
from assay.data.preprocess import Preprocess
from assay.experiments import remembered_choice, runtime_choice
from assay.experiments.runtime_choice import RuntimeChoice, choose_for_net
from assay.models.sequential import build_sequential
from assay.training.checkpoint import copy_weights, weights_hash
from assay.training.loader import BatchLoader
from assay.training.trainer import Trainer

OPEN = Runtime("cpu", "fp32", threads=2, measures_precision=True, measures_threads=True, max_threads=2)
Seconds = Callable[[Runtime], float]


@pytest.fixture(autouse=True)
def quiet_machine_of_two_threads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A quiet machine that can do bf16, with a cache of its own; a run of any length is measured."""
    monkeypatch.setattr(runtime_choice, "SHORTEST_RUN_SECONDS", 20.0)
    monkeypatch.setattr(remembered_choice, "machine_cache", lambda: tmp_path / "machine")
    monkeypatch.setattr(runtime_choice, "can_bf16", lambda: True)
    monkeypatch.setattr(runtime_choice.CoreUseMeter, "read", lambda self: CoreUse(1.0, 0.0))
    monkeypatch.setattr(torch, "set_num_threads", lambda threads: None)


@pytest.fixture
def choose(recipe, images):
    """Choose for a small net with a clock that gives each candidate these seconds."""
    recipe = recipe.override({"training.epochs": 100})
    net = build_sequential(recipe.model, images.shape, 3, recipe.seed)
    loader = BatchLoader(
        images, Preprocess.fit(recipe.preprocess, images), Augment.parse(recipe.augment), OPEN
    )  # fmt: skip

    def call(seconds: Seconds, runtime: Runtime = OPEN, steps_run: list[Runtime] | None = None) -> RuntimeChoice:
        def timer(candidate: Runtime, train_steps: Callable[[], None]) -> float:
            train_steps()
            if steps_run is not None:
                steps_run.append(candidate)
            return seconds(candidate)

        def trainer_of(copy: torch.nn.Module, candidate: Runtime) -> Trainer:
            return Trainer(recipe, copy, loader, None, candidate)

        return choose_for_net(net, trainer_of, loader, 32, runtime, timer)

    call.net = net
    return call


def rates(**factors: float) -> Seconds:
    """Seconds of a step by factors: bf16, contiguous, single (thread)."""

    def seconds(runtime: Runtime) -> float:
        total = 0.1
        total *= factors.get("bf16", 1.0) if runtime.precision == "bf16" else 1.0
        total *= 1.0 if runtime.channels_last else factors.get("contiguous", 1.0)
        return total * (factors.get("single", 1.0) if runtime.threads == 1 else 1.0)

    return seconds


@pytest.mark.parametrize(
    ("factors", "expected"),
    [
        ({"bf16": 1.5, "contiguous": 1.1, "single": 1.8}, {}),
        ({"bf16": 0.6, "contiguous": 1.1, "single": 1.8}, {"precision": "bf16"}),
        ({"bf16": 1.5, "contiguous": 0.9, "single": 1.8}, {"channels_last": False}),
        ({"bf16": 1.5, "contiguous": 1.1, "single": 0.5}, {"threads": 1}),
        ({"bf16": 0.6, "contiguous": 0.9, "single": 0.5}, {"precision": "bf16", "channels_last": False, "threads": 1}),
        ({"bf16": 0.98, "contiguous": 1.0, "single": 0.98}, {}),  # near ties
        ({"bf16": 1.1, "contiguous": 0.98, "single": 1.8}, {}),
    ],
)
def test_the_fastest_is_taken_and_a_near_tie_keeps_the_default(choose, factors, expected):
    choice = choose(rates(**factors))
    assert choice.source == "measured"
    assert choice.runtime == replace(OPEN.as_measured(), **expected)


def test_what_an_option_fixes_stays_fixed(choose):
    fast = rates(bf16=0.5, contiguous=0.5, single=0.5)
    assert choose(fast, OPEN.as_fixed()) == RuntimeChoice(OPEN.as_fixed())
    fixed_threads = replace(OPEN, measures_threads=False, max_threads=None)
    assert choose(fast, fixed_threads).runtime == Runtime("cpu", "bf16", 2, channels_last=False)
    fixed_precision = replace(OPEN, measures_precision=False)
    assert choose(fast, fixed_precision).runtime == Runtime("cpu", "fp32", 1, max_threads=2)


def test_bf16_is_not_tried_where_it_is_emulated(choose, monkeypatch):
    monkeypatch.setattr(runtime_choice, "can_bf16", lambda: False)
    steps_run: list[Runtime] = []
    choose(rates(), steps_run=steps_run)
    assert {candidate.precision for candidate in steps_run} == {"fp32"}


def test_a_short_run_keeps_the_default(choose, monkeypatch):
    monkeypatch.setattr(runtime_choice, "SHORTEST_RUN_SECONDS", 1e9)
    assert choose(rates(bf16=0.5)) == RuntimeChoice(OPEN.as_measured())


def test_nothing_of_the_run_changes(choose):
    before, random_state = weights_hash(copy_weights(choose.net)), torch.get_rng_state()
    is_training = choose.net.training
    gradients = [parameter.grad for parameter in choose.net.parameters()]
    assert choose(rates()).source == "measured"
    assert weights_hash(copy_weights(choose.net)) == before
    assert torch.equal(torch.get_rng_state(), random_state)
    assert choose.net.training == is_training
    assert [parameter.grad for parameter in choose.net.parameters()] == gradients == [None] * len(gradients)


def test_a_second_run_remembers(choose):
    first = choose(rates(bf16=0.6))
    second = choose(rates(bf16=1.6))
    assert (second.source, second.runtime) == ("remembered", first.runtime)


def test_threads_chosen_on_a_busy_machine_are_not_remembered(choose, monkeypatch):
    monkeypatch.setattr(runtime_choice.CoreUseMeter, "read", lambda self: CoreUse(0.0, 1.0))
    assert choose(rates(bf16=0.6, single=0.5)).runtime.threads == 1
    assert choose(rates(single=1.8)).runtime == replace(OPEN.as_measured(), precision="bf16")


def test_a_module_that_cannot_be_copied_keeps_the_default(choose, monkeypatch):
    def refuse(self, memo):
        raise RuntimeError("it holds a lock")

    monkeypatch.setattr(type(choose.net), "__deepcopy__", refuse, raising=False)
    assert choose(rates(bf16=0.5)) == RuntimeChoice(OPEN.as_measured())


def test_the_user_is_told_in_one_line_and_the_record_has_the_times(choose):
    choice = choose(rates(bf16=0.5, contiguous=1.2, single=1.5))
    assert choice.text() == (
        "bf16 channels_last 2 threads is the fastest for this net (ms for the same images: "
        "fp32 channels_last 2 threads 100, fp32 channels_last 1 thread 150, fp32 contiguous 2 threads 120, "
        "bf16 channels_last 2 threads 50, bf16 contiguous 2 threads 60)"
    )
    record = choice.record()["runtime_choice"]
    assert record["source"] == "measured"
    assert record["milliseconds"]["bf16 channels_last 2 threads"] == pytest.approx(50)
    assert RuntimeChoice(OPEN).record() == {}
